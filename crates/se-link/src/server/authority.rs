//! The controller's own certificate authority for engines: tokens, certificates, revocations, on disk.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use parking_lot::Mutex;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, CertificateSigningRequestDer, PrivateKeyDer, pem::PemObject};
use se_protocol::DEFAULT_GROUP;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use crate::{
    certificate::{CONTROLLER_NAME, fingerprint},
    clock::unix_s,
    private_file::{self, FileError},
    token::{JoinToken, from_hex, is_id, to_hex},
};

const CA: &str = "engine-ca.pem";
const CA_KEY: &str = "engine-ca-key.pem";
const TOKENS: &str = "join-tokens";
const REVOKED: &str = "revoked-engines.json";
const GROUPS: &str = "engine-groups.json";
const DAY: Duration = Duration::from_secs(86_400);
/// Ten years.
const CA_DAYS: u32 = 3_652;

/// Signs for one controller and its engines.
pub struct Authority {
    dir: PathBuf,
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
    revoked: watch::Sender<Arc<BTreeSet<String>>>,
    /// Service engine group of each engine that joined, by its uuid.
    groups: watch::Sender<Arc<BTreeMap<String, String>>>,
    /// Held while one is added: of two that join at once none is lost.
    joining: Mutex<()>,
}

/// Why the authority cannot work.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The file system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file is not what it was.
    #[error("{} is damaged; restore it from a backup (or remove it: engines then have to join anew)", path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
    },
    /// The cryptography library refused.
    #[error("making or signing a certificate")]
    Certificate(#[from] rcgen::Error),
}

/// Why an engine may not join.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RedeemError {
    #[error("the join token is not known to this controller")]
    Unknown,
    #[error("the join token was used already; make a new one")]
    Used,
    #[error("the join token has expired; make a new one")]
    Expired,
    #[error(transparent)]
    File(#[from] FileError),
}

/// What is kept of a token: not its secret.
#[derive(Serialize, Deserialize)]
struct Kept {
    secret_sha256: String,
    expires_s: u64,
    /// Service engine group of the engine that joins with it, by name or uuid.
    #[serde(default = "default_group")]
    group: String,
}

/// What was not said before there were groups.
fn default_group() -> String {
    DEFAULT_GROUP.to_owned()
}

