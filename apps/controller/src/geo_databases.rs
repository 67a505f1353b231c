//! Geo databases for snapshots: compiled once for each file, and cut into chunks.

use std::{io, sync::Arc};

use controller_api::Files;
use geo::{Format, Table, TableError};
use se_protocol::{GEO_BYTES_MAX, GeoChunk, GeoDatabase};
use se_snapshot::{GeoFile, Problem};
use tokio::sync::watch;

/// What was compiled, and what of it is still good.
pub(crate) struct GeoDatabases {
    files: Files,
    known: Vec<Known>,
}

/// A file and what became of it.
#[derive(Clone)]
struct Known {
    file: GeoFile,
    /// `None` of one that cannot be used, and that never could.
    compiled: Option<Compiled>,
    problem: Option<String>,
    /// It may yet come from another site.
    is_missing: bool,
}

#[derive(Clone)]
struct Compiled {
    database: GeoDatabase,
    chunks: Vec<Arc<GeoChunk>>,
}

/// Why a file is no geo database.
#[derive(Debug, thiserror::Error)]
enum GeoError {
    #[error("what it holds is not at this site yet, and is asked of the others")]
    Missing,
    #[error("it cannot be read ({0})")]
    Read(#[source] io::Error),
    #[error("`{0}` is a format that this release does not read")]
    Format(String),
    #[error("{error}{}", std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default())]
    Table { error: TableError },
    #[error("compiled it has {0} bytes, and engines are sent {GEO_BYTES_MAX} at most")]
    TooLarge(usize),
    #[error("compiling it broke off")]
    Broken,
}

impl GeoDatabases {
    pub(crate) fn new(files: Files) -> Self {
        Self { files, known: Vec::new() }
    }

    /// Changes when a file may have come that was missing.
    pub(crate) fn arrivals(&self) -> watch::Receiver<u64> {
        self.files.arrivals()
    }

    /// What the files hold, the first the most important, and the chunks of all of them in the order of their ids. In
    /// place of a file that cannot be used stays what the same entry held before.
    pub(crate) async fn load(
        &mut self,
        files: Vec<GeoFile>,
        problems: &mut Vec<Problem>,
    ) -> (Vec<GeoDatabase>, Vec<Arc<GeoChunk>>) {
        let mut known = Vec::with_capacity(files.len());
        for file in files {
            let same = self.known.iter().find(|known| known.file == file && !known.is_missing).cloned();
            known.push(match same {
                Some(same) => same,
                None => self.compile(file).await,
            });
        }
        self.known = known;
        for Known { file, problem, .. } in &self.known {
            let Some(reason) = problem else { continue };
            let (object, field) = (format!("GslbGeoDbProfile {}", file.label), "file".to_owned());
            problems.push(Problem { object, field, reason: reason.clone() });
        }
        let compiled = || self.known.iter().filter_map(|known| known.compiled.as_ref());
        let mut chunks: Vec<Arc<GeoChunk>> = compiled().flat_map(|compiled| &compiled.chunks).cloned().collect();
        chunks.sort_by_key(|chunk| chunk.id());
        // Two entries may name one file.
        chunks.dedup_by(|one, other| Arc::ptr_eq(one, other) || one.id() == other.id());
        (compiled().map(|compiled| compiled.database.clone()).collect(), chunks)
    }

    async fn compile(&self, file: GeoFile) -> Known {
        let (files, wanted) = (self.files.clone(), file.clone());
        // It takes a second for a large one: not on an async thread.
        let compiled = tokio::task::spawn_blocking(move || compile(&files, &wanted)).await;
        match compiled.unwrap_or(Err(GeoError::Broken)) {
            Ok(compiled) => {
                tracing::info!(database = file.label, chunks = compiled.chunks.len(), "geo database compiled");
                Known { file, compiled: Some(compiled), problem: None, is_missing: false }
            }
            Err(error) => {
                let before = self.known.iter().find(|known| known.file.label == file.label);
                let compiled = before.and_then(|before| before.compiled.clone());
                let instead = if compiled.is_some() { "what it held before stays" } else { "it is left out" };
                let is_missing = matches!(error, GeoError::Missing);
                Known { file, compiled, problem: Some(format!("{error}; {instead}")), is_missing }
            }
        }
    }
}

fn compile(files: &Files, file: &GeoFile) -> Result<Compiled, GeoError> {
    let format = Format::from_avi(&file.format).ok_or_else(|| GeoError::Format(file.format.clone()))?;
    let content = files.read(&file.checksum).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => GeoError::Missing,
        _ => GeoError::Read(error),
    })?;
    let table = Table::compile(format, &content).map_err(|error| GeoError::Table { error })?;
    let bytes = table.encode();
    if bytes.len() > GEO_BYTES_MAX {
        return Err(GeoError::TooLarge(bytes.len()));
    }
    let checksum = Files::checksum(&bytes);
    let chunks = GeoChunk::cut(&checksum, &bytes);
    let count = u32::try_from(chunks.len()).unwrap_or(u32::MAX);
    Ok(Compiled { database: GeoDatabase { checksum, chunks: count, name: file.label.clone() }, chunks })
}
