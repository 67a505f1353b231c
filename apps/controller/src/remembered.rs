//! What a controller was told at its last start, kept so that a start that differs says what that changes.

use std::{fs, io, net::SocketAddr};

use anyhow::Context;
use se_protocol::PortOffset;

use crate::data_dir::DataDir;

/// File, in the data directory, with the address where engines connect.
pub(crate) const ENGINES_AT: &str = "engine-address";
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

/// Warns when engines that joined look for the controller elsewhere than it listens, and remembers where it listens.
pub(crate) fn engine_address(data: &DataDir, now: SocketAddr) -> anyhow::Result<()> {
    let before = read(data, ENGINES_AT)?;
    if let Some(before) = moved_from(before.as_deref(), now) {
        tracing::warn!(
            before,
            %now,
            "the address for engines changed: engines that joined reach the controller at the one before; start them \
             with --controller and the one now"
        );
    }
    data.write(ENGINES_AT, format!("{now}\n").as_bytes())?;
    Ok(())
}

/// The address before, when an engine that knows it does not reach `now` with it.
fn moved_from(before: Option<&str>, now: SocketAddr) -> Option<&str> {
    let before = before.filter(|text| !text.is_empty())?;
    let is_reached = match before.parse::<SocketAddr>() {
        // Whoever listens everywhere listens there too.
        Ok(before) => before == now || (now.ip().is_unspecified() && before.port() == now.port()),
        Err(_) => false,
    };
    (!is_reached).then_some(before)
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

    #[test]
    fn an_address_where_engines_no_longer_reach_the_controller_is_noticed() {
        let root = tempfile::tempdir().unwrap();
        let data = DataDir::open(root.path()).unwrap();
        let from = |now: &str| {
            let before = read(&data, ENGINES_AT).unwrap();
            moved_from(before.as_deref(), now.parse().unwrap()).map(str::to_owned)
        };
        assert_eq!(from("10.0.0.1:9444"), None, "a first start moves nothing");
        engine_address(&data, "10.0.0.1:9444".parse().unwrap()).unwrap();
        assert_eq!(from("10.0.0.1:9444"), None);
        assert_eq!(from("0.0.0.0:9444"), None);
        for now in ["10.0.0.2:9444", "10.0.0.1:9445", "0.0.0.0:9445"] {
            assert_eq!(from(now).as_deref(), Some("10.0.0.1:9444"), "{now}");
        }
        engine_address(&data, "10.0.0.2:9444".parse().unwrap()).unwrap();
        assert_eq!(from("10.0.0.2:9444"), None);
    }
}
