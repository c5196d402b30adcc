use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::*;

use super::{Host, Place, PostgresOptions, TlsMode};
use crate::store::StoreError;
use crate::store::postgres::url::encoded;

fn options(url: &str) -> PostgresOptions {
    PostgresOptions::new(url).unwrap_or_else(|error| panic!("`{url}` should be taken: {error}"))
}

/// The reason why a URL is refused.
fn refusal(url: &str) -> String {
    match PostgresOptions::new(url) {
        Err(StoreError::Unsupported { reason }) => reason,
        Err(error) => panic!("`{url}` should be unsupported: {error:?}"),
        Ok(options) => panic!("`{url}` should be refused, and became `{options}`"),
    }
}

fn tcp(name: &str, address: Option<&str>, port: u16) -> Host {
    Host {
        place: Place::Tcp {
            name: name.to_owned(),
            address: address.map(|address| address.parse().unwrap()),
        },
        port,
    }
}

fn unix(folder: &str, port: u16) -> Host {
    Host {
        place: Place::Unix(PathBuf::from(folder)),
        port,
    }
}

#[test]
fn a_url_names_user_password_host_port_and_database() {
    let options = options("postgres://ann:secret@db.example:6543/billing");
    assert_eq!(options.user, "ann");
    assert_eq!(options.password.as_deref(), Some("secret"));
    assert_eq!(options.hosts, [tcp("db.example", None, 6543)]);
    assert_eq!(options.database, "billing");
    assert_eq!(
        options.to_string(),
        "postgres://ann@db.example:6543/billing"
    );
}

#[test]
fn what_is_left_out_has_a_default() {
    let options = options("postgresql://ann@db.example");
    assert_eq!(options.password, None);
    assert_eq!(options.hosts, [tcp("db.example", None, 5432)]);
    assert_eq!(options.database, "ann", "libpq takes the user's name too");
    assert_eq!(options.schema(), "refund_ledger");
    assert_eq!(options.application_name, "refund-ledger");
    assert_eq!(options.tls, TlsMode::Remote);
    assert!(!options.must_write);
    assert_eq!(options.time_limit(), Duration::from_secs(5));
    assert_eq!(options.connections_max(), 16);
    assert_eq!(options.connect_limit, None);
    assert_eq!(options.to_string(), "postgres://ann@db.example:5432/ann");
}

#[test]
fn everything_may_be_percent_encoded() {
    let options = options("postgres://a%20nn:p%40ss%2Fw%23%25@db.example/b%c3%bcro");
    assert_eq!(options.user, "a nn");
    assert_eq!(options.password.as_deref(), Some("p@ss/w#%"));
    assert_eq!(options.database, "büro");
    assert_eq!(
        options.to_string(),
        "postgres://a%20nn@db.example:5432/büro"
    );
}

#[test]
fn several_hosts_stand_in_their_order_and_the_first_to_be_written_to_is_wanted() {
    let options = options("postgres://ann@a.example:1,b.example,[2001:db8::7]:3,192.0.2.9/x");
    assert_eq!(
        options.hosts,
        [
            tcp("a.example", None, 1),
            tcp("b.example", None, 5432),
            tcp("2001:db8::7", Some("2001:db8::7"), 3),
            tcp("192.0.2.9", Some("192.0.2.9"), 5432),
        ]
    );
    assert!(options.must_write);
    assert_eq!(
        options.to_string(),
        "postgres://ann@a.example:1,b.example:5432,[2001:db8::7]:3,192.0.2.9:5432/x"
    );
}

#[test]
fn a_socket_is_named_in_place_of_a_host_or_as_a_parameter() {
    let in_place = options("postgres://ann@%2Frun%2Fpostgresql:5433/x");
    assert_eq!(in_place.hosts, [unix("/run/postgresql", 5433)]);
    assert_eq!(
        in_place.to_string(),
        "postgres://ann@%2Frun%2Fpostgresql:5433/x"
    );
    let parameter = options("postgres://ann@/x?host=/run/postgresql&port=5433");
    assert_eq!(parameter.hosts, in_place.hosts);
    let port_stays = options("postgres://ann@x:5433/x?host=/run/postgresql");
    assert_eq!(port_stays.hosts, in_place.hosts, "as in libpq");
    let no_authority = options("postgres:///x?host=/run/postgresql&user=ann");
    assert_eq!(no_authority.hosts, [unix("/run/postgresql", 5432)]);
    assert_eq!(no_authority.user, "ann");
}

