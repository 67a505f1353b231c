//! Changes as rows.

use std::sync::Arc;

use seal::Key;
use site_replication::{Change, Object};

use crate::{Fault, from_sql, to_sql};

/// The columns of a change: without a uuid it begins a term, without a kind it deletes.
pub(crate) struct Row<'a> {
    pub(crate) uuid: Option<&'a str>,
    pub(crate) kind: Option<&'a str>,
    pub(crate) claims: Option<String>,
    pub(crate) modified: Option<i64>,
    pub(crate) body: Option<Vec<u8>>,
}

impl<'a> Row<'a> {
    /// The columns of `change`, its body sealed.
    pub(crate) fn of(key: &Key, change: &'a Change) -> Result<Self, Fault> {
        Ok(match change {
            Change::Lead => Self { uuid: None, kind: None, claims: None, modified: None, body: None },
            Change::Delete { uuid } => Self { uuid: Some(uuid), kind: None, claims: None, modified: None, body: None },
            Change::Put(object) => Self {
                uuid: Some(&object.uuid),
                kind: Some(&object.kind),
                claims: Some(serde_json::Value::from(object.claims.clone()).to_string()),
                modified: Some(to_sql(object.last_modified_us)),
                body: Some(key.seal(object.uuid.as_bytes(), &object.body)?),
            },
        })
    }
}

/// The change in the five columns from `first`: uuid, kind, claims, modified, body.
pub(crate) fn read_change(key: &Key, row: &rusqlite::Row<'_>, first: usize) -> Result<Change, Fault> {
    let Some(uuid) = row.get::<_, Option<String>>(first)? else { return Ok(Change::Lead) };
    let Some(kind) = row.get::<_, Option<String>>(first + 1)? else { return Ok(Change::Delete { uuid }) };
    let claims: String = row.get(first + 2)?;
    let claims = serde_json::from_str(&claims).map_err(|_| Fault::Damage(format!("the claims of {uuid}")))?;
    let last_modified_us = from_sql(row.get(first + 3)?);
    let body: Arc<[u8]> = key.open(uuid.as_bytes(), &row.get::<_, Vec<u8>>(first + 4)?)?.into();
    Ok(Change::Put(Arc::new(Object { uuid, kind, claims, last_modified_us, body })))
}
