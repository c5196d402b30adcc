//! Ledgers of every released version of the tables, and places where there is none yet, are brought to the
//! present version, and the power goes, or the connection is lost, in the middle: the ledger is the old one
//! or the new one, and opening it again brings it up. Tables of a newer version are refused.
//!
//! `released/` has a ledger of each version, as SQLite and as PostgreSQL had it then, and its head.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use postgres_cluster::{Cluster, Cut, Fate, Proxy, Way};
use refund_ledger::store::postgres::{PostgresOptions, PostgresStore};
use refund_ledger::store::sqlite::SqliteStore;
use refund_ledger::{Head, Store, StoreError};
use rusqlite::Connection;
use watched_vfs::{Change, Onlooker, Verdict};

use crate::disk::Disk;
use crate::harness::{Finding, Report, Task, caught};
use crate::random::Random;
use crate::workload::{self, Hurried};

/// A ledger as a released version left it.
struct Released {
    version: &'static str,
    file: &'static [u8],
    dump: &'static str,
    head: &'static str,
}

/// Every version of the tables that was released, as `cargo xtask torture release` writes it.
const RELEASED: [Released; 1] = [Released {
    version: "v1",
    file: include_bytes!("../released/v1.db"),
    dump: include_str!("../released/v1.sql"),
    head: include_str!("../released/v1.head.json"),
}];

/// How many disks are rebuilt for each moment.
const IMAGES_A_MOMENT: usize = 20;

/// A ledger, or none.
type Before = Option<&'static Released>;

fn befores() -> impl Iterator<Item = Before> {
    std::iter::once(None).chain(RELEASED.iter().map(Some))
}

fn name(before: Before) -> &'static str {
    before.map_or("nothing", |released| released.version)
}

pub(crate) fn run(task: &Task) -> Result<Report, Finding> {
    let server = Cluster::start()?;
    must_be_released("SQLite", version_of_file()?)?;
    must_be_released("PostgreSQL", version_of_schema(&server)?)?;
    let (mut images, mut cuts) = (0, 0);
    for before in befores() {
        images += cut_power(before, task, open_file)
            .map_err(|finding| finding.within(&format!("SQLite from {}", name(before))))?;
        cuts += cut_connections(before, &server)
            .map_err(|finding| finding.within(&format!("PostgreSQL from {}", name(before))))?;
    }
    refuse_newer_file()?;
    refuse_newer_schema(&server)?;
    let planted = caught(std::iter::once(cut_power(None, task, open_piecemeal)))?;
    Ok(Report {
        did: format!(
            "{} and none: {images} images of SQLite after power cuts, {cuts} migrations of PostgreSQL broken off at each message and each statement; newer ones refused",
            versions(RELEASED.len())
        ),
        planted: vec![("a migration without a transaction", planted)],
    })
}

fn versions(count: usize) -> String {
    match count {
        1 => "1 released version of the tables".to_owned(),
        count => format!("{count} released versions of the tables"),
    }
}

/// Of every version of the tables that this program knows there is a ledger here.
fn must_be_released(kind: &str, latest: usize) -> Result<(), Finding> {
    let released = RELEASED.len();
    if latest == released {
        return Ok(());
    }
    Err(Finding::of_harness(format!(
        "the tables of {kind} are of version {latest}, and of {released} there are ledgers: write one with `cargo xtask torture release v{latest}`, and add it to `RELEASED`"
    )))
}

/// The version of a file's tables that this program makes.
fn version_of_file() -> Result<usize, Finding> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join(LEDGER);
    drop(SqliteStore::open(&path)?);
    user_version(&path)
}

fn user_version(path: &Path) -> Result<usize, Finding> {
    let version = Connection::open(path).and_then(|connection| {
        connection.query_row("PRAGMA user_version", (), |row| row.get::<_, u32>(0))
    });
    let version = version.map_err(|error| Finding::of_harness(error.to_string()))?;
    usize::try_from(version).map_err(|error| Finding::of_harness(error.to_string()))
}

/// The version of a server's tables that this program makes.
fn version_of_schema(server: &Cluster) -> Result<usize, Finding> {
    drop(PostgresStore::open(&options(
        &server.socket_url(),
        "newest",
    )?)?);
    let version = server.query("SELECT version FROM newest.ledger")?;
    let version = version.trim().parse();
    version.map_err(|_| Finding::of_harness("the tables of PostgreSQL have no version"))
}

/// The store is there, and says what it said.
fn check(store: Arc<dyn Store>, before: Before) -> Result<(), Finding> {
    let head = before
        .map(|released| Head::from_json(released.head))
        .transpose()?;
    let verified = workload::ledger(store, 0).verify(head);
    let report = verified.map_err(|error| unusable(&error))?;
    let entries = head.map_or(0, |head| head.entries);
    if report.is_valid() && report.head.entries == entries {
        Ok(())
    } else {
        Err(Finding::new(format!(
            "it should have {entries} entries: {report:?}"
        )))
    }
}