#[test]
fn parameters_stand_in_for_the_parts_of_the_url() {
    let options = options(
        "postgres://x@ignored/y?host=a,b&hostaddr=192.0.2.1,2001:db8::2&port=1,2&user=ann&\
         password=s%26e&dbname=billing",
    );
    assert_eq!(
        options.hosts,
        [
            tcp("a", Some("192.0.2.1"), 1),
            tcp("b", Some("2001:db8::2"), 2)
        ]
    );
    assert_eq!(options.user, "ann");
    assert_eq!(options.password.as_deref(), Some("s&e"));
    assert_eq!(options.database, "billing");
}

#[test]
fn every_parameter_has_its_effect() {
    let options = options(
        "postgres://ann@h/x?schema=eu&application_name=till&options=-c%20work_mem%3D64MB&\
         sslmode=verify-full&sslrootcert=/etc/ca.pem&sslnegotiation=direct&\
         target_session_attrs=read-write&connect_timeout=3&keepalives=0&keepalives_idle=7&\
         keepalives_interval=8&keepalives_count=9&tcp_user_timeout=1500&client_encoding=UTF8&\
         gssencmode=disable&channel_binding=prefer&load_balance_hosts=disable",
    );
    assert_eq!(options.schema(), "eu");
    assert_eq!(options.application_name, "till");
    assert_eq!(options.settings.as_deref(), Some("-c work_mem=64MB"));
    assert_eq!(options.tls, TlsMode::Always);
    assert_eq!(format!("{:?}", options.roots), "/etc/ca.pem");
    assert!(options.direct_tls);
    assert!(options.must_write);
    assert_eq!(options.connect_limit, Some(Duration::from_secs(3)));
    assert!(!options.keepalive.on);
    assert_eq!(options.keepalive.idle, Duration::from_secs(7));
    assert_eq!(options.keepalive.interval, Some(Duration::from_secs(8)));
    assert_eq!(options.keepalive.count, Some(9));
    assert_eq!(
        options.keepalive.unacknowledged,
        Some(Duration::from_millis(1500))
    );
    assert_eq!(options.to_string(), "postgres://ann@h:5432/x?schema=eu");
}

#[test]
fn sslmode_verifies_or_is_off() {
    for (mode, expected) in [
        ("disable", TlsMode::Never),
        ("require", TlsMode::Always),
        ("verify-full", TlsMode::Always),
    ] {
        assert_eq!(
            options(&format!("postgres://ann@h/x?sslmode={mode}")).tls,
            expected,
            "{mode}"
        );
    }
    for mode in ["allow", "prefer", "verify-ca"] {
        let reason = refusal(&format!("postgres://ann@h/x?sslmode={mode}"));
        assert!(
            reason.contains(&format!("`{mode}`")) && reason.contains("use `verify-full`"),
            "{reason}"
        );
    }
    assert!(refusal("postgres://ann@h/x?sslmode=on").contains("`disable`, `require`"));
}

#[test]
fn only_what_stays_on_this_machine_goes_without_tls_by_default() {
    for (host, local) in [
        ("localhost", true),
        ("LocalHost", true),
        ("127.0.0.1", true),
        ("127.8.8.8", true),
        ("[::1]", true),
        ("[::ffff:127.0.0.1]", true),
        ("%2Frun", true),
        ("db.example", false),
        ("localhost.example", false),
        ("192.0.2.1", false),
        ("[2001:db8::1]", false),
    ] {
        let options = options(&format!("postgres://ann@{host}/x"));
        assert_eq!(options.hosts[0].is_local(), local, "{host}");
    }
    let elsewhere = options("postgres://ann@localhost/x?hostaddr=192.0.2.1");
    assert!(
        !elsewhere.hosts[0].is_local(),
        "the address counts, not the name"
    );
}

