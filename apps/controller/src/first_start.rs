//! The first account: a random password that only the owner of the data directory reads.

use std::path::PathBuf;

use anyhow::Context;
use controller_api::{Clock, Committer, LiveProjection, first_objects};
use rand::{Rng, distr::Alphanumeric};

use crate::data_dir::DataDir;

/// File that holds the random password of `admin`.
const PASSWORD: &str = "admin-password";
/// Length of that password: 24 alphanumerics are 142 bits.
const PASSWORD_LEN: usize = 24;

/// Makes the objects and the account that are missing.
pub(crate) async fn complete(
    live: &LiveProjection,
    committer: &Committer,
    clock: &dyn Clock,
    data: &DataDir,
    password: Option<&str>,
) -> anyhow::Result<()> {
    first_objects::complete(live, committer, clock).await?;
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

/// Path of the password file, when there is one.
pub(crate) fn password_path(data: &DataDir) -> Option<PathBuf> {
    Some(data.file(PASSWORD)).filter(|path| path.exists())
}
