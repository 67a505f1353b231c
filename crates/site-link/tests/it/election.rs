//! Three sites that replicate and elect over links: what `site-replication` simulates, with real time and sockets.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use site_replication::{
    BATCH_MAX, Change, Durable, Effect, Entry, Leadership, Log, Mark, Object, Revision, Save, Settings, SiteId, State,
    Stored, Write,
};
use tokio::task::AbortHandle;
use tokio::time::{Instant, interval, timeout};

use crate::harness::{Site, WITHIN, id, term};

const NAMES: [&str; 3] = ["one", "two", "three"];
/// What a site does that is woken rarely still keeps its lease: a quarter of a heartbeat.
const TICK: Duration = Duration::from_millis(50);

/// A site and the program around it, as simple as can be.
struct Program {
    id: SiteId,
    replicated: Arc<Mutex<site_replication::Site>>,
    link: Arc<site_link::Link>,
    begun: Instant,
    task: AbortHandle,
}

impl Program {
    fn start(site: Site, durable: Durable) -> Self {
        let Site { id, link, mut incoming, roster, .. } = site;
        let mut settings = Settings::new(NAMES.map(SiteId::from));
        settings.leadership = Leadership::Elected;
        let begun = Instant::now();
        let (replicated, _) = site_replication::Site::new(id.clone(), settings, durable, Duration::ZERO);
        let (replicated, link) = (Arc::new(Mutex::new(replicated)), Arc::new(link));
        let (site, sender) = (Arc::clone(&replicated), Arc::clone(&link));
        let task = tokio::spawn(async move {
            let _roster = roster;
            let mut ticks = interval(TICK);
            loop {
                let effects = tokio::select! {
                    _ = ticks.tick() => site.lock().tick(begun.elapsed(), rand::random()),
                    message = incoming.recv() => {
                        let (from, message) = message.unwrap();
                        site.lock().receive(begun.elapsed(), &from, message)
                    }
                };
                perform(&sender, effects);
            }
        });
        Self { id, replicated, link, begun, task: task.abort_handle() }
    }

    fn write(&self, name: &str) -> bool {
        let write = Write::Put {
            uuid: format!("gslbservice-{name}"),
            kind: "gslbservice".into(),
            claims: vec![name.into()],
            body: name.as_bytes().into(),
            based_on: None,
        };
        let written = self.replicated.lock().write(self.begun.elapsed(), 1, write);
        written.map(|(_, effects)| perform(&self.link, effects)).is_ok()
    }

    fn shows(&self, name: &str) -> bool {
        self.replicated.lock().view().get(&format!("gslbservice-{name}")).is_some()
    }

    fn writes(&self) -> bool {
        self.replicated.lock().is_writer(self.begun.elapsed())
    }
}

fn perform(link: &site_link::Link, effects: Vec<Effect>) {
    for effect in effects {
        if let Effect::Send(to, message) = effect {
            link.send(&to, message);
        }
    }
}

/// Sites that know each other, of which the last is new and the others, a majority, have `durable`.
async fn three(durable: Durable) -> Vec<Program> {
    let sites = NAMES.map(Site::start);
    for site in &sites {
        for other in sites.iter().filter(|other| other.id != site.id) {
            site.know(&other.id.to_string(), other.link.local_addr(), &other.pem);
        }
    }
    for site in &sites {
        for other in NAMES.iter().filter(|other| id(other) != site.id) {
            site.until_linked(other).await;
        }
    }
    let new = Durable::new(id("one"));
    let start = |(site, durable)| Program::start(site, durable);
    sites.into_iter().zip([durable.clone(), durable, new]).map(start).collect()
}

#[track_caller]
fn until(wanted: impl Fn() -> bool) -> impl Future<Output = Duration> {
    let caller = std::panic::Location::caller();
    async move {
        let begun = Instant::now();
        let mut looks = interval(Duration::from_millis(5));
        let found = timeout(WITHIN, async {
            while !wanted() {
                looks.tick().await;
            }
        });
        found.await.unwrap_or_else(|_| panic!("{caller}: not in time"));
        begun.elapsed()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_leader_is_gone_another_leads_and_what_was_acknowledged_is_there() {
    let programs = three(Durable::new(id("one"))).await;
    until(|| programs.iter().any(Program::writes)).await;
    let (leader, others): (Vec<_>, Vec<_>) = programs.iter().partition(|program| program.writes());
    assert_eq!(leader.len(), 1);
    assert!(leader[0].write("before"));
    until(|| programs.iter().all(|program| program.shows("before"))).await;
    assert!(!others[0].write("at a follower"));
    // Its links end without a goodbye only with the process; here they stay open, and silent.
    leader[0].task.abort();
    let took = until(|| others.iter().any(|program| program.writes() && program.write("after"))).await;
    until(|| others.iter().all(|program| program.shows("after"))).await;
    println!("another leads after {took:?}");
    assert!(others.iter().all(|program| program.shows("before")), "{:?}", leader[0].id);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_objects_reach_a_site_that_was_away_as_entries_or_as_a_whole() {
    const OBJECTS: u64 = 10_000;
    let object = |number: u64| {
        let (uuid, claims) = (format!("gslbservice-{number}"), vec![format!("app{number}")]);
        Arc::new(Object {
            uuid,
            kind: "gslbservice".into(),
            claims,
            last_modified_us: number,
            body: vec![7; 2_000].into(),
        })
    };
    let first = term(1, "one");
    let entries = (1..=OBJECTS).map(|number| {
        let change = Change::Put(object(number));
        Arc::new(Entry { revision: Revision(number), term: first.clone(), change })
    });
    let mut as_entries = Durable::new(id("one"));
    as_entries.save(&Save::Term(first.clone()));
    entries.for_each(|entry| as_entries.save(&Save::Push(entry)));
    let stored = (1..=OBJECTS).map(|number| Stored { object: object(number), revision: Revision(number) });
    let mark = Mark { revision: Revision(OBJECTS), term: first.clone() };
    let mut as_a_whole = as_entries.clone();
    as_a_whole.log = Log::new(Arc::new(State::new(stored, OBJECTS)), mark);
    as_a_whole.applied = Revision(OBJECTS);
    for (durable, how) in [(as_entries, "as entries"), (as_a_whole, "as a whole")] {
        let programs = three(durable).await;
        let took = until(|| programs.iter().all(|program| program.shows(&OBJECTS.to_string()))).await;
        println!("{OBJECTS} objects {how}, {} batches: {took:?} with an election", OBJECTS.div_ceil(BATCH_MAX as u64));
        let views: Vec<_> = programs.iter().map(|program| program.replicated.lock().view().clone()).collect();
        assert!(views.iter().all(|view| *view == views[0]) && views[0].objects().count() as u64 == OBJECTS);
        programs.iter().for_each(|program| program.task.abort());
    }
}
