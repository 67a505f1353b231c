use std::ops::Range;

use controller_api::{Committer, SystemClock};
use objects::{Types, federated::Copied};
use parking_lot::Mutex;
use serde_json::json;
use store_embedded::SqliteStore;

use super::*;
use crate::sites::files::answer;

/// Another site: what it gives, and what it was asked for.
struct Other {
    name: &'static str,
    content: Vec<u8>,
    /// Requests of these numbers break off.
    is_cut: Range<usize>,
    asked: Mutex<Vec<u64>>,
    /// How often it came into question.
    looked: Mutex<usize>,
}

struct Others(Vec<Arc<Other>>);

#[async_trait]
impl Ask for Others {
    fn sites(&self) -> Vec<SiteId> {
        self.0.iter().for_each(|other| *other.looked.lock() += 1);
        self.0.iter().map(|other| SiteId::from(other.name)).collect()
    }

    async fn ask(&self, site: &SiteId, request: Vec<u8>) -> Result<Vec<u8>, String> {
        let other = self.0.iter().find(|other| other.name == site.as_str()).unwrap();
        let Request::FilePart { offset, length, .. } = serde_json::from_slice(&request).unwrap();
        let number = other.asked.lock().len();
        other.asked.lock().push(offset);
        if other.is_cut.contains(&number) {
            return Err("the link broke".to_owned());
        }
        let from = usize::try_from(offset).unwrap();
        let to = other.content.len().min(from + usize::try_from(length).unwrap());
        Ok(answer(other.content.len() as u64, &other.content[from..to]))
    }
}

fn other(name: &'static str, content: Vec<u8>, is_cut: Range<usize>) -> Arc<Other> {
    Arc::new(Other { name, content, is_cut, asked: Mutex::default(), looked: Mutex::default() })
}

/// A site that is told of a file that holds `content`, and asks the others for it.
struct Site {
    files: Files,
    checksum: String,
    directory: tempfile::TempDir,
    tasks: tokio::task::JoinSet<()>,
}

impl Site {
    async fn start(content: &[u8], others: &[&Arc<Other>]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let checksum = Files::checksum(content);
        let mut site = Self {
            files: Files::new(directory.path().join("files")),
            checksum,
            directory,
            tasks: tokio::task::JoinSet::new(),
        };
        site.run(content.len(), others).await;
        site
    }

    async fn run(&mut self, size: usize, others: &[&Arc<Other>]) {
        let store = Arc::new(SqliteStore::open(self.directory.path().join("store.db")).unwrap());
        let live = LiveProjection::new(store.clone(), Types::new(avi_schema::TYPES.iter().copied()));
        live.load().await.unwrap();
        let following = live.clone();
        self.tasks.spawn(async move { following.run().await });
        let body = json!({"path": "controller://gslb/places.csv", "checksum": self.checksum, "size": size,
            "is_federated": true});
        let object = Object::new(
            "fileobject",
            "file-1".into(),
            "gslb/places.csv".into(),
            "admin".into(),
            body.as_object().unwrap().clone(),
            1,
        );
        let copies = [Copied::Put(Box::new(object))];
        let adoptions = live.read(|state| objects::federated::adopt(&state.projection, &copies, 1));
        let effects: Vec<_> = adoptions.iter().map(|adoption| adoption.effects.as_slice()).collect();
        Committer::new(store, live.clone()).put(&effects).await.map_err(|(_, error)| error).unwrap();
        let others = Others(others.iter().map(|other| Arc::clone(other)).collect());
        let fetcher = Fetcher {
            live,
            files: self.files.clone(),
            clock: Arc::new(SystemClock::start()),
            others: Arc::new(others),
        };
        self.tasks.spawn(fetcher.run());
    }

    async fn wait(&self, what: &str, condition: impl Fn() -> bool) {
        for _ in 0..3_000 {
            if condition() {
                return;
            }
            // bounded: 60 s at most
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{what} did not happen");
    }

    async fn wait_for_file(&self) {
        self.wait("the file's arrival", || self.files.has(&self.checksum)).await;
    }
}

/// Three parts and a bit.
fn content(seed: u8) -> Vec<u8> {
    (0..PART_BYTES * 3 + 100).map(|at| u8::try_from((at / 7 + at % 13) % 251).unwrap() ^ seed).collect()
}

#[tokio::test]
async fn a_file_comes_in_parts_and_goes_on_after_a_cut_where_it_was() {
    let leader = other("leader", content(1), 2..4);
    let site = Site::start(&content(1), &[&leader]).await;
    let arrivals = site.files.arrivals();
    site.wait_for_file().await;
    let part = PART_BYTES;
    assert_eq!(*leader.asked.lock(), [0, part, 2 * part, 2 * part, 2 * part, 3 * part], "nothing is asked for twice");
    assert_eq!(site.files.read(&site.checksum).unwrap(), content(1));
    site.wait("word of it", || *arrivals.borrow() == 1).await;
}

#[tokio::test]
async fn what_makes_another_file_is_thrown_away_and_asked_of_the_next_site() {
    let (liar, honest) = (other("liar", content(2), 0..0), other("honest", content(1), 0..0));
    let site = Site::start(&content(1), &[&liar, &honest]).await;
    site.wait_for_file().await;
    assert_eq!(honest.asked.lock().first(), Some(&0), "nothing of what the other gave is kept");
    assert_eq!(site.files.read(&site.checksum).unwrap(), content(1));

    let short = other("short", b"less than it says".to_vec(), 0..0);
    let site = Site::start(&content(3), &[&short, &other("right", content(3), 0..0)]).await;
    site.wait_for_file().await;
}

#[tokio::test]
async fn a_disk_that_does_not_take_it_is_tried_again_and_what_is_not_used_goes() {
    let leader = other("leader", content(1), 0..0);
    let directory = tempfile::tempdir().unwrap();
    // In place of the directory of files stands a file.
    std::fs::write(directory.path().join("files"), "in the way").unwrap();
    let files = Files::new(directory.path().join("files"));
    let mut site =
        Site { files, checksum: Files::checksum(&content(1)), directory, tasks: tokio::task::JoinSet::new() };
    site.run(content(1).len(), &[&leader]).await;
    site.wait("two attempts", || *leader.looked.lock() > 1).await;
    assert!(leader.asked.lock().is_empty());
    std::fs::remove_file(site.directory.path().join("files")).unwrap();
    site.wait_for_file().await;

    let (other, far) = (Files::checksum(b"other"), SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 33));
    std::fs::write(site.directory.path().join("files").join(&other), b"other").unwrap();
    std::fs::write(site.directory.path().join("files/notes"), b"a person's").unwrap();
    let used = BTreeSet::from([site.checksum.clone()]);
    assert_eq!(site.files.remove_unused(&used, SystemTime::UNIX_EPOCH).unwrap(), 0, "it may be about to be used");
    assert_eq!(site.files.remove_unused(&used, far).unwrap(), 1);
    assert!(site.files.has(&site.checksum) && !site.files.has(&other));
}
