//! Faults: every cut, every flipped octet of a sample, a full disk, a stale journal.

use std::os::unix::fs::PermissionsExt;

use model::{
    DomainName, Revision, Version,
    gslb::{DownResponse, GslbService, MonitorScope, PoolAlgorithm},
    http::{Certificate, VirtualService},
    testing::virtual_service,
};
use se_protocol::{PortOffset, Snapshot};

use super::{secrets::SEAL_KEY, *};

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
        use_client_subnet: true,
        min_members: 0,
        resolve_cname: false,
        topology_policies: false,
        pools: Vec::new(),
        down_response: DownResponse::Empty,
        health_monitors: Vec::new(),
        monitor_scope: MonitorScope::AllMembers,
        controller_health: false,
        site_quorum: None,
    };
    let snapshot = Snapshot {
        version: Version { incarnation: "a".into(), term: 0, revision: Revision(revision) },
        cluster_uuid: "cluster-1".into(),
        port_offset: PortOffset::NONE,
        clients: se_protocol::Clients::default(),
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

/// A body line as of a private key in PEM; each revision has another one.
fn pem(revision: u64) -> String {
    format!("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ{revision:04}")
}

fn with_certificate(revision: u64) -> Arc<Stamped> {
    let certificate = Certificate {
        uuid: "sslkeyandcertificate-1".into(),
        name: "c".into(),
        chain_pem: "chain".into(),
        key_pem: pem(revision),
    };
    let service = virtual_service("1", "192.0.2.1:443".parse().unwrap(), None);
    let service = VirtualService { certificates: vec![Arc::new(certificate)], ..service };
    let mut snapshot = Snapshot::clone(stamped(revision, 2).snapshot());
    snapshot.http.services.push(Arc::new(service));
    Arc::new(Stamped::encode(Arc::new(snapshot), None).unwrap())
}

/// One key in the checkpoint, two in the journal.
fn three_keys(dir: &Path) {
    let (mut disk, _) = Disk::open(dir);
    for revision in 1..=3 {
        disk.keep(&with_certificate(revision)).unwrap();
    }
}

#[test]
fn private_keys_lie_sealed_and_come_back() {
    let dir = tempfile::tempdir().unwrap();
    three_keys(dir.path());
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let (entry, mut is_plain) = (entry.unwrap(), false);
        let content = std::fs::read(entry.path()).unwrap();
        for revision in 1..=3 {
            is_plain |= content.windows(16).any(|some| pem(revision).as_bytes().windows(16).any(|key| key == some));
        }
        assert!(!is_plain, "{}", entry.path().display());
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, [CHECKPOINT, JOURNAL, SEAL_KEY]);
    let (mut disk, held) = Disk::open(dir.path());
    assert_eq!(held, Some(with_certificate(3)));
    // The same key goes on.
    disk.keep(&with_certificate(4)).unwrap();
    assert_eq!(Disk::open(dir.path()).1, Some(with_certificate(4)));
}

#[test]
fn without_its_key_a_checkpoint_is_nothing_and_is_written_anew() {
    for key in [None, Some(&b"short"[..]), Some(&[7; 32][..])] {
        let dir = tempfile::tempdir().unwrap();
        three_keys(dir.path());
        let path = dir.path().join(SEAL_KEY);
        match key {
            Some(key) => std::fs::write(&path, key).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        let checkpoint = std::fs::read(dir.path().join(CHECKPOINT)).unwrap();
        assert_eq!(read_checkpoint(&checkpoint, secrets::load(dir.path()).as_ref()).unwrap_err(), Unusable::Closed);
        let (mut disk, held) = Disk::open(dir.path());
        assert_eq!(held, None);
        disk.keep(&with_certificate(4)).unwrap();
        assert_eq!(Disk::open(dir.path()).1, Some(with_certificate(4)));
    }
}

#[test]
fn checkpoint_of_the_release_before_is_read_and_gets_a_key() {
    let dir = tempfile::tempdir().unwrap();
    three(dir.path());
    std::fs::remove_file(dir.path().join(SEAL_KEY)).unwrap();
    let (mut disk, held) = Disk::open(dir.path());
    assert_eq!(held, Some(stamped(3, 4)));
    disk.keep(&with_certificate(4)).unwrap();
    assert_eq!(Disk::open(dir.path()).1, Some(with_certificate(4)));
}

#[test]
fn certificate_that_lies_open_is_not_taken() {
    let dir = tempfile::tempdir().unwrap();
    let mut content = MAGIC.to_vec();
    for part in parts(None, &with_certificate(1)) {
        content.extend(record(part));
    }
    std::fs::write(dir.path().join(CHECKPOINT), content).unwrap();
    assert_eq!(Disk::open(dir.path()).1, None);
}
