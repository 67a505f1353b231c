//! `GslbGeoDbProfile`: which files say where clients are (avi-api 2.24).

use crate::{Object, Problem, World, field::Message};

/// Types that say which files there are.
pub const TYPES: &[&str] = &["fileobject", "gslbgeodbprofile"];
/// Where files of geo databases are.
const DIRECTORY: &str = "controller://gslb/";

/// A file of a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeoFile {
    /// What people call it: profile and file.
    pub label: String,
    /// Hexadecimal SHA-256 of what it holds.
    pub checksum: String,
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
            match file(object.name, &entry.message("file"), &world) {
                Ok(file) => found.push((entry.number("priority").unwrap_or(10), file)),
                Err(problem) => problems.push(problem),
            }
        }
    }
    found.sort_by_key(|(priority, _)| std::cmp::Reverse(*priority));
    (found.into_iter().map(|(_, file)| file).collect(), problems)
}

fn file(profile: &str, file: &Message<'_>, world: &World<'_>) -> Result<GeoFile, Problem> {
    let filename = file.text("filename").unwrap_or_default();
    let name = filename.strip_prefix(DIRECTORY).unwrap_or(filename);
    let object = match file.text("file_id").and_then(|uuid| world.get("fileobject", uuid)) {
        Some(object) => Some(object),
        None => {
            let is_named = |object: &Object<'_>| {
                let path = Message::root("", object.fields).text("path");
                path.and_then(|path| path.strip_prefix(DIRECTORY)) == Some(name)
            };
            // Before the one that a site still has from when each had its own.
            let is_of_all_sites = |object: &Object<'_>| Message::root("", object.fields).flag("is_federated", false);
            world.of("fileobject").filter(is_named).max_by_key(is_of_all_sites)
        }
    };
    let checksum = object.and_then(|object| Message::root("", object.fields).text("checksum"));
    let missing = || {
        let why = format!("there is no file `{name}`: send it to /api/fileservice/gslb of the leader; skipped");
        file.problem("filename", why)
    };
    Ok(GeoFile {
        label: format!("{profile}: {name}"),
        checksum: checksum.ok_or_else(missing)?.to_owned(),
        format: file.text("format").unwrap_or("GSLB_GEODB_FILE_FORMAT_AVI").to_owned(),
    })
}
