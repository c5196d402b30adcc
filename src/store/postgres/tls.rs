//! TLS to the server, always with its certificate verified.

use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use super::wire::Stream;

/// The name of the protocol, which a server checks where TLS begins without a question.
const PROTOCOL: &[u8] = b"postgresql";

/// The authorities that are trusted. They are read when they are first needed, once.
#[derive(Clone)]
pub(super) struct Roots {
    /// `None` for the system's.
    file: Option<PathBuf>,
    client: Arc<OnceLock<Arc<ClientConfig>>>,
}

impl Roots {
    pub(super) fn system() -> Self {
        Self {
            file: None,
            client: Arc::default(),
        }
    }

    /// Those of a PEM file.
    pub(super) fn file(path: PathBuf) -> Self {
        Self {
            file: Some(path),
            client: Arc::default(),
        }
    }

    /// What makes a connection to the server of this name an encrypted one.
    ///
    /// # Errors
    /// Where there are no authorities to trust, or where the name is none that a certificate
    /// could be for.
    pub(super) fn connector(&self, server: &str) -> Result<Connector, String> {
        let client = if let Some(client) = self.client.get() {
            Arc::clone(client)
        } else {
            let client = self.load()?;
            Arc::clone(self.client.get_or_init(|| client))
        };
        let server = ServerName::try_from(server.to_owned())
            .map_err(|_| "no certificate can be for a server of this name".to_owned())?;
        Ok(Connector {
            connector: TlsConnector::from(client),
            server,
        })
    }

    fn load(&self) -> Result<Arc<ClientConfig>, String> {
        let mut roots = RootCertStore::empty();
        match &self.file {
            Some(path) => {
                let unreadable = |error: rustls::pki_types::pem::Error| {
                    let path = path.display();
                    match error {
                        rustls::pki_types::pem::Error::Io(error) => {
                            format!("`sslrootcert` can't be read: `{path}`: {error}")
                        }
                        _ => format!("`sslrootcert` is no PEM file: `{path}`"),
                    }
                };
                for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
                    roots.add(certificate.map_err(unreadable)?).map_err(|_| {
                        format!(
                            "`sslrootcert` holds no certificates of authorities: `{}`",
                            path.display()
                        )
                    })?;
                }
            }
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        if roots.is_empty() {
            return Err(match &self.file {
                Some(path) => format!("`sslrootcert` holds no certificate: `{}`", path.display()),
                None => "the system has no certificates of authorities to verify the server with; \
                         name a file of them with `sslrootcert`"
                    .to_owned(),
            });
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        client.alpn_protocols = vec![PROTOCOL.to_vec()];
        Ok(Arc::new(client))
    }
}

impl std::fmt::Debug for Roots {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.file {
            Some(path) => write!(formatter, "{}", path.display()),
            None => formatter.write_str("system"),
        }
    }
}

/// Does the handshake with one server.
pub(super) struct Connector {
    connector: TlsConnector,
    server: ServerName<'static>,
}

impl TlsConnect<Stream> for Connector {
    type Stream = Encrypted;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Encrypted>> + Send>>;

    fn connect(self, stream: Stream) -> Self::Future {
        let handshake = self.connector.connect(self.server, stream);
        Box::pin(async { handshake.await.map(Encrypted) })
    }
}

/// An encrypted connection to a server that was verified.
pub(super) struct Encrypted(tokio_rustls::client::TlsStream<Stream>);

impl TlsStream for Encrypted {
    fn channel_binding(&self) -> ChannelBinding {
        // It would tell a server from one that has its certificate forged. No such certificate
        // passes the verification.
        ChannelBinding::none()
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
