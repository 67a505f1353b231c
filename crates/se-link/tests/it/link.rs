//! Snapshots and states down, reports and explanations up.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use se_link::LinkState;
use se_protocol::{
    DnsServiceState, GslbServiceState, MemberState, MemberStates, MonitorState, PoolState, Report, State,
    explain::{DnsQuestion, ExplainRefusal},
    logs::{EngineLogs, LogKind, LogQuery},
};

use crate::harness::{Controller, Engine, config, snapshot, until, version};

fn report(revision: u64, state: State, services: usize) -> Arc<Report> {
    let monitor = MonitorState {
        uuid: "healthmonitor-1".into(),
        name: "m".into(),
        target: "192.0.2.1:8080".parse().unwrap(),
        state,
        streak: 2,
        last_failure: Some("CONNECTION_REFUSED".into()),
        latency_us: Some(700),
        probed_by: None,
    };
    let member = MemberState {
        ip: "192.0.2.1".parse().unwrap(),
        state,
        perceived: state,
        reason: "1 of 1 required monitors pass".into(),
        since_us: 1_800_000_000_000_000,
        datapath: state,
        controller: Some(State::Unknown),
        monitors: vec![monitor],
    };
    let service = |number| GslbServiceState {
        uuid: format!("gslbservice-{number:06}"),
        state,
        reason: "1 of 1 members up".into(),
        since_us: -1,
        pools: vec![PoolState { name: "p".into(), state, members: vec![member.clone()] }],
    };
    Arc::new(Report {
        version: version("a", revision),
        dns_services: vec![DnsServiceState {
            uuid: "virtualservice-1".into(),
            state,
            reason: String::new(),
            listeners: vec!["127.0.0.1:5300".parse().unwrap()],
        }],
        gslb_services: (0..services).map(service).map(Arc::new).collect(),
        http_services: Vec::new(),
        http_pools: Vec::new(),
    })
}