#[test]
fn what_cannot_be_used_is_named_with_what_is_allowed() {
    for (url, expected) in [
        ("", "begins with `postgres://`"),
        (
            "host=db.example user=ann",
            "the form `key=value` is not taken",
        ),
        ("mysql://ann@h/x", "begins with `postgres://`"),
        ("postgres://h/x", "it names no user"),
        ("postgres://:secret@h/x", "it names no user"),
        ("postgres://ann@/x", "it names no host"),
        (
            "postgres://ann@h:x/x",
            "a port is not a number of 1 to 65535",
        ),
        (
            "postgres://ann@h:0/x",
            "a port is not a number of 1 to 65535",
        ),
        (
            "postgres://ann@h:65536/x",
            "a port is not a number of 1 to 65535",
        ),
        ("postgres://ann@::1/x", "an IPv6 address stands in brackets"),
        ("postgres://ann@[::1/x", "no `]`"),
        ("postgres://ann@[::1]5432/x", "stands a `:`"),
        ("postgres://ann@a,,b/x", "a host is empty"),
        ("postgres://ann@h/x?schema", "`name=value`"),
        (
            "postgres://ann@h/x?colour=red",
            "the parameter `colour` is not known",
        ),
        ("postgres://ann@h/x?port=1&port=2", "given twice"),
        (
            "postgres://ann@a,b,c/x?port=1,2",
            "as many as there are hosts",
        ),
        ("postgres://ann@h/x?hostaddr=h", "no IP address"),
        (
            "postgres://ann@h/x?hostaddr=192.0.2.1,192.0.2.2",
            "as many addresses",
        ),
        ("postgres://ann@h/x?schema=", "`schema` has 1 to 63 bytes"),
        (
            "postgres://ann@h/x?connect_timeout=soon",
            "`connect_timeout` is a number of seconds",
        ),
        (
            "postgres://ann@h/x?target_session_attrs=read-only",
            "`any` or `read-write`",
        ),
        (
            "postgres://ann@h/x?load_balance_hosts=random",
            "`load_balance_hosts` is `disable`",
        ),
        (
            "postgres://ann@h/x?channel_binding=require",
            "`channel_binding` is",
        ),
        (
            "postgres://ann@h/x?sslcert=a.pem",
            "`sslcert` is not supported",
        ),
        (
            "postgres://ann@h/x?client_encoding=LATIN1",
            "`client_encoding` is `UTF8`",
        ),
        ("postgres://ann@h/%zz", "hexadecimal"),
        ("postgres://ann@h/%ff", "UTF-8"),
        ("postgres://ann@h/%00", "`%00`"),
        ("postgres://ann@h/x\n", "control character"),
    ] {
        let reason = refusal(url);
        assert!(
            reason.contains(expected),
            "`{url}` should be refused with `{expected}`, not `{reason}`"
        );
    }
}

#[test]
fn a_password_that_is_not_encoded_is_refused_and_not_guessed_at() {
    for url in [
        "postgres://ann:se@cret@h/x",
        "postgres://ann:se/cret@h/x",
        "postgres://ann:se?cret@h/x",
        "postgres://ann:se%cret@h/x",
        "postgres://ann:secret",
        "postgres://ann@h/x?password=se&cret=t",
        "postgres://ann@h/x?password=se&cret",
    ] {
        let reason = refusal(url);
        assert!(!reason.contains("cret"), "{reason}");
    }
    // These can't be taken for anything else, and libpq takes them too.
    assert_eq!(
        options("postgres://ann:se:c#r+t=&!@h/x")
            .password
            .as_deref(),
        Some("se:c#r+t=&!")
    );
}

#[test]
fn a_schema_has_a_name_that_postgresql_keeps_whole() {
    let options = options("postgres://ann@h/x");
    for bad in ["", "a\0b", &"x".repeat(64), &"ü".repeat(32)] {
        assert!(
            options.clone().with_schema(bad).is_err(),
            "`{bad}` should be refused"
        );
    }
    let odd = options.with_schema("my \"own\" schema").unwrap();
    assert_eq!(odd.quoted_schema(), "\"my \"\"own\"\" schema\"");
    assert_eq!(
        odd.to_string(),
        "postgres://ann@h:5432/x?schema=my%20%22own%22%20schema"
    );
}

#[test]
fn there_is_always_room_for_one_connection() {
    let options = options("postgres://ann@h/x").with_connections_max(0);
    assert_eq!(options.connections_max(), 1);
}

/// Letters that no message has. Where one of them shows, a piece of the password does.
const TELLTALES: &str = "ÀÐØÞ";