impl Authority {
    /// Opens the authority in `dir`, making it at the first time.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn open(dir: &Path, now: SystemTime) -> Result<Self, AuthorityError> {
        private_file::make_dir(dir)?;
        private_file::make_dir(&dir.join(TOKENS))?;
        let (certificate, key) = match (private_file::read(&dir.join(CA))?, private_file::read(&dir.join(CA_KEY))?) {
            (Some(certificate), Some(key)) => {
                let damaged = |name| AuthorityError::Damaged { path: dir.join(name) };
                let key = std::str::from_utf8(&key).ok().and_then(|text| KeyPair::from_pem(text).ok());
                let certificate = CertificateDer::from_pem_slice(&certificate).map_err(|_| damaged(CA))?;
                (certificate, key.ok_or_else(|| damaged(CA_KEY))?)
            }
            // A key without a certificate is a first start that was cut short.
            (None, _) => make(dir, now)?,
            (Some(_), None) => return Err(AuthorityError::Damaged { path: dir.join(CA_KEY) }),
        };
        let issuer = Issuer::from_ca_cert_der(&certificate, key)?;
        Ok(Self {
            dir: dir.to_owned(),
            certificate,
            issuer,
            revoked: watch::Sender::new(Arc::new(load(dir, REVOKED)?)),
            groups: watch::Sender::new(Arc::new(load(dir, GROUPS)?)),
            joining: Mutex::default(),
        })
    }

    /// A new token that lets one engine join within `valid_for`, into the service engine group with the name or uuid
    /// `group`. `controllers` (`host:port`) is where engines reach this controller.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub fn create_token(
        &self,
        controllers: Vec<String>,
        group: &str,
        valid_for: Duration,
        now: SystemTime,
    ) -> Result<JoinToken, AuthorityError> {
        self.forget_expired(now);
        let (id, secret) = (rand::random::<[u8; 16]>(), rand::random::<[u8; 32]>());
        let id = to_hex(&id);
        let expires_s = unix_s(now + valid_for);
        let kept = Kept { secret_sha256: to_hex(&Sha256::digest(secret)), expires_s, group: group.to_owned() };
        let content = serde_json::to_vec(&kept).unwrap_or_default();
        private_file::write(&self.dir.join(TOKENS), &format!("{id}.json"), &content)?;
        let authority_sha256 = to_hex(&fingerprint(&self.certificate));
        Ok(JoinToken { controllers, authority_sha256, id, secret: to_hex(&secret), expires_s })
    }

    /// Takes an engine's rights away: it is cut off at once, and its certificate counts no more.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub fn revoke(&self, engine_uuid: &str) -> Result<(), AuthorityError> {
        let mut revoked = BTreeSet::clone(&self.revoked.borrow());
        revoked.insert(engine_uuid.to_owned());
        private_file::write(&self.dir, REVOKED, &serde_json::to_vec(&revoked).unwrap_or_default())?;
        self.revoked.send_replace(Arc::new(revoked));
        Ok(())
    }

    /// Engines that were revoked, by uuid.
    #[must_use]
    pub fn revoked(&self) -> watch::Receiver<Arc<BTreeSet<String>>> {
        self.revoked.subscribe()
    }

    /// The service engine group, by name or uuid, of an engine that joined.
    #[must_use]
    pub fn group_of(&self, engine_uuid: &str) -> String {
        self.groups.borrow().get(engine_uuid).cloned().unwrap_or_else(default_group)
    }

    /// Remembers to which group an engine belongs.
    pub(crate) fn put_into(&self, group: &str, engine_uuid: &str) -> Result<(), FileError> {
        let _joining = self.joining.lock();
        let mut groups = BTreeMap::clone(&self.groups.borrow());
        groups.insert(engine_uuid.to_owned(), group.to_owned());
        private_file::write(&self.dir, GROUPS, &serde_json::to_vec(&groups).unwrap_or_default())?;
        self.groups.send_replace(Arc::new(groups));
        Ok(())
    }

    /// Uses a token up, and says for which group it was. Whoever comes second, even at the same moment, is refused.
    pub(crate) fn redeem(&self, id: &str, secret: &[u8], now: SystemTime) -> Result<String, RedeemError> {
        if !is_id(id) {
            return Err(RedeemError::Unknown);
        }
        let tokens = self.dir.join(TOKENS);
        let (open, used) = (tokens.join(format!("{id}.json")), tokens.join(format!("{id}.used")));
        let Some(content) = private_file::read(&open)? else {
            return Err(if used.exists() { RedeemError::Used } else { RedeemError::Unknown });
        };
        let kept: Kept = serde_json::from_slice(&content).map_err(|_| RedeemError::Unknown)?;
        // Hashes are compared, so how long the comparison takes tells nothing of the secret.
        if from_hex(&kept.secret_sha256).as_deref() != Some(Sha256::digest(secret).as_slice()) {
            return Err(RedeemError::Unknown);
        }
        if unix_s(now) >= kept.expires_s {
            return Err(RedeemError::Expired);
        }
        let sync = || fs::File::open(&tokens)?.sync_all();
        match fs::rename(&open, &used) {
            Ok(()) => {
                sync().map_err(|source| FileError::new("keeping", &tokens, source))?;
                Ok(kept.group)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(RedeemError::Used),
            Err(source) => Err(FileError::new("marking as used", &open, source).into()),
        }
    }

    /// The certificate of an engine for the key of its request; whatever else the request says is not taken.
    pub(crate) fn issue(
        &self,
        engine_uuid: &str,
        request: &[u8],
        lifetime: Duration,
        now: SystemTime,
    ) -> Result<CertificateDer<'static>, rcgen::Error> {
        let request = CertificateSigningRequestParams::from_der(&CertificateSigningRequestDer::from(request))?;
        let params = leaf(engine_uuid, ExtendedKeyUsagePurpose::ClientAuth, lifetime, now);
        Ok(params.signed_by(&request.public_key, &self.issuer)?.der().clone())
    }

    /// A certificate and key for the controller's end, for this process alone.
    pub(crate) fn server_certificate(
        &self,
        now: SystemTime,
    ) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), AuthorityError> {
        let key = KeyPair::generate()?;
        let mut params = leaf(CONTROLLER_NAME, ExtendedKeyUsagePurpose::ServerAuth, CA_DAYS * DAY, now);
        params.subject_alt_names = vec![rcgen::SanType::DnsName(CONTROLLER_NAME.try_into()?)];
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok((
            certificate.der().clone(),
            PrivateKeyDer::try_from(key.serialize_der()).map_err(|_| rcgen::Error::CouldNotParseKeyPair)?,
        ))
    }

    pub(crate) fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// Whether an engine's rights were taken away.
    pub(crate) fn is_revoked(&self, engine_uuid: &str) -> bool {
        self.revoked.borrow().contains(engine_uuid)
    }

    /// Removes what is of no use any more; a failure costs some bytes.
    fn forget_expired(&self, now: SystemTime) {
        for entry in fs::read_dir(self.dir.join(TOKENS)).into_iter().flatten().flatten() {
            let kept = fs::read(entry.path()).ok().and_then(|content| serde_json::from_slice::<Kept>(&content).ok());
            if kept.is_some_and(|kept| kept.expires_s + DAY.as_secs() < unix_s(now)) {
                fs::remove_file(entry.path()).unwrap_or_default();
            }
        }
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("dir", &self.dir).finish_non_exhaustive()
    }
}