#[tokio::test]
async fn joined_engine_gets_every_snapshot_and_says_so() {
    let (dir, engine_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let controller = Controller::start(dir.path());
    let mut engine = Engine::join(engine_dir.path(), &controller.token()).await;
    assert!(engine.uuid.starts_with("se-"));
    // One before the first, one that adds, one that takes away, one that changes nothing.
    for (revision, services) in [(3, 5), (4, 2_000), (6, 4), (7, 4)] {
        let next = snapshot("a", revision, services);
        controller.publish(&next);
        engine.runs(&next).await;
        let status = controller.engine(&engine.uuid, |engine| engine.running.as_ref() == Some(&next.version)).await;
        assert!(status.connected);
        assert_eq!((status.name.as_str(), status.software.as_str()), ("engine-1", "0.1.0-test"));
    }
}

#[tokio::test]
async fn reports_travel_up_as_they_are() {
    let (dir, engine_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let controller = Controller::start(dir.path());
    let engine = Engine::join(engine_dir.path(), &controller.token()).await;
    // More than a message holds, then less, then one state alone.
    for next in [report(1, State::Up, 12_000), report(2, State::Down, 3), report(2, State::Up, 3)] {
        engine.reports.send_replace(Some(Arc::clone(&next)));
        controller.engine(&engine.uuid, |engine| engine.report.as_ref() == Some(&next)).await;
    }
}

#[tokio::test]
async fn questions_travel_down_and_answers_up() {
    let (dir, engine_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let controller = Controller::start(dir.path());
    let question =
        |name: &str| DnsQuestion { name: name.into(), qtype: "A".into(), client: Some("2001:db8::1".parse().unwrap()) };
    let explainer = controller.server.explainer();
    let nobody = explainer.explain_dns(None, question("x")).await.unwrap_err();
    assert!(matches!(nobody, ExplainRefusal::Unavailable(_)), "{nobody}");

    let engine = Engine::join(engine_dir.path(), &controller.token()).await;
    engine.reports.send_replace(Some(report(1, State::Up, 1)));
    controller.engine(&engine.uuid, |engine| engine.report.is_some()).await;
    for uuid in [None, Some(engine.uuid.as_str())] {
        let explained = explainer.explain_dns(uuid, question("app.example.com")).await.unwrap();
        assert_eq!((explained.question, explained.answer.answer), (question("app.example.com"), vec!["x".into()]));
        let refused = explainer.explain_dns(uuid, question("bad")).await.unwrap_err();
        assert_eq!(refused, ExplainRefusal::Question("`bad` is no name".into()));
    }
    assert!(explainer.explain_dns(Some("se-other"), question("x")).await.is_err());
}

#[tokio::test]
async fn control_plane_verdict_goes_round_and_becomes_unknown_without_a_controller() {
    let dirs = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let controller = Controller::start(dirs[0].path());
    let teller = Engine::join(dirs[1].path(), &controller.token()).await;
    se_link::join(&controller.token(), dirs[2].path(), "engine-2").await.unwrap();
    let mut hasty = config(dirs[2].path());
    hasty.member_states_kept = Duration::from_millis(100);
    let hearer = Engine::start(hasty);
    let mut states = hearer.client.member_states();
    assert_eq!(states.borrow().get("cluster-1", "virtualservice-1"), State::Unknown);

    for state in [State::Down, State::Up] {
        teller.reports.send_replace(Some(report(1, state, 0)));
        controller
            .engine(&teller.uuid, |engine| engine.report.as_ref().is_some_and(|r| r.dns_services[0].state == state))
            .await;
        // What the controller does with every change of its engines.
        let told = controller.server.engines().borrow().member_states("cluster-1", &BTreeSet::new());
        controller.states.send_replace(Arc::new(told));
        until(&mut states, |states| states.get("cluster-1", "virtualservice-1") == state).await;
    }
    // Connected for long enough, what it does not tell is unknown to it.
    until(&mut states, |states| states.is_complete).await;
    // The engine that told is away: the controller does not know.
    let uuid = teller.uuid.clone();
    teller.client.shutdown().await;
    controller.engine(&uuid, |engine| !engine.connected).await;
    assert_eq!(
        controller.server.engines().borrow().member_states("cluster-1", &BTreeSet::new()),
        MemberStates::default()
    );
    // The controller is away: nobody knows.
    controller.server.shutdown().await;
    hearer.is_away("").await;
    until(&mut states, |states| states.get("cluster-1", "virtualservice-1") == State::Unknown).await;
    assert!(!states.borrow().is_complete, "there is nobody who would know");
}

#[tokio::test]
async fn several_engines_speak_together_until_they_are_away() {
    let dirs = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let controller = Controller::start(dirs[0].path());
    let sick = Engine::join(dirs[1].path(), &controller.token()).await;
    let well = Engine::join(dirs[2].path(), &controller.token()).await;
    for (engine, state) in [(&sick, State::Down), (&well, State::Up)] {
        engine.reports.send_replace(Some(report(1, state, 2)));
        controller.engine(&engine.uuid, |engine| engine.report.is_some()).await;
    }
    let seen = || {
        let engines = controller.server.engines().borrow().clone();
        let states = engines.member_states("cluster-1", &BTreeSet::new()).get("cluster-1", "virtualservice-1");
        let reports = engines.reports();
        let service = reports.gslb_service("gslbservice-000001").map(|service| service.pools[0].members[0].state);
        (states, service, reports.dns_service("virtualservice-1").map(|service| (service.engines_up, service.engines)))
    };
    assert_eq!(seen(), (State::Up, Some(State::Up), Some((1, 2))));

    let uuid = well.uuid.clone();
    well.client.shutdown().await;
    controller.engine(&uuid, |engine| !engine.connected).await;
    assert_eq!(seen(), (State::Down, Some(State::Down), Some((0, 1))));
    // One that is left is asked.
    let question = DnsQuestion { name: "x".into(), qtype: "A".into(), client: None };
    controller.server.explainer().explain_dns(None, question).await.unwrap();

    let uuid = sick.uuid.clone();
    sick.client.shutdown().await;
    controller.engine(&uuid, |engine| !engine.connected).await;
    assert_eq!(seen(), (State::Unknown, None, None));
}

#[tokio::test]
async fn older_version_is_refused_and_a_newer_one_taken() {
    let (dir, engine_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let controller = Controller::start(dir.path());
    let mut engine = Engine::join(engine_dir.path(), &controller.token()).await;
    let (newer, older) = (snapshot("a", 5, 3), snapshot("a", 4, 2));
    controller.publish(&newer);
    engine.runs(&newer).await;
    controller.publish(&older);
    let status = controller.engine(&engine.uuid, |engine| engine.refusal.is_some()).await;
    let refusal = status.refusal.unwrap();
    assert!(refusal.starts_with("version 0.4 is older than 0.5, which runs here; "), "{refusal}");
    assert_eq!(engine.snapshots.borrow().as_ref(), Some(&newer));
    let newest = snapshot("a", 6, 7);
    controller.publish(&newest);
    engine.runs(&newest).await;
    controller.engine(&engine.uuid, |engine| engine.refusal.is_none()).await;
}

#[tokio::test]
async fn controller_comes_back_with_the_same_store_and_with_another() {
    let (dir, engine_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let controller = Controller::start(dir.path());
    let address = controller.server.local_addr();
    let mut engine = Engine::join(engine_dir.path(), &controller.token()).await;
    let first = snapshot("a", 5, 3);
    controller.publish(&first);
    engine.runs(&first).await;
    controller.server.shutdown().await;
    engine.is_away("").await;

    engine.snapshots.mark_unchanged();
    let controller = Controller::start_at(dir.path(), address);
    controller.publish(&first);
    controller.engine(&engine.uuid, |engine| engine.running.as_ref() == Some(&first.version)).await;
    engine.is_connected().await;
    // What runs is not sent, nor swapped, again.
    assert!(!engine.snapshots.has_changed().unwrap());
    // A restart that moved the revision and nothing else.
    let same = snapshot("a", 6, 3);
    controller.publish(&same);
    engine.runs(&same).await;
    controller.server.shutdown().await;
    engine.is_away("").await;

    let controller = Controller::start_at(dir.path(), address);
    let other = snapshot("b", 1, 2);
    controller.publish(&other);
    engine.runs(&other).await;
    controller.engine(&engine.uuid, |engine| engine.running.as_ref() == Some(&other.version)).await;
    assert!(matches!(&*engine.client.state().borrow(), LinkState::Connected { .. }));
}

#[tokio::test]
async fn members_that_are_up_are_known_to_the_engine_that_starts_again() {
    let (dir, engine_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let controller = Controller::start(dir.path());
    let engine = Engine::join(engine_dir.path(), &controller.token()).await;
    assert!(engine.client.up_members().is_empty());
    engine.reports.send_replace(Some(report(3, State::Up, 2)));
    let known = || std::fs::read_to_string(engine_dir.path().join("up-members")).unwrap_or_default();
    wait_for_text(known, "gslbservice-000001 192.0.2.1").await;
    // Killed: nothing is written at the end.
    let up = report(3, State::Up, 2).up_members();
    drop(engine);
    let again = Engine::start(config(engine_dir.path()));
    assert_eq!(again.client.up_members(), &up);
    again.reports.send_replace(Some(report(3, State::Down, 2)));
    wait_for_text(|| if known().contains("192.0.2.1") { String::new() } else { "none".into() }, "none").await;
}

async fn wait_for_text(read: impl Fn() -> String, wanted: &str) {
    let waited = tokio::time::timeout(Duration::from_secs(20), async {
        while !read().contains(wanted) {
            tokio::time::sleep(Duration::from_millis(10)).await; // bounded: polls a file
        }
    });
    assert!(waited.await.is_ok(), "waited in vain for {wanted}");
}

#[tokio::test]
async fn logs_of_every_engine_travel_up_in_parts_and_those_that_are_missing_are_named() {
    let dirs = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let controller = Controller::start(dirs[0].path());
    let reader = controller.server.log_reader();
    let query = |virtual_service: &str, limit| LogQuery {
        kind: LogKind::Dns,
        virtual_service: virtual_service.into(),
        children: Vec::new(),
        start_us: 0,
        end_us: 1,
        significant: true,
        non_significant: true,
        filters: Vec::new(),
        newest_first: true,
        limit,
        group_by: None,
        within_ms: 60_000,
    };
    assert!(reader.logs(query("1", 1)).await.is_empty());
    let mut engines = Vec::new();
    for dir in &dirs[1..] {
        let engine = Engine::join(dir.path(), &controller.token()).await;
        controller.engine(&engine.uuid, |engine| engine.connected).await;
        engines.push(engine);
    }
    // Several messages of 1 MiB from each, with reports and questions between.
    let answers = reader.logs(query("20000", 10_000)).await;
    for EngineLogs { engine, outcome } in &answers {
        let page = outcome.as_ref().unwrap();
        assert_eq!(
            (engine.as_str(), page.count, page.logs.len(), page.is_complete),
            ("engine-1", 20_000, 10_000, true)
        );
        assert!(page.logs.iter().zip(0..).all(|(log, id)| log.id() == id));
    }
    assert_eq!(answers.len(), 2);
    let refused = reader.logs(query("broken", 1)).await;
    assert_eq!(refused[0].outcome.as_ref().unwrap_err().to_string(), "the disk is gone");

    let gone = engines.remove(0);
    let uuid = gone.uuid.clone();
    gone.client.shutdown().await;
    controller.engine(&uuid, |engine| !engine.connected).await;
    let answers = reader.logs(query("1", 1)).await;
    let reasons: Vec<String> =
        answers.iter().filter_map(|answer| Some(answer.outcome.as_ref().err()?.to_string())).collect();
    assert_eq!(reasons, ["it is not connected to this controller"]);
    assert_eq!(answers.iter().filter(|answer| answer.outcome.is_ok()).count(), 1);
}
