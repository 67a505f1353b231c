//! Certificates of a virtual service, by the name that a client asks for.
//!
//! A certificate is read for its names when the configuration comes, its key when the first client asks for it. X.509 v1
//! certificates, as plain `openssl x509 -req` makes them, are served too: rustls would refuse to load them, so the key is
//! compared with the certificate here.

use std::sync::{Arc, OnceLock};

use model::http::Certificate;
use rustc_hash::FxHashMap;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, NoServerSessionStorage, ProducesTickets, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SigningKey};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tracing::warn;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

/// What is wrong with a certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The chain is no PEM, or has no certificate.
    #[error("certificate {name} has no certificate in PEM: upload it again")]
    NoCertificate {
        /// Object name.
        name: String,
    },
    /// The certificate cannot be read.
    #[error("certificate {name} cannot be read: {reason}")]
    Unreadable {
        /// Object name.
        name: String,
        /// What the parser says.
        reason: String,
    },
    /// The key is no PEM, or of a kind that is not known.
    #[error("the private key of certificate {name} cannot be used: {reason}")]
    Key {
        /// Object name.
        name: String,
        /// What the parser says.
        reason: String,
    },
    /// The key belongs to another certificate.
    #[error("the private key of certificate {name} is not the one of its certificate: upload them together")]
    KeyMismatch {
        /// Object name.
        name: String,
    },
}

/// What all TLS of a proxy shares.
pub(crate) struct TlsContext {
    provider: Arc<CryptoProvider>,
    /// One for all, so that a session can be resumed at any worker. The name is part of what a ticket holds.
    ticketer: Option<Arc<dyn ProducesTickets>>,
}

impl TlsContext {
    pub(crate) fn new() -> Self {
        let ticketer = rustls::crypto::aws_lc_rs::Ticketer::new();
        if let Err(error) = &ticketer {
            warn!(reason = %error, "TLS sessions cannot be resumed");
        }
        Self { provider: Arc::new(rustls::crypto::aws_lc_rs::default_provider()), ticketer: ticketer.ok() }
    }
}

/// The certificates of one virtual service.
pub(crate) struct TlsHosts {
    source: Vec<Arc<Certificate>>,
    by_name: FxHashMap<String, Arc<TlsHost>>,
    first: Option<Arc<TlsHost>>,
}

/// Certificates for the same name, as one RSA and one ECDSA.
pub(crate) struct TlsHost {
    certificates: Vec<Arc<Loaded>>,
    /// Without and with HTTP/2.
    configs: [OnceLock<Option<Arc<ServerConfig>>>; 2],
}

/// A certificate whose key is read when first needed.
struct Loaded {
    source: Arc<Certificate>,
    chain: Vec<CertificateDer<'static>>,
    names: Vec<String>,
    key: OnceLock<Option<Arc<CertifiedKey>>>,
}

impl TlsHosts {
    /// Reads `certificates`; those that cannot be read are told and left out. With the certificates of `previous` it is shared.
    pub(crate) fn compile(
        certificates: &[Arc<Certificate>],
        previous: Option<&Arc<Self>>,
        mut problem: impl FnMut(CertificateError),
    ) -> Arc<Self> {
        if let Some(previous) = previous.filter(|previous| previous.source == certificates) {
            return Arc::clone(previous);
        }
        let mut groups: FxHashMap<String, Vec<Arc<Loaded>>> = FxHashMap::default();
        let mut first: Option<Arc<Loaded>> = None;
        for certificate in certificates {
            let loaded = match Loaded::read(certificate) {
                Ok(loaded) => Arc::new(loaded),
                Err(error) => {
                    problem(error);
                    continue;
                }
            };
            for name in &loaded.names {
                groups.entry(name.clone()).or_default().push(Arc::clone(&loaded));
            }
            first.get_or_insert(loaded);
        }
        let by_name: FxHashMap<_, _> =
            groups.into_iter().map(|(name, certificates)| (name, Arc::new(TlsHost::new(certificates)))).collect();
        let first = first.map(|loaded| {
            let named = loaded.names.iter().find_map(|name| by_name.get(name));
            named.cloned().unwrap_or_else(|| Arc::new(TlsHost::new(vec![loaded])))
        });
        Arc::new(Self { source: certificates.to_vec(), by_name, first })
    }

    /// The configuration for a client that asks for `name`: a certificate of exactly this name, one for `*.` and the rest of
    /// it, the first. `None` when there is none that can be used.
    pub(crate) fn config(&self, name: Option<&str>, http2: bool, context: &TlsContext) -> Option<Arc<ServerConfig>> {
        let name = name.map(|name| name.trim_end_matches('.').to_ascii_lowercase());
        let exact = name.as_ref().and_then(|name| self.by_name.get(name));
        let wildcard = || {
            let (_, parent) = name.as_ref()?.split_once('.')?;
            self.by_name.get(&format!("*.{parent}"))
        };
        let named = exact.or_else(wildcard).and_then(|host| host.config(http2, context));
        named.or_else(|| self.first.as_ref()?.config(http2, context))
    }
}