/// Everything that means something in a URL, and the letters that tell.
fn password() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[ÀÐØÞ@/#%?:&=,+\\[\\]. 0-9]{1,12}").unwrap()
}

fn shows_a_piece(text: &str) -> bool {
    text.contains(|character| TELLTALES.contains(character))
        // As it is when encoded: À is C3 80.
        || ["%C3", "%c3", "\u{c3}", "\\u{"].iter().any(|piece| text.contains(piece))
}

fn check_that_nothing_shows(url: &str) -> Result<(), TestCaseError> {
    match PostgresOptions::new(url) {
        Ok(options) => {
            for text in [format!("{options}"), format!("{options:?}")] {
                prop_assert!(!shows_a_piece(&text), "`{url}` became `{text}`");
            }
        }
        Err(error) => {
            for text in [format!("{error}"), format!("{error:?}")] {
                prop_assert!(!shows_a_piece(&text), "`{url}` was refused with `{text}`");
            }
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_password_survives_its_encoding(password in password()) {
        let url = format!("postgres://ann:{}@h:1/x?schema=eu", encoded(&password));
        prop_assert_eq!(options(&url).password, Some(password.clone()));
        check_that_nothing_shows(&url)?;
        let url = format!("postgres://ann@h:1/x?password={}&schema=eu", encoded(&password));
        prop_assert_eq!(options(&url).password, Some(password.clone()));
        check_that_nothing_shows(&url)?;
        let options = options("postgres://ann@h").with_password(&password);
        let shown = format!("{options} {options:?}");
        prop_assert!(!shows_a_piece(&shown), "{}", shown);
    }

    #[test]
    fn a_password_that_is_not_encoded_never_shows(password in password()) {
        check_that_nothing_shows(&format!("postgres://ann:{password}@h:1/x?schema=eu"))?;
        check_that_nothing_shows(&format!("postgres://ann:{password}@h:1/x?colour=red"))?;
        check_that_nothing_shows(&format!("postgres://ann@h:1/x?password={password}&schema=eu"))?;
        check_that_nothing_shows(&format!("postgres://ann@h:1/x?schema=eu&password={password}"))?;
        check_that_nothing_shows(&format!("postgres://ann@h:x/x?password={password}"))?;
    }

    /// Pieces are taken out of the URL, or one is put in twice. Only the `@` behind the password
    /// stays, if the password has none that would pass for it.
    #[test]
    fn a_password_never_shows_however_the_url_is_mutilated(
        password in password(),
        cut in 0_usize..60,
        length in 1_usize..8,
        twice in any::<bool>(),
    ) {
        let url: Vec<char> = format!(
            "postgres://ann:{}@db.example:1,b:2/x?schema=eu&connect_timeout=3",
            encoded(&password)
        )
        .chars()
        .collect();
        let from = cut.min(url.len());
        let to = from.saturating_add(length).min(url.len());
        let (before, behind) = if twice { (to, from) } else { (from, to) };
        let mutilated: String = url[..before].iter().chain(&url[behind..]).collect();
        if mutilated.starts_with("postgres://ann:") && mutilated.contains('@') {
            check_that_nothing_shows(&mutilated)?;
        }
    }

    #[test]
    fn any_text_is_taken_or_refused(url in ".*", rest in ".*") {
        let _ = PostgresOptions::new(&url);
        let _ = PostgresOptions::new(&format!("postgres://{rest}"));
        let _ = PostgresOptions::new(&format!("postgres://ann@h/x?{rest}"));
    }

    #[test]
    fn what_is_displayed_is_a_url_of_the_same_server(
        user in "[^\\x00-\\x1f\\x7f]{1,8}",
        host in "[^\\x00-\\x1f\\x7f,/\\[\\]]{1,8}",
        port in 1_u16..,
        database in "[^\\x00-\\x1f\\x7f]{1,8}",
        schema in "[^\\x00-\\x1f\\x7f]{1,8}",
    ) {
        let [user, host, database, schema] =
            [user, host, database, schema].map(|part| encoded(&part));
        let first = options(&format!("postgres://{user}@{host}:{port}/{database}?schema={schema}"));
        let second = options(&first.to_string());
        prop_assert_eq!(first.to_string(), second.to_string());
        prop_assert_eq!(first.hosts, second.hosts);
        prop_assert_eq!(first.user, second.user);
        prop_assert_eq!(first.database, second.database);
    }
}
