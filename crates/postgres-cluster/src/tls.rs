//! A certificate for a server, and the authority that signs it.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::error::{Error, while_trying};
use crate::run::Run;

/// The authority's certificate.
pub(crate) const AUTHORITY: &str = "ca.crt";
/// The server's certificate.
pub(crate) const CERTIFICATE: &str = "server.crt";
/// The server's key.
pub(crate) const KEY: &str = "server.key";

/// What the certificates say, for `openssl`, whatever the system's own file of settings holds.
const SETTINGS: &str = "\
[req]
distinguished_name = name
prompt = no
[name]
CN = localhost
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
subjectAltName = DNS:localhost, IP:127.0.0.1
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
";

/// Makes them in a folder, by the program `openssl`, which PostgreSQL's package brings along. The
/// authority's key is used once and thrown away.
pub(crate) fn make(folder: &Path) -> Result<(), Error> {
    let openssl = |line: &str| {
        let mut command = Command::new("openssl");
        command.args(line.split(' ')).current_dir(folder);
        Run::new(command).input(SETTINGS).read().map(drop)
    };
    let new = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -config /dev/stdin";
    openssl(&format!(
        "req -x509 {new} -extensions authority -subj /CN=authority -days 2 -keyout ca.key -out {AUTHORITY}"
    ))?;
    openssl(&format!("req -new {new} -keyout {KEY} -out server.csr"))?;
    openssl(&format!(
        "x509 -req -in server.csr -CA {AUTHORITY} -CAkey ca.key -CAcreateserial -days 2 \
         -extfile /dev/stdin -extensions server -out {CERTIFICATE}"
    ))?;
    fs::remove_file(folder.join("ca.key"))
        .map_err(while_trying("throwing the authority's key away"))
}