impl TlsHost {
    fn new(certificates: Vec<Arc<Loaded>>) -> Self {
        Self { certificates, configs: [OnceLock::new(), OnceLock::new()] }
    }

    fn config(&self, http2: bool, context: &TlsContext) -> Option<Arc<ServerConfig>> {
        let [plain, with_http2] = &self.configs;
        let cell = if http2 { with_http2 } else { plain };
        cell.get_or_init(|| self.make_config(http2, context)).clone()
    }

    fn make_config(&self, http2: bool, context: &TlsContext) -> Option<Arc<ServerConfig>> {
        let keys: Vec<_> = self.certificates.iter().filter_map(|loaded| loaded.key(context)).collect();
        if keys.is_empty() {
            return None;
        }
        let builder = ServerConfig::builder_with_provider(Arc::clone(&context.provider))
            .with_safe_default_protocol_versions()
            .ok()?;
        let mut config = builder.with_no_client_auth().with_cert_resolver(Arc::new(Resolver(keys)));
        config.alpn_protocols =
            if http2 { vec![b"h2".to_vec(), b"http/1.1".to_vec()] } else { vec![b"http/1.1".to_vec()] };
        // Sessions are kept by clients, so that every worker and host can resume them and none needs memory for them.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        if let Some(ticketer) = &context.ticketer {
            config.ticketer = Arc::clone(ticketer);
        }
        config.send_tls13_tickets = 1;
        Some(Arc::new(config))
    }
}

impl Loaded {
    fn read(source: &Arc<Certificate>) -> Result<Self, CertificateError> {
        let name = || source.name.clone();
        let chain: Vec<_> = CertificateDer::pem_slice_iter(source.chain_pem.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(|error| CertificateError::Unreadable { name: name(), reason: error.to_string() })?;
        let own = chain.first().ok_or_else(|| CertificateError::NoCertificate { name: name() })?;
        let (_, parsed) = X509Certificate::from_der(own)
            .map_err(|error| CertificateError::Unreadable { name: name(), reason: error.to_string() })?;
        let names = names(&parsed);
        Ok(Self { source: Arc::clone(source), chain, names, key: OnceLock::new() })
    }

    fn key(&self, context: &TlsContext) -> Option<Arc<CertifiedKey>> {
        let load = || match self.load_key(context) {
            Ok(key) => Some(Arc::new(key)),
            Err(error) => {
                warn!(reason = %error, "a certificate is not served");
                None
            }
        };
        self.key.get_or_init(load).clone()
    }

    fn load_key(&self, context: &TlsContext) -> Result<CertifiedKey, CertificateError> {
        let name = || self.source.name.clone();
        let unusable = |reason: String| CertificateError::Key { name: name(), reason };
        let der = PrivateKeyDer::from_pem_slice(self.source.key_pem.as_bytes())
            .map_err(|error| unusable(error.to_string()))?;
        let key = context.provider.key_provider.load_private_key(der).map_err(|error| unusable(error.to_string()))?;
        if !self.has_public_key_of(key.as_ref()) {
            return Err(CertificateError::KeyMismatch { name: name() });
        }
        Ok(CertifiedKey::new(self.chain.clone(), key))
    }

    /// Whether certificate and key belong together; a key that does not tell is believed.
    fn has_public_key_of(&self, key: &dyn SigningKey) -> bool {
        let Some(public) = key.public_key() else { return true };
        let parsed = self.chain.first().and_then(|own| X509Certificate::from_der(own).ok());
        parsed.is_some_and(|(_, parsed)| parsed.public_key().raw == public.as_ref())
    }
}

/// DNS names of the subject alternative name, else the common name (a v1 certificate has nothing else), in lower case.
fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let alternative = certificate.subject_alternative_name().ok().flatten();
    let mut names: Vec<String> = alternative
        .iter()
        .flat_map(|extension| &extension.value.general_names)
        .filter_map(|name| if let GeneralName::DNSName(name) = name { Some(name.to_ascii_lowercase()) } else { None })
        .collect();
    if names.is_empty() {
        let common = certificate.subject().iter_common_name().filter_map(|name| name.as_str().ok());
        names.extend(common.map(str::to_ascii_lowercase));
    }
    names
}

/// The first certificate whose key can sign what the client understands.
#[derive(Debug)]
struct Resolver(Vec<Arc<CertifiedKey>>);

impl ResolvesServerCert for Resolver {
    fn resolve(&self, client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let fits = |key: &&Arc<CertifiedKey>| key.key.choose_scheme(client_hello.signature_schemes()).is_some();
        self.0.iter().find(fits).or_else(|| self.0.first()).cloned()
    }
}