/// What lies in a file as JSON; nothing when it is not there.
fn load<T: DeserializeOwned + Default>(dir: &Path, name: &str) -> Result<T, AuthorityError> {
    match private_file::read(&dir.join(name))? {
        None => Ok(T::default()),
        Some(content) => serde_json::from_slice(&content).map_err(|_| AuthorityError::Damaged { path: dir.join(name) }),
    }
}

fn make(dir: &Path, now: SystemTime) -> Result<(CertificateDer<'static>, KeyPair), AuthorityError> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Meridian engine authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (params.not_before, params.not_after) = ((now - DAY).into(), (now + CA_DAYS * DAY).into());
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    private_file::write(dir, CA_KEY, key.serialize_pem().as_bytes())?;
    private_file::write(dir, CA, certificate.pem().as_bytes())?;
    Ok((certificate.der().clone(), key))
}

/// Valid from yesterday, so that a clock that is a little slow does no harm.
fn leaf(name: &str, usage: ExtendedKeyUsagePurpose, lifetime: Duration, now: SystemTime) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage];
    (params.not_before, params.not_after) = ((now - DAY).into(), (now + lifetime).into());
    params.use_authority_key_identifier_extension = true;
    params
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::{
        certificate::{Facts, belongs, request},
        clock::at_unix_s,
    };

    const NOW_S: u64 = 1_800_000_000;

    #[test]
    fn token_counts_once_within_its_time_for_its_secret() {
        let dir = tempfile::tempdir().unwrap();
        let now = at_unix_s(NOW_S);
        let authority = Authority::open(dir.path(), now).unwrap();
        let token = authority.create_token(vec!["a:1".into()], "edge", DAY, now).unwrap();
        let secret = from_hex(&token.secret).unwrap();
        let redeem = |id: &str, secret: &[u8], now| authority.redeem(id, secret, now);
        assert!(matches!(redeem("../../x", &secret, now), Err(RedeemError::Unknown)));
        assert!(matches!(redeem(&token.id, b"guess", now), Err(RedeemError::Unknown)));
        assert!(matches!(redeem(&token.id, &secret, now + DAY), Err(RedeemError::Expired)));
        assert_eq!(redeem(&token.id, &secret, now).unwrap(), "edge");
        assert!(matches!(redeem(&token.id, &secret, now), Err(RedeemError::Used)));
        // The used ones go in time.
        authority.create_token(vec![], "edge", DAY, now + 3 * DAY).unwrap();
        assert!(matches!(redeem(&token.id, &secret, now), Err(RedeemError::Unknown)));
    }

    #[test]
    fn token_of_the_release_before_is_for_the_default_group() {
        let dir = tempfile::tempdir().unwrap();
        let now = at_unix_s(NOW_S);
        let authority = Authority::open(dir.path(), now).unwrap();
        let id = "0f".repeat(16);
        let kept = format!(r#"{{"secret_sha256":"{}","expires_s":{}}}"#, to_hex(&Sha256::digest(b"s")), NOW_S + 1);
        fs::write(dir.path().join(TOKENS).join(format!("{id}.json")), kept).unwrap();
        assert_eq!(authority.redeem(&id, b"s", now).unwrap(), "Default-Group");
    }

    #[test]
    fn authority_and_revocations_survive_a_restart_in_private_files() {
        let dir = tempfile::tempdir().unwrap();
        let now = at_unix_s(NOW_S);
        let first = Authority::open(dir.path(), now).unwrap();
        first.revoke("se-1").unwrap();
        first.put_into("edge", "se-1").unwrap();
        first.put_into("core", "se-2").unwrap();
        let second = Authority::open(dir.path(), now).unwrap();
        assert_eq!(second.certificate(), first.certificate());
        assert!(second.is_revoked("se-1") && !second.is_revoked("se-2"));
        let groups = ["se-1", "se-2", "se-3"].map(|uuid| second.group_of(uuid));
        assert_eq!(groups, ["edge", "core", "Default-Group"]);
        for name in [CA, CA_KEY, REVOKED, GROUPS] {
            assert_eq!(fs::metadata(dir.path().join(name)).unwrap().permissions().mode() & 0o777, 0o600);
        }
        fs::write(dir.path().join(CA_KEY), "x").unwrap();
        assert!(Authority::open(dir.path(), now).unwrap_err().to_string().contains("engine-ca-key.pem is damaged"));
    }

    #[test]
    fn certificate_is_for_the_key_of_the_request_and_the_uuid_of_the_controller() {
        let dir = tempfile::tempdir().unwrap();
        let now = at_unix_s(NOW_S);
        let authority = Authority::open(dir.path(), now).unwrap();
        let (key, csr) = request("whatever I would like to be").unwrap();
        let facts = Facts::read(&authority.issue("se-1", &csr, DAY, now).unwrap()).unwrap();
        assert_eq!((facts.subject.as_str(), facts.not_after), ("se-1", now + DAY));
        assert!(belongs(&facts, &key));
        assert!(authority.issue("se-1", b"nonsense", DAY, now).is_err());
    }
}
