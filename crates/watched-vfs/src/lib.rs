//! SQLite's own file system, with somebody looking on: who is asked before each change of a file, and
//! before each look at one, and may let it happen, make it fail, or swallow it.
//!
//! It is the default one of the process from [`install`] on. Each thread has its own onlooker, or
//! none; then everything happens as if this weren't there.
//!
//! This is the one place with `unsafe`: SQLite's interface for file systems is a C one. Each function
//! passes on what SQLite gave it to the function of the same name of the system's own file system, with
//! the file that stands behind ours.

use std::cell::{Cell, RefCell};
use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::mem::size_of;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr;
use std::rc::Rc;
use std::slice;
use std::sync::OnceLock;

use rusqlite::ffi;

/// What is about to be done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// It is opened, and made where it is not there.
    Open,
    /// Bytes are written.
    Write {
        /// From where on.
        offset: u64,
        /// What is there then.
        bytes: &'a [u8],
    },
    /// It is cut.
    Truncate {
        /// How many bytes are left.
        length: u64,
    },
    /// It is made durable.
    Sync {
        /// Whether that is for copying the log into the database.
        checkpoints: bool,
    },
    /// It is deleted.
    Delete,
}

/// What is about to be asked of a file, which stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Bytes are read. Where that is pretended, they are zeros.
    Read,
    /// How long it is. Where that is pretended, nothing is in it.
    Size,
    /// Whether it is there. Where that is pretended, it is not.
    Presence,
    /// It is locked against others. That cannot be pretended: it fails then.
    Lock,
    /// The index of the log is mapped. That cannot be pretended either.
    Index,
}

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As if nobody had looked on.
    Happens,
    /// It does not, and SQLite is told so.
    Fails(Failure),
    /// It does not, and SQLite is told that it has.
    Pretended,
}

/// Why something fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// EIO.
    Device,
    /// ENOSPC. But for a write, SQLite's own file system says of it what it says of EIO.
    Full,
}