/// Opening again what was broken off has to work.
fn unusable(error: &dyn std::error::Error) -> Finding {
    Finding::new(format!("it is not brought up: {error}"))
}

fn open_file(path: &Path) -> Result<(), Finding> {
    SqliteStore::open(path)?;
    Ok(())
}

/// The planted bug: each statement for itself.
fn open_piecemeal(path: &Path) -> Result<(), Finding> {
    let script = include_str!("../../../src/store/sqlite/schema_v1.sql");
    let made = Connection::open(path).and_then(|connection| {
        connection
            .execute_batch("PRAGMA application_id = 0x52464c44; PRAGMA journal_mode = WAL;")?;
        connection.execute_batch(script)?;
        connection.execute_batch("PRAGMA user_version = 1;")
    });
    made.map_err(|error| Finding::of_harness(error.to_string()))
}

/// Rebuilds disks at each change of a file.
struct Cutting {
    disk: RefCell<Disk>,
    random: RefCell<Random>,
    images: RefCell<Vec<BTreeMap<String, Vec<u8>>>>,
}

impl Cutting {
    fn cut(&self) {
        let (disk, mut random) = (self.disk.borrow(), self.random.borrow_mut());
        for _ in 0..IMAGES_A_MOMENT {
            let image = disk.cut(&mut random).into_iter();
            let image = image.map(|(name, bytes)| (name.to_owned(), bytes));
            self.images.borrow_mut().push(image.collect());
        }
    }
}

impl Onlooker for Cutting {
    fn judge(&self, path: &Path, change: Change<'_>) -> Verdict {
        self.cut();
        self.disk.borrow_mut().note(&workload::name(path), change);
        workload::without_syncs(change)
    }
}

const LEDGER: &str = "ledger.db";

/// Has a file opened, and the power cut at each of its changes. Gives how many images there were.
fn cut_power(
    before: Before,
    task: &Task,
    open: fn(&Path) -> Result<(), Finding>,
) -> Result<usize, Finding> {
    let folder = tempfile::tempdir()?;
    if let Some(released) = before {
        fs::write(folder.path().join(LEDGER), released.file)?;
    }
    let cutting = Rc::new(Cutting {
        disk: RefCell::new(Disk::of(folder.path())?),
        random: RefCell::new(Random::new(task.seed(0))),
        images: RefCell::default(),
    });
    watched_vfs::under(cutting.clone(), || open(&folder.path().join(LEDGER)))?;
    cutting.cut();
    let images = cutting.images.take();
    for (number, image) in images.iter().enumerate() {
        let folder = tempfile::tempdir()?;
        for (file, bytes) in image {
            fs::write(folder.path().join(file), bytes)?;
        }
        watched_vfs::under(Rc::new(Hurried), || {
            let store = SqliteStore::open(&folder.path().join(LEDGER));
            check(Arc::new(store.map_err(|error| unusable(&error))?), before)
        })
        .map_err(|finding| finding.within(&format!("image {number}")))?;
    }
    Ok(images.len())
}

/// The database of this harness.
const DATABASE: &str = "migrations";

/// Ends the connection that makes or changes an object for the time that the database's setting says.
const CRASHING: &str = "
    CREATE FUNCTION crash() RETURNS event_trigger LANGUAGE plpgsql AS $$
    DECLARE
        done int := coalesce(nullif(current_setting('torture.done', true), ''), '0')::int + 1;
    BEGIN
        PERFORM set_config('torture.done', done::text, false);
        IF done::text = current_setting('torture.crash_at', true) THEN
            PERFORM pg_terminate_backend(pg_backend_pid());
        END IF;
    END $$;
    CREATE EVENT TRIGGER crash ON ddl_command_end EXECUTE FUNCTION crash();
";

