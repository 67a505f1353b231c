//! What a controller needs that is not the same everywhere: the first account, with a random password that only the owner
//! of the data directory reads, and the certificate of virtual services that have none.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use controller_api::{Clock, Committer, LiveProjection, first_objects};
use rand::{Rng, distr::Alphanumeric};
use rcgen::{CertificateParams, KeyPair};

use crate::{data_dir::DataDir, tls};

/// File that holds the random password of `admin`.
const PASSWORD: &str = "admin-password";
/// Length of that password: 24 alphanumerics are 142 bits.
const PASSWORD_LEN: usize = 24;

/// Ten years.
const CERTIFICATE_DAYS: u32 = 3_652;
/// A day.
const DAY: Duration = Duration::from_secs(86_400);

/// Makes the objects and the account that are missing.
pub(crate) async fn complete(
    live: &LiveProjection,
    committer: &Committer,
    clock: &dyn Clock,
    data: &DataDir,
    password: Option<&str>,
) -> anyhow::Result<()> {
    first_objects::complete(live, committer, clock).await?;
    if !first_objects::has_default_certificate(live) {
        let now = Duration::from_micros(u64::try_from(clock.wall_us()).unwrap_or_default());
        let (certificate, key) = self_signed(SystemTime::UNIX_EPOCH + now).context("making the default certificate")?;
        first_objects::create_default_certificate(committer, clock, &certificate, &key).await?;
    }
    if first_objects::has_admin(live) {
        return Ok(());
    }
    let password = match password {
        Some(password) => password.to_owned(),
        None => {
            let random: String = rand::rng().sample_iter(Alphanumeric).take(PASSWORD_LEN).map(char::from).collect();
            // Before the account, so that no account exists whose password nobody can read.
            data.write(PASSWORD, format!("{random}\n").as_bytes())?;
            random
        }
    };
    let hashing = tokio::task::spawn_blocking(move || controller_api::hash_password(&password));
    let hash = hashing.await.context("hashing the first password")??;
    Ok(first_objects::create_admin(committer, clock, &hash).await?)
}

/// A certificate that names nobody, and its key: clients that check it refuse it, as they should.
fn self_signed(now: SystemTime) -> anyhow::Result<(String, String)> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.distinguished_name = tls::named("System Default Certificate");
    (params.not_before, params.not_after) = ((now - DAY).into(), (now + CERTIFICATE_DAYS * DAY).into());
    Ok((params.self_signed(&key)?.pem(), key.serialize_pem()))
}

/// Path of the password file, when there is one.
pub(crate) fn password_path(data: &DataDir) -> Option<PathBuf> {
    Some(data.file(PASSWORD)).filter(|path| path.exists())
}
