//! What an engine knows of clients: which are public, and where they are.

use std::sync::Arc;

use model::gslb::ClientGroup;
use serde::{Deserialize, Serialize};

/// Bytes of a geo database in one resource.
const CHUNK_BYTES: usize = 512 * 1024;
/// Most bytes of a compiled geo database: a quarter of what a transfer holds.
pub const GEO_BYTES_MAX: usize = crate::transfer::TRANSFER_BYTES_MAX / 4;

/// What is known of clients.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Clients {
    /// Which clients are given public addresses; none without it.
    pub public: Option<ClientGroup>,
    /// Geo databases, the most important first.
    pub geo_databases: Vec<GeoDatabase>,
    /// What they hold; shared with the snapshot before where it is the same.
    pub geo_chunks: Vec<Arc<GeoChunk>>,
}

/// A geo database, compiled (crate `geo`) and cut into chunks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeoDatabase {
    /// Hexadecimal SHA-256 of all its bytes.
    pub checksum: String,
    /// Number of its chunks.
    pub chunks: u32,
    /// What people call it: profile and file.
    pub name: String,
}

/// Part of a geo database.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeoChunk {
    /// Checksum of the database.
    pub database: String,
    /// Place in the database, from 0.
    pub number: u32,
    /// Bytes.
    pub body: Vec<u8>,
}

/// Without the body.
impl std::fmt::Debug for GeoChunk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GeoChunk")
            .field("database", &self.database)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

impl GeoChunk {
    /// What it is called on the way: chunks of a database sort by their numbers.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}/{:05}", self.database, self.number)
    }

    /// The other way round.
    pub(crate) fn from_id(id: &str, body: Vec<u8>) -> Option<Self> {
        let (database, number) = id.split_once('/')?;
        Some(Self { database: database.to_owned(), number: number.parse().ok()?, body })
    }

    /// Cuts the bytes of a database.
    #[must_use]
    pub fn cut(checksum: &str, bytes: &[u8]) -> Vec<Arc<Self>> {
        let chunk = |(number, body): (u32, &[u8])| Self { database: checksum.to_owned(), number, body: body.to_vec() };
        (0..).zip(bytes.chunks(CHUNK_BYTES)).map(chunk).map(Arc::new).collect()
    }
}

impl Clients {
    /// The bytes of a database in pieces, if all of them are there.
    #[must_use]
    pub fn pieces_of(&self, database: &GeoDatabase) -> Option<Vec<&[u8]>> {
        let chunks = self.geo_chunks.iter().filter(|chunk| chunk.database == database.checksum);
        let chunks: Vec<&Arc<GeoChunk>> = chunks.collect();
        let is_whole = u32::try_from(chunks.len()) == Ok(database.chunks)
            && (0..).zip(&chunks).all(|(number, chunk)| chunk.number == number);
        is_whole.then(|| chunks.into_iter().map(|chunk| chunk.body.as_slice()).collect())
    }
}
