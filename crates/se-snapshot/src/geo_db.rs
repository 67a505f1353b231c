//! `GslbGeoDbProfile`: which files say where clients are (avi-api 2.24).

use crate::{Object, Problem, World, field::Message};

/// A file of a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeoFile {
    /// What people call it: profile and file.
    pub label: String,
    /// Which file object it is, if that is said: its uuid.
    pub file_id: Option<String>,
    /// Name of the file.
    pub filename: String,
    /// As on the wire: `GSLB_GEODB_FILE_FORMAT_AVI`.
    pub format: String,
}

/// The files of all profiles, the most important first: by priority, then in the order of uuids and entries.
#[must_use]
pub fn geo_files<'a>(objects: impl IntoIterator<Item = Object<'a>>) -> (Vec<GeoFile>, Vec<Problem>) {
    let (world, mut problems) = (World::sort(objects), Vec::new());
    let mut found: Vec<(u64, GeoFile)> = Vec::new();
    for object in world.of("gslbgeodbprofile") {
        let label = format!("GslbGeoDbProfile {}", object.name);
        for entry in Message::root(&label, object.fields).messages("entries") {
            let file = entry.message("file");
            let filename = file.text("filename").unwrap_or_default();
            let file_id = file.text("file_id");
            if filename.is_empty() && file_id.is_none() {
                problems.push(file.problem("filename", "no file given; skipped"));
                continue;
            }
            let file = GeoFile {
                label: format!(
                    "{}: {}",
                    object.name,
                    if filename.is_empty() { file_id.unwrap_or_default() } else { filename }
                ),
                file_id: file_id.map(str::to_owned),
                filename: filename.to_owned(),
                format: file.text("format").unwrap_or("GSLB_GEODB_FILE_FORMAT_AVI").to_owned(),
            };
            found.push((entry.number("priority").unwrap_or(10), file));
        }
    }
    found.sort_by_key(|(priority, _)| std::cmp::Reverse(*priority));
    (found.into_iter().map(|(_, file)| file).collect(), problems)
}