/// Who looks on.
pub trait Onlooker {
    /// Asked before each change.
    fn judge(&self, path: &Path, change: Change<'_>) -> Verdict;

    /// Asked before each look. Unless somebody minds, they all happen.
    fn judge_look(&self, _path: &Path, _look: Look) -> Verdict {
        Verdict::Happens
    }
}

thread_local! {
    static ONLOOKER: RefCell<Option<Rc<dyn Onlooker>>> = const { RefCell::new(None) };
    /// Whether this thread holds SQLite's lock for copying the log.
    static CHECKPOINTS: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` while somebody looks on at all that this thread does to SQLite's files.
pub fn under<T>(onlooker: Rc<dyn Onlooker>, work: impl FnOnce() -> T) -> T {
    struct Ended(Option<Rc<dyn Onlooker>>);
    impl Drop for Ended {
        fn drop(&mut self) {
            ONLOOKER.set(self.0.take());
        }
    }
    let _ended = Ended(ONLOOKER.replace(Some(onlooker)));
    work()
}

fn judge(path: &Path, change: Change<'_>) -> Verdict {
    ask(|onlooker| onlooker.judge(path, change))
}

fn judge_look(path: &Path, look: Look) -> Verdict {
    ask(|onlooker| onlooker.judge_look(path, look))
}

fn ask(question: impl FnOnce(&dyn Onlooker) -> Verdict) -> Verdict {
    // It is not borrowed meanwhile: who looks on may open files too.
    match ONLOOKER.with_borrow(Option::clone) {
        Some(onlooker) => question(&*onlooker),
        None => Verdict::Happens,
    }
}

/// Makes it the process's default. Later calls change nothing.
///
/// # Panics
/// Where SQLite has no file system of its own, or refuses another one.
pub fn install() {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        // SAFETY: SQLite gives its default file system, which lives as long as the process.
        let system = unsafe { ffi::sqlite3_vfs_find(ptr::null()) };
        assert!(!system.is_null(), "SQLite has a file system");
        // SAFETY: as above; nobody changes it.
        let of = unsafe { &*system };
        let ours = size_of::<File>();
        let vfs = ffi::sqlite3_vfs {
            iVersion: 2,
            szOsFile: of.szOsFile + c_int::try_from(ours).expect("it is small"),
            pNext: ptr::null_mut(),
            zName: c"watched".as_ptr(),
            pAppData: system.cast(),
            xOpen: Some(open),
            xDelete: Some(delete),
            xAccess: Some(access),
            xFullPathname: Some(full_pathname),
            xRandomness: Some(randomness),
            xSleep: Some(sleep),
            xCurrentTime: Some(current_time),
            xCurrentTimeInt64: Some(current_time_int64),
            xGetLastError: Some(last_error),
            xDlOpen: None,
            xDlError: None,
            xDlSym: None,
            xDlClose: None,
            xSetSystemCall: None,
            xGetSystemCall: None,
            xNextSystemCall: None,
            ..*of
        };
        // SAFETY: it is leaked, so SQLite may keep it for good.
        let refused = unsafe { ffi::sqlite3_vfs_register(Box::leak(Box::new(vfs)), 1) };
        assert_eq!(refused, ffi::SQLITE_OK, "SQLite takes another file system");
    });
}

/// A file of ours, behind which SQLite has left room for the system's own.
#[repr(C)]
struct File {
    base: ffi::sqlite3_file,
    /// Leaked while it is open; null for a temporary file without name.
    path: *mut PathBuf,
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    // Without memory maps: what is written through one is seen by nobody.
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// Calls a method of the system's own file or file system.
macro_rules! system {
    ($object:expr, $methods:ident . $method:ident ($($argument:expr),*)) => {{
        let object = $object;
        match (*(*object).$methods).$method {
            Some(method) => method(object $(, $argument)*),
            None => ffi::SQLITE_ERROR,
        }
    }};
}

/// The system's file system.
unsafe fn system_vfs(vfs: *mut ffi::sqlite3_vfs) -> *mut ffi::sqlite3_vfs {
    // SAFETY: `install` put it there.
    unsafe { (*vfs).pAppData.cast() }
}

/// The system's file behind one of ours.
unsafe fn system_file(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    // SAFETY: SQLite leaves `szOsFile` bytes, ours and then the system's.
    unsafe { file.cast::<File>().add(1).cast() }
}

/// Asks about a change of a file. Nobody is asked about temporary files.
unsafe fn asked(file: *mut ffi::sqlite3_file, change: Change<'_>) -> Verdict {
    // SAFETY: it is null, or what `open` leaked.
    match unsafe { (*file.cast::<File>()).path.as_ref() } {
        Some(path) => judge(path, change),
        None => Verdict::Happens,
    }
}

/// Asks about a look at a file, as about a change.
unsafe fn asked_to_look(file: *mut ffi::sqlite3_file, look: Look) -> Verdict {
    // SAFETY: it is null, or what `open` leaked.
    match unsafe { (*file.cast::<File>()).path.as_ref() } {
        Some(path) => judge_look(path, look),
        None => Verdict::Happens,
    }
}

/// Does it, or says why not.
macro_rules! as_judged {
    ($verdict:expr, $failed:expr, $does:expr) => {
        as_judged!($verdict, $failed, $does, pretends ffi::SQLITE_OK)
    };
    ($verdict:expr, $failed:expr, $does:expr, pretends $pretended:expr) => {
        match $verdict {
            Verdict::Happens => $does,
            Verdict::Pretended => $pretended,
            Verdict::Fails(_) => $failed,
        }
    };
}

unsafe fn path_of<'a>(name: *const c_char) -> Option<&'a Path> {
    // SAFETY: SQLite gives a name that ends with NUL, or none.
    (!name.is_null()).then(|| {
        Path::new(OsStr::from_bytes(
            unsafe { CStr::from_ptr(name) }.to_bytes(),
        ))
    })
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    unsafe {
        let ours = file.cast::<File>();
        // Until there are methods, SQLite does not close it.
        (*ours).base.pMethods = ptr::null();
        (*ours).path = ptr::null_mut();
        let path = path_of(name);
        let verdict = path.map_or(Verdict::Happens, |path| judge(path, Change::Open));
        if verdict != Verdict::Happens {
            return ffi::SQLITE_CANTOPEN;
        }
        let system = system_vfs(vfs);
        let Some(open) = (*system).xOpen else {
            return ffi::SQLITE_ERROR;
        };
        let behind = system_file(file);
        let outcome = open(system, name, behind, flags, flags_out);
        if !(*behind).pMethods.is_null() {
            if let Some(path) = path {
                (*ours).path = Box::into_raw(Box::new(path.to_owned()));
            }
            (*ours).base.pMethods = &raw const METHODS;
        }
        outcome
    }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    unsafe {
        let outcome = system!(system_file(file), pMethods.xClose());
        let path = std::mem::replace(&mut (*file.cast::<File>()).path, ptr::null_mut());
        if !path.is_null() {
            drop(Box::from_raw(path));
        }
        outcome
    }
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    into: *mut c_void,
    amount: c_int,
    offset: i64,
) -> c_int {
    unsafe {
        as_judged!(
            asked_to_look(file, Look::Read),
            ffi::SQLITE_IOERR_READ,
            system!(system_file(file), pMethods.xRead(into, amount, offset)),
            pretends {
                ptr::write_bytes(into.cast::<u8>(), 0, usize::try_from(amount).unwrap_or(0));
                ffi::SQLITE_OK
            }
        )
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    amount: c_int,
    offset: i64,
) -> c_int {
    unsafe {
        let bytes = slice::from_raw_parts(from.cast(), usize::try_from(amount).unwrap_or(0));
        let change = Change::Write {
            offset: offset.unsigned_abs(),
            bytes,
        };
        let verdict = asked(file, change);
        if verdict == Verdict::Fails(Failure::Full) {
            return ffi::SQLITE_FULL;
        }
        as_judged!(
            verdict,
            ffi::SQLITE_IOERR_WRITE,
            system!(system_file(file), pMethods.xWrite(from, amount, offset))
        )
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, length: i64) -> c_int {
    unsafe {
        let change = Change::Truncate {
            length: length.unsigned_abs(),
        };
        as_judged!(
            asked(file, change),
            ffi::SQLITE_IOERR_TRUNCATE,
            system!(system_file(file), pMethods.xTruncate(length))
        )
    }
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    unsafe {
        let change = Change::Sync {
            checkpoints: CHECKPOINTS.get(),
        };
        as_judged!(
            asked(file, change),
            ffi::SQLITE_IOERR_FSYNC,
            system!(system_file(file), pMethods.xSync(flags))
        )
    }
}

unsafe extern "C" fn delete(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    sync_folder: c_int,
) -> c_int {
    unsafe {
        let verdict = path_of(name).map_or(Verdict::Happens, |path| judge(path, Change::Delete));
        as_judged!(verdict, ffi::SQLITE_IOERR_DELETE, {
            let system = system_vfs(vfs);
            match (*system).xDelete {
                Some(delete) => delete(system, name, sync_folder),
                None => ffi::SQLITE_ERROR,
            }
        })
    }
}

/// The lock of SQLite's log index that is held while the log is copied (`WAL_CKPT_LOCK`).
const CHECKPOINT_LOCK: c_int = 1;

unsafe extern "C" fn shm_lock(
    file: *mut ffi::sqlite3_file,
    offset: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    unsafe {
        let outcome = system!(system_file(file), pMethods.xShmLock(offset, count, flags));
        if (offset..offset.saturating_add(count)).contains(&CHECKPOINT_LOCK)
            && outcome == ffi::SQLITE_OK
        {
            CHECKPOINTS.set(flags & ffi::SQLITE_SHM_LOCK != 0);
        }
        outcome
    }
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, size: *mut i64) -> c_int {
    unsafe {
        as_judged!(
            asked_to_look(file, Look::Size),
            ffi::SQLITE_IOERR_FSTAT,
            system!(system_file(file), pMethods.xFileSize(size)),
            pretends {
                *size = 0;
                ffi::SQLITE_OK
            }
        )
    }
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    unsafe {
        as_judged!(
            asked_to_look(file, Look::Lock),
            ffi::SQLITE_IOERR_LOCK,
            system!(system_file(file), pMethods.xLock(level)),
            pretends ffi::SQLITE_IOERR_LOCK
        )
    }
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    region: c_int,
    size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    unsafe {
        *out = ptr::null_mut();
        as_judged!(
            asked_to_look(file, Look::Index),
            ffi::SQLITE_IOERR_SHMMAP,
            system!(system_file(file), pMethods.xShmMap(region, size, extend, out)),
            pretends ffi::SQLITE_IOERR_SHMMAP
        )
    }
}

unsafe extern "C" fn access(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    unsafe {
        let verdict =
            path_of(name).map_or(Verdict::Happens, |path| judge_look(path, Look::Presence));
        as_judged!(
            verdict,
            ffi::SQLITE_IOERR_ACCESS,
            {
                let system = system_vfs(vfs);
                match (*system).xAccess {
                    Some(access) => access(system, name, flags, out),
                    None => ffi::SQLITE_ERROR,
                }
            },
            pretends {
                *out = 0;
                ffi::SQLITE_OK
            }
        )
    }
}

/// Functions that nobody is asked about.
macro_rules! passed_on {
    ($($method:ident as $name:ident ($($argument:ident: $of:ty),*);)*) => {
        $(unsafe extern "C" fn $name(file: *mut ffi::sqlite3_file $(, $argument: $of)*) -> c_int {
            unsafe { system!(system_file(file), pMethods.$method($($argument),*)) }
        })*
    };
}

passed_on! {
    xUnlock as unlock(level: c_int);
    xCheckReservedLock as check_reserved_lock(out: *mut c_int);
    xFileControl as file_control(operation: c_int, argument: *mut c_void);
    xSectorSize as sector_size();
    xDeviceCharacteristics as device_characteristics();
    xShmUnmap as shm_unmap(delete: c_int);
}

unsafe extern "C" fn shm_barrier(file: *mut ffi::sqlite3_file) {
    unsafe {
        let behind = system_file(file);
        if let Some(barrier) = (*(*behind).pMethods).xShmBarrier {
            barrier(behind);
        }
    }
}

macro_rules! passed_on_by_system {
    ($($method:ident as $name:ident ($($argument:ident: $of:ty),*);)*) => {
        $(unsafe extern "C" fn $name(vfs: *mut ffi::sqlite3_vfs $(, $argument: $of)*) -> c_int {
            unsafe {
                let system = system_vfs(vfs);
                match (*system).$method {
                    Some(method) => method(system $(, $argument)*),
                    None => ffi::SQLITE_ERROR,
                }
            }
        })*
    };
}

passed_on_by_system! {
    xFullPathname as full_pathname(name: *const c_char, size: c_int, out: *mut c_char);
    xRandomness as randomness(size: c_int, out: *mut c_char);
    xSleep as sleep(microseconds: c_int);
    xCurrentTime as current_time(out: *mut f64);
    xCurrentTimeInt64 as current_time_int64(out: *mut i64);
    xGetLastError as last_error(size: c_int, out: *mut c_char);
}
