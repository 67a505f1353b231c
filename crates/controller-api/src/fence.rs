//! Terms of leaders that write here on somebody's behalf: who was replaced is refused, however late its write arrives.
//!
//! Beyond the Avi API. A client that was elected by its peers says so with each request, `X-Meridian-Fence: OWNER;term=7`.
//! The largest term of each owner is kept in the store, outside of all objects. A larger one is taken over as soon as
//! writes of smaller ones that are under way have ended, whatever the request is: so what a new leader reads first is what
//! there is, and stays so until it writes itself. A write with a smaller term is answered with 412; reads are not refused,
//! and a request without the header is not concerned.

use std::collections::BTreeMap;
use std::sync::Arc;

use store::{Op, Outcome, Store, Txn};
use tokio::sync::{Mutex, OwnedRwLockReadGuard, RwLock};

use crate::{authenticate::Caller, call::Call, error::ApiError};

const HEADER: &str = "x-meridian-fence";
/// Every term's key starts so.
const PREFIX: &str = "/fence/";
/// Longest name of an owner.
const OWNER_BYTES_MAX: usize = 64;
/// Owners there may be: federations of operators that write to one controller.
const OWNERS_MAX: usize = 256;

/// The terms.
pub(crate) struct Fences {
    store: Arc<dyn Store>,
    owners: Mutex<BTreeMap<String, Arc<RwLock<Term>>>>,
}

/// The largest term of an owner; `None` while it has not been read.
type Term = Option<u64>;

/// Held while a write is under way: no larger term is taken over meanwhile.
pub(crate) type Turn = OwnedRwLockReadGuard<Term>;

impl Fences {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, owners: Mutex::default() }
    }

    /// Lets a request pass; a write goes on while the value is held.
    ///
    /// # Errors
    /// A larger term has been seen, the header cannot be read, or the store fails.
    pub(crate) async fn admit(&self, call: &Call, caller: &Caller) -> Result<Option<Turn>, ApiError> {
        // Who may not write replaces nobody.
        let Some(header) = call.header(HEADER).filter(|_| caller.is_superuser()) else { return Ok(None) };
        let (owner, term) = parse(header)
            .ok_or_else(|| ApiError::Parameter(format!("{HEADER} `{header}` is not of the form OWNER;term=NUMBER")))?;
        let fence = self.of(owner).await?;
        loop {
            let turn = Arc::clone(&fence).read_owned().await;
            match *turn {
                Some(largest) if term == largest => return Ok(call.is_write().then_some(turn)),
                Some(largest) if term < largest && call.is_write() => {
                    return Err(ApiError::Fenced { owner: owner.to_owned(), term, largest });
                }
                Some(largest) if term < largest => return Ok(None),
                _ => {}
            }
            drop(turn);
            self.raise(owner, term, &fence).await?;
        }
    }

    async fn of(&self, owner: &str) -> Result<Arc<RwLock<Term>>, ApiError> {
        let mut owners = self.owners.lock().await;
        if !owners.contains_key(owner) && owners.len() >= OWNERS_MAX {
            let text = format!("{HEADER}: this controller has seen {OWNERS_MAX} owners, and takes no other");
            return Err(ApiError::Parameter(text));
        }
        Ok(Arc::clone(owners.entry(owner.to_owned()).or_default()))
    }

    /// Takes over a term that is larger than the one in the store; waits for writes under way.
    async fn raise(&self, owner: &str, term: u64, fence: &RwLock<Term>) -> Result<(), ApiError> {
        let mut known = fence.write().await;
        let key = format!("{PREFIX}{owner}");
        let largest = match *known {
            Some(largest) => largest,
            None => {
                let stored = self.store.get(&key).await?;
                let text = stored.as_ref().and_then(|entry| std::str::from_utf8(&entry.value).ok());
                text.and_then(|text| text.parse().ok()).unwrap_or(0)
            }
        };
        if term > largest {
            let ops = vec![Op::Put(key, term.to_string().into_bytes().into())];
            // Nobody else writes this key, and one at a time here.
            if !matches!(self.store.txn(Txn { compares: vec![], ops }).await?, Outcome::Committed(_)) {
                return Err(ApiError::Contended);
            }
            tracing::info!(
                owner,
                from = largest,
                to = term,
                reason = "its new leader asked",
                "writes of earlier terms are refused"
            );
        }
        *known = Some(largest.max(term));
        Ok(())
    }
}

/// `OWNER;term=NUMBER`.
fn parse(header: &str) -> Option<(&str, u64)> {
    let (owner, rest) = header.split_once(';')?;
    let term = rest.trim().strip_prefix("term=")?.parse().ok()?;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let is_owner = !owner.is_empty() && owner.len() <= OWNER_BYTES_MAX && owner.bytes().all(is_name);
    is_owner.then_some((owner, term))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_and_numbers_are_read() {
        assert_eq!(parse("amko-1;term=7"), Some(("amko-1", 7)));
        assert_eq!(parse("amko-1; term=18446744073709551615"), Some(("amko-1", u64::MAX)));
        let long = format!("{};term=1", "x".repeat(65));
        for bad in ["", "amko", ";term=1", "a/b;term=1", "a;term=-1", "a;term=", "a;term=18446744073709551616", &long] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
