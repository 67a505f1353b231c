//! Faults: every cut, every flipped octet of a sample, a full disk, a stale journal.

use std::os::unix::fs::PermissionsExt;

use model::{
    DomainName, Revision, Version,
    gslb::{DownResponse, GslbService, MonitorScope, PoolAlgorithm},
};
use se_protocol::{PortOffset, Snapshot};

use super::*;

fn stamped(revision: u64, services: u64) -> Arc<Stamped> {
    let service = |number: u64| GslbService {
        uuid: format!("gslbservice-{number:05}"),
        name: format!("app{number}.example.com"),
        tenant: "admin".into(),
        enabled: true,
        domain_names: vec![DomainName::parse(&format!("app{number}.example.com")).unwrap()],
        wildcard_match: false,
        ttl: None,
        num_dns_ip: None,
        pool_algorithm: PoolAlgorithm::Priority,
        pools: Vec::new(),
        down_response: DownResponse::Empty,
        health_monitors: Vec::new(),
        monitor_scope: MonitorScope::AllMembers,
        controller_health: false,
    };
    let snapshot = Snapshot {
        version: Version { incarnation: "a".into(), term: 0, revision: Revision(revision) },
        cluster_uuid: "cluster-1".into(),
        port_offset: PortOffset::NONE,
        dns_services: Vec::new(),
        gslb_domains: Vec::new(),
        gslb_services: (0..services).map(service).map(Arc::new).collect(),
        monitors: Vec::new(),
        http: model::http::HttpObjects::default(),
        registrations: Vec::new(),
    };
    Arc::new(Stamped::encode(Arc::new(snapshot), None).unwrap())
}

fn revision_in(dir: &Path) -> Option<u64> {
    Disk::open(dir).1.map(|stamped| stamped.version().revision.0)
}

/// Three snapshots: one in the checkpoint, two in the journal.
fn three(dir: &Path) {
    let (mut disk, nothing) = Disk::open(dir);
    assert!(nothing.is_none());
    for revision in 1..=3 {
        disk.keep(&stamped(revision, revision + 1)).unwrap();
    }
}

#[test]
fn what_was_kept_comes_back_from_private_files() {
    let dir = tempfile::tempdir().unwrap();
    three(dir.path());
    assert_eq!(Disk::open(dir.path()).1, Some(stamped(3, 4)));
    for name in [CHECKPOINT, JOURNAL] {
        assert_eq!(std::fs::metadata(dir.path().join(name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
}

#[test]
fn journal_cut_anywhere_gives_what_was_whole_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    three(dir.path());
    let path = dir.path().join(JOURNAL);
    let whole = std::fs::read(&path).unwrap();
    let mut seen = Vec::new();
    for cut in 0..=whole.len() {
        std::fs::write(&path, &whole[..cut]).unwrap();
        seen.push(revision_in(dir.path()).unwrap());
        if cut % 37 == 0 {
            // And is written on after a torn end.
            let (mut disk, held) = Disk::open(dir.path());
            disk.keep(&stamped(9, 2)).unwrap();
            assert!(held.is_some());
            assert_eq!(revision_in(dir.path()), Some(9));
        }
    }
    assert!(seen.is_sorted());
    seen.dedup();
    assert_eq!(seen, [1, 2, 3]);
}

#[test]
fn damaged_octet_never_gives_a_wrong_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    three(dir.path());
    let known: Vec<_> = (1..=3).map(|revision| stamped(revision, revision + 1)).collect();
    for name in [CHECKPOINT, JOURNAL] {
        let path = dir.path().join(name);
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            std::fs::write(&path, &damaged).unwrap();
            match Disk::open(dir.path()).1 {
                None => assert_eq!(name, CHECKPOINT),
                Some(found) => assert!(name == JOURNAL && known.contains(&found), "{name} {at}"),
            }
        }
        std::fs::write(&path, &whole).unwrap();
    }
}

#[test]
fn checkpoint_cut_anywhere_is_nothing_and_is_written_anew() {
    let dir = tempfile::tempdir().unwrap();
    three(dir.path());
    let path = dir.path().join(CHECKPOINT);
    let whole = std::fs::read(&path).unwrap();
    for cut in 0..whole.len() {
        std::fs::write(&path, &whole[..cut]).unwrap();
        assert_eq!(revision_in(dir.path()), None, "{cut}");
    }
    let (mut disk, _) = Disk::open(dir.path());
    disk.keep(&stamped(7, 1)).unwrap();
    assert_eq!(revision_in(dir.path()), Some(7));
}

#[test]
fn journal_of_an_older_checkpoint_applies_nothing() {
    let dir = tempfile::tempdir().unwrap();
    three(dir.path());
    let stale = std::fs::read(dir.path().join(JOURNAL)).unwrap();
    // A crash between the new checkpoint and the end of the old journal.
    let (mut disk, _) = Disk::open(dir.path());
    disk.replace(&stamped(4, 2)).unwrap();
    std::fs::write(dir.path().join(JOURNAL), stale).unwrap();
    assert_eq!(revision_in(dir.path()), Some(4));
}

#[test]
fn full_disk_fails_and_the_next_room_is_used() {
    let dir = tempfile::tempdir().unwrap();
    three(dir.path());
    let (mut disk, _) = Disk::open(dir.path());
    let journal = dir.path().join(JOURNAL);
    std::fs::remove_file(&journal).unwrap();
    std::os::unix::fs::symlink("/dev/full", &journal).unwrap();
    disk.keep(&stamped(4, 9)).unwrap_err();
    std::fs::remove_file(&journal).unwrap();
    disk.keep(&stamped(5, 9)).unwrap();
    assert_eq!(revision_in(dir.path()), Some(5));
}

#[test]
fn long_journal_makes_room_for_a_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let (mut disk, _) = Disk::open(dir.path());
    let journal = |dir: &Path| std::fs::metadata(dir.join(JOURNAL)).unwrap().len();
    let mut shrank = false;
    let mut before = 0;
    for revision in 1..40 {
        // Each of these is some 80 kB apart from the one before.
        disk.keep(&stamped(revision, if revision % 2 == 0 { 1 } else { 1_000 })).unwrap();
        let now = journal(dir.path());
        shrank |= now < before;
        before = now;
        assert!(now <= JOURNAL_BYTES_MIN);
    }
    assert!(shrank);
    assert_eq!(revision_in(dir.path()), Some(39));
}
