//! Which members were up, on disk: an engine that starts again answers with them until their probes have a verdict.
//!
//! ```text
//! meridian engine up members 1
//! UUID ADDRESS                    one line each
//! ```

use std::{net::IpAddr, path::Path, path::PathBuf, sync::Arc, time::Duration};

use se_protocol::{Report, UpMembers};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    certificate::chain,
    private_file::{self, FileError},
};

const FILE: &str = "up-members";
const MAGIC: &str = "meridian engine up members 1";
/// Shortest time from one write to the next: members that come and go together are one.
const SPACING: Duration = Duration::from_secs(1);

/// What was kept last. A file that cannot be read is told as a warning and counts as none: members then wait for their
/// first probe.
pub(super) fn load(dir: &Path) -> UpMembers {
    let content = private_file::read(&dir.join(FILE)).unwrap_or_else(|error| {
        tracing::warn!(reason = chain(&error), "members that were up are not known: they wait for their first probe");
        None
    });
    let Some(content) = content else { return UpMembers::new() };
    parse(&content).unwrap_or_else(|| {
        tracing::warn!(file = FILE, reason = "it is damaged", "members that were up wait for their first probe");
        UpMembers::new()
    })
}

/// Keeps what the reports say, until the link stops or the engine reports no more. A disk that fails is told once.
pub(super) async fn keep(
    dir: PathBuf,
    mut kept: UpMembers,
    mut reports: watch::Receiver<Option<Arc<Report>>>,
    stop: CancellationToken,
) {
    let mut is_failing = false;
    while let Some(Ok(())) = stop.run_until_cancelled(reports.changed()).await {
        let up = reports.borrow_and_update().as_ref().map(|report| report.up_members());
        if let Some(up) = up.filter(|up| *up != kept) {
            let (dir, content) = (dir.clone(), text(&up));
            let written = tokio::task::spawn_blocking(move || private_file::write(&dir, FILE, content.as_bytes()));
            match written.await {
                Ok(Ok(())) => {
                    kept = up;
                    is_failing = false;
                }
                Ok(Err(error)) => tell_failure(&error, &mut is_failing),
                Err(error) => tracing::error!(reason = %error, "writing to disk ended badly"),
            }
        }
        stop.run_until_cancelled(tokio::time::sleep(SPACING)).await.unwrap_or_default();
    }
}

fn tell_failure(error: &FileError, is_failing: &mut bool) {
    if !std::mem::replace(is_failing, true) {
        tracing::warn!(
            reason = chain(error),
            "members that are up are not kept on disk: after a restart they wait for their first probe"
        );
    }
}

fn text(up: &UpMembers) -> String {
    let mut text = format!("{MAGIC}\n");
    for (uuid, ip) in up.iter().flat_map(|(uuid, ips)| ips.iter().map(move |ip| (uuid, ip))) {
        text.push_str(&format!("{uuid} {ip}\n"));
    }
    text
}

fn parse(content: &[u8]) -> Option<UpMembers> {
    let mut lines = std::str::from_utf8(content).ok()?.lines();
    if lines.next() != Some(MAGIC) {
        return None;
    }
    let mut up = UpMembers::new();
    for line in lines {
        let (uuid, ip) = line.split_once(' ')?;
        up.entry(uuid.to_owned()).or_default().insert(ip.parse::<IpAddr>().ok()?);
    }
    Some(up)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_again_and_what_is_damaged_counts_as_nothing() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(load(dir.path()), UpMembers::new());
        let ips = ["192.0.2.1", "2001:db8::1"].map(|ip| ip.parse::<IpAddr>().unwrap());
        let up = UpMembers::from([("a".to_owned(), ips.into()), ("b".to_owned(), [ips[0]].into())]);
        private_file::write(dir.path(), FILE, text(&up).as_bytes()).unwrap();
        assert_eq!(load(dir.path()), up);
        for damaged in [&b""[..], b"a 192.0.2.1\n", b"meridian engine up members 1\na 192.0.2\n", b"\xff"] {
            private_file::write(dir.path(), FILE, damaged).unwrap();
            assert_eq!(load(dir.path()), UpMembers::new());
        }
    }
}
