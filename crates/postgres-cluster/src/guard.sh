# Stands between a test process and its server, so that neither the server nor its folder outlives the
# process, however that ends. Arguments: the folder, then the server's command line.
#
# Takes orders as lines of standard input and answers each with one line. When standard input ends, the
# process is gone or wants no more: the server is ended and the folder removed.

folder=$1
shift
# The server's process, empty while there is none.
server=
# Neither an answer that nobody reads any more must keep us from clearing up, nor the hangup that the system
# sends to a group with a frozen process whose last parent outside has ended. Caught, not ignored: what we
# start would inherit that.
trap : PIPE HUP

# Sets `found` to the server and all that descends from it, the server first. A process group would not
# do: each process of the server makes one of its own.
find_processes() {
    table=$(ps -A -o pid= -o ppid=)
    found=" $server "
    grown=yes
    while [ "$grown" ]; do
        grown=
        set -- $table
        while [ $# -gt 1 ]; do
            case $found in
            *" $1 "*) ;;
            *) case $found in *" $2 "*)
                found="$found$1 "
                grown=yes
                ;;
            esac ;;
            esac
            shift 2
        done
    done
}

# Stops all processes of the server where they are. What one of them started meanwhile is found in the
# next round; what is stopped starts nothing more.
freeze() {
    before=
    find_processes
    while [ "$found" != "$before" ]; do
        kill -STOP $found
        before=$found
        find_processes
    done
} 2>/dev/null

# Whether one of the processes named is there and more than an entry in the table.
is_alive() {
    for state in $(ps -o stat= -p "$1"); do
        case $state in Z*) ;; *) return 0 ;; esac
    done
    return 1
}

# Ends all processes of the server in one moment, and waits until they are gone: their shared memory is
# in use until then, and no server starts again before.
kill_all() {
    freeze
    kill -KILL $found
    list=$(echo $found | tr ' ' ',')
    while is_alive "$list"; do sleep 0.01; done
    forget
} 2>/dev/null

forget() {
    wait "$server"
    server=
} 2>/dev/null

# Waits up to so many tenths of a second for the server to end by itself.
wait_for_end() {
    left=$1
    while is_alive "$server"; do
        [ "$left" -gt 0 ] || return 1
        left=$((left - 1))
        sleep 0.1
    done
}

while read -r order; do
    case $order in
    start)
        "$@" </dev/null >>"$folder/log" 2>&1 &
        server=$!
        echo "$server"
        continue
        ;;
    state)
        if [ "$server" ] && is_alive "$server"; then echo running; else echo ended; fi
        continue
        ;;
    stop)
        if [ "$server" ]; then
            kill -INT "$server" 2>/dev/null
            if wait_for_end 600; then forget; else
                echo "still running after 60 s"
                continue
            fi
        fi
        ;;
    kill) [ "$server" ] && kill_all ;;
    freeze) [ "$server" ] && freeze ;;
    thaw)
        if [ "$server" ]; then
            find_processes
            kill -CONT $found 2>/dev/null
        fi
        ;;
    *)
        echo "not an order"
        continue
        ;;
    esac
    echo done
done

if [ "$server" ]; then
    # An immediate stop first: the server gives back what it holds of the system. If it is frozen, the
    # signal waits for it.
    kill -QUIT "$server" 2>/dev/null
    find_processes
    kill -CONT $found 2>/dev/null
    wait_for_end 50
    kill_all
fi
# A killed server leaves a segment of shared memory behind, of which the system has a limited number.
set -- $(sed -n 7p "$folder/data/postmaster.pid" 2>/dev/null)
[ $# -eq 2 ] && ipcrm -m "$2" 2>/dev/null
rm -rf "$folder" 2>/dev/null || {
    sleep 1
    rm -rf "$folder"
}
