//! What a controller was told at its last start, kept so that a start that differs says what that changes.

use std::{fs, io};

use anyhow::Context;
use se_protocol::PortOffset;

use crate::data_dir::DataDir;

/// File, in the data directory, with what happens to low ports.
const PORTS: &str = "low-ports";

/// What a start changes about ports below 1024.
#[derive(Debug, PartialEq, Eq)]
enum PortChange {
    MoveNow,
    StayNow,
}

/// Warns when low ports are used otherwise than at the last start, and remembers how they are used now.
pub(crate) fn low_ports(data: &DataDir, now: PortOffset) -> anyhow::Result<()> {
    let before = read(data, PORTS)?;
    match port_change(before.as_deref(), now) {
        Some(PortChange::MoveNow) => tracing::warn!(
            "ports below 1024 are moved by 8000 now, before they were not: DNS leaves port 53; start with \
             --privileged-ports to keep them"
        ),
        Some(PortChange::StayNow) => tracing::warn!(
            "ports below 1024 are not moved now, before they were moved by 8000: DNS leaves port 8053; start without \
             --privileged-ports to keep it there"
        ),
        None => {}
    }
    let now = word(now);
    if before.as_deref() != Some(now) {
        data.write(PORTS, format!("{now}\n").as_bytes())?;
    }
    Ok(())
}

fn port_change(before: Option<&str>, now: PortOffset) -> Option<PortChange> {
    match (before?, word(now)) {
        ("stay", "move") => Some(PortChange::MoveNow),
        ("move", "stay") => Some(PortChange::StayNow),
        _ => None,
    }
}

fn word(offset: PortOffset) -> &'static str {
    if offset == PortOffset::NONE { "stay" } else { "move" }
}

/// The text of a file; `None` before the first start that wrote it.
fn read(data: &DataDir, name: &str) -> anyhow::Result<Option<String>> {
    let path = data.file(name);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_that_uses_low_ports_otherwise_than_the_last_one_is_noticed() {
        let root = tempfile::tempdir().unwrap();
        let data = DataDir::open(root.path()).unwrap();
        let change = |now| port_change(read(&data, PORTS).unwrap().as_deref(), now);
        assert_eq!(change(PortOffset::UNPRIVILEGED), None, "a first start changes nothing");
        low_ports(&data, PortOffset::NONE).unwrap();
        assert_eq!(change(PortOffset::NONE), None);
        assert_eq!(change(PortOffset::UNPRIVILEGED), Some(PortChange::MoveNow));
        low_ports(&data, PortOffset::UNPRIVILEGED).unwrap();
        assert_eq!(change(PortOffset::UNPRIVILEGED), None);
        assert_eq!(change(PortOffset::NONE), Some(PortChange::StayNow));
    }
}
