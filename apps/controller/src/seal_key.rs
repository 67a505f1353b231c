//! The key that secrets in the store are sealed with: a file of its own, so that a copy of the store alone tells none.

use std::{fs, io};

use anyhow::{Context, bail};
use controller_api::{SEAL_KEY_LEN, Seal};
use objects::Types;
use rand::RngCore;
use store::Store;

use crate::data_dir::DataDir;

/// File with the key, readable by its owner alone.
const SEAL_KEY: &str = "seal-key";

/// The seal of this data directory's store; its key is made at the first start.
pub(crate) async fn prepare(data: &DataDir, store: &dyn Store, types: &Types) -> anyhow::Result<Seal> {
    let path = data.file(SEAL_KEY);
    let key = match fs::read(&path) {
        Ok(key) => key,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if controller_api::has_seal(store).await.context("reading the object store")? {
                bail!(
                    "{} is missing, and without it the secrets in the store stay closed: put it back from a backup",
                    path.display()
                );
            }
            let mut key = vec![0; SEAL_KEY_LEN];
            rand::rng().fill_bytes(&mut key);
            data.write(SEAL_KEY, &key)?;
            key
        }
        Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
    };
    let seal = Seal::new(&key, types).with_context(|| format!("using {}", path.display()))?;
    seal.claim(store).await.with_context(|| format!("opening the secrets in the store with {}", path.display()))?;
    Ok(seal)
}

/// The key itself, for what else lies sealed in the data directory.
pub(crate) fn read(data: &DataDir) -> anyhow::Result<Vec<u8>> {
    let path = data.file(SEAL_KEY);
    fs::read(&path).with_context(|| format!("reading {}", path.display()))
}