/// Has schemas opened, and the connection broken off at each message, and the server's end of it after
/// each statement. Gives how many there were.
fn cut_connections(before: Before, server: &Cluster) -> Result<usize, Finding> {
    let database = format!("{DATABASE}_{}", name(before));
    server.create_database(&database)?;
    server.query_in(&database, CRASHING)?;
    let proxy = Proxy::to(server)?;
    let cut = |at| Cut {
        way: Way::ToServer,
        at,
        fate: Fate::Lost,
        then_reachable: false,
    };
    let mut tried = 0;
    loop {
        let schema = make_schema(before, server, &database, &format!("message_{tried}"))?;
        proxy.arm(Some(cut(tried)));
        let opened = PostgresStore::open(&options(&proxy.url_of(&database), &schema)?);
        if !proxy.has_cut() {
            opened?;
            break;
        }
        drop(opened);
        check_schema(before, server, &database, &schema)?;
        tried += 1;
    }
    let messages = tried;
    for statement in 1.. {
        let schema = make_schema(before, server, &database, &format!("statement_{statement}"))?;
        let crash_at = |at: usize| {
            server.execute(&format!(
                "ALTER DATABASE {database} SET torture.crash_at = '{at}'"
            ))
        };
        crash_at(statement)?;
        let opened = PostgresStore::open(&options(&server.socket_url_of(&database), &schema)?);
        crash_at(0)?;
        let is_over = opened.is_ok();
        drop(opened);
        check_schema(before, server, &database, &schema)?;
        if is_over {
            break;
        }
        tried += 1;
    }
    if before.is_none() && (messages < 4 || tried < messages + 4) {
        return Err(Finding::of_harness(format!("only {tried} were broken off")));
    }
    Ok(tried)
}

fn options(url: &str, schema: &str) -> Result<PostgresOptions, Finding> {
    Ok(PostgresOptions::new(url)?.with_schema(schema)?)
}

/// Has a schema as it was before, under a name of its own.
fn make_schema(
    before: Before,
    server: &Cluster,
    database: &str,
    name: &str,
) -> Result<String, Finding> {
    if let Some(released) = before {
        let renamed = format!("ALTER SCHEMA released RENAME TO {name};");
        server.query_in(database, &format!("{}\n{renamed}", released.dump))?;
    }
    Ok(name.to_owned())
}

/// No table is there, or all are; and the ledger can be used.
fn check_schema(
    before: Before,
    server: &Cluster,
    database: &str,
    schema: &str,
) -> Result<(), Finding> {
    let within = |finding: Finding| finding.within(&format!("schema `{schema}`"));
    let tables = || {
        let sql = format!("SELECT count(*) FROM pg_tables WHERE schemaname = '{schema}'");
        server.query_in(database, &sql)
    };
    let found = tables()?;
    let store = PostgresStore::open(&options(&server.socket_url_of(database), schema)?);
    let store = store.map_err(|error| within(unusable(&error)))?;
    check(Arc::new(store), before).map_err(within)?;
    if before.is_none() && found != "0" && found != tables()? {
        return Err(Finding::new(format!("{found} tables were there")));
    }
    Ok(())
}

fn refuse_newer_file() -> Result<(), Finding> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join(LEDGER);
    drop(SqliteStore::open(&path)?);
    let raised = Connection::open(&path)
        .and_then(|connection| connection.execute_batch("PRAGMA user_version = 1000"));
    raised.map_err(|error| Finding::of_harness(error.to_string()))?;
    let before = fs::read(&path)?;
    let refused = SqliteStore::open(&path);
    must_be_refused(refused.map(drop))?;
    if fs::read(&path)? == before {
        Ok(())
    } else {
        Err(Finding::new("a newer file was changed"))
    }
}

fn refuse_newer_schema(server: &Cluster) -> Result<(), Finding> {
    let options = options(&server.socket_url(), "newer")?;
    drop(PostgresStore::open(&options)?);
    server.execute("UPDATE newer.ledger SET version = 1000, usable_from = 1000")?;
    must_be_refused(PostgresStore::open(&options).map(drop))
}

fn must_be_refused(opened: Result<(), StoreError>) -> Result<(), Finding> {
    match opened {
        Err(StoreError::Unsupported { reason }) if reason.contains("newer") => Ok(()),
        other => Err(Finding::new(format!(
            "a newer version was not refused: {other:?}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails should fail loudly")]

    use std::fs;
    use std::path::Path;

    use super::{LEDGER, RELEASED, must_be_released, user_version, version_of_file};

    #[test]
    fn of_every_version_of_the_tables_a_ledger_is_kept() {
        must_be_released("SQLite", version_of_file().unwrap()).unwrap();
        for store in ["sqlite", "postgres"] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../src/store");
            let names = fs::read_dir(folder.join(store)).unwrap();
            let scripts = names.filter(|entry| {
                let name = entry.as_ref().unwrap().file_name();
                let name = name.to_string_lossy();
                name.starts_with("schema_v") && name.ends_with(".sql")
            });
            must_be_released(store, scripts.count()).unwrap();
        }
        assert!(must_be_released("SQLite", RELEASED.len() + 1).is_err());
    }

    #[test]
    fn what_is_kept_is_of_the_version_that_it_is_called_by() {
        let folder = tempfile::tempdir().unwrap();
        for (at, released) in RELEASED.iter().enumerate() {
            assert_eq!(released.version, format!("v{}", at + 1));
            let path = folder.path().join(format!("{}-{LEDGER}", released.version));
            fs::write(&path, released.file).unwrap();
            assert_eq!(user_version(&path).unwrap(), at + 1);
        }
    }
}
