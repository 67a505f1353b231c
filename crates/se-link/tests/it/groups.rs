//! Service engine groups: what the engines of each get, and that the controller remembers who is in which.

use std::{collections::BTreeMap, sync::Arc};

use model::{
    http::{Certificate, HttpObjects, VirtualService},
    testing::virtual_service,
};
use se_protocol::{GroupSnapshots, HttpServiceState, Report, Snapshot, State};

use crate::harness::{Controller, Engine, config, snapshot, version};

/// Shows a key.
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----\n";

/// A virtual service with this name, and two GSLB services.
fn with_service(revision: u64, name: &str) -> Arc<Snapshot> {
    let certificate = Certificate {
        uuid: "sslkeyandcertificate-1".into(),
        name: "c".into(),
        chain_pem: "chain".into(),
        key_pem: KEY.into(),
    };
    let service = virtual_service(name, "192.0.2.1:443".parse().unwrap(), None);
    let service = VirtualService { certificates: vec![Arc::new(certificate)], ..service };
    let http = HttpObjects { services: vec![Arc::new(service)], ..HttpObjects::default() };
    Arc::new(Snapshot { http, ..Snapshot::clone(&snapshot("a", revision, 2)) })
}

fn publish(controller: &Controller, groups: &[(&str, &Arc<Snapshot>)], elsewhere: &Arc<Snapshot>) {
    let groups = groups.iter().map(|(group, snapshot)| ((*group).to_owned(), Arc::clone(snapshot)));
    let groups = GroupSnapshots::new(groups.collect::<BTreeMap<_, _>>(), Arc::clone(elsewhere));
    controller.snapshots.send_replace(Some(Arc::new(groups)));
}

#[tokio::test]
async fn engines_of_each_group_get_its_virtual_services() {
    let dirs = [(); 5].map(|()| tempfile::tempdir().unwrap());
    let controller = Controller::start(dirs[0].path());
    let mut default = Engine::join(dirs[1].path(), &controller.token()).await;
    let mut edge = Engine::join(dirs[2].path(), &controller.token_into("edge")).await;
    let mut typo = Engine::join(dirs[3].path(), &controller.token_into("egde")).await;
    for revision in 1..=3 {
        let (ours, theirs) = (with_service(revision, "ours"), with_service(revision, "theirs"));
        let nobodys = snapshot("a", revision, 2);
        publish(&controller, &[("Default-Group", &ours), ("edge", &theirs)], &nobodys);
        default.runs(&ours).await;
        edge.runs(&theirs).await;
        typo.runs(&nobodys).await;
    }
    // One that comes later gets what there is.
    let mut late = Engine::join(dirs[4].path(), &controller.token_into("edge")).await;
    late.runs(&with_service(3, "theirs")).await;
    let engines = controller.server.engines().borrow().clone();
    let mut listed: Vec<_> = engines.list().map(|engine| (engine.group.as_str(), engine.connected)).collect();
    listed.sort_unstable();
    assert_eq!(listed, [("Default-Group", true), ("edge", true), ("edge", true), ("egde", true)]);
}

#[tokio::test]
async fn engine_stays_in_its_group_when_the_controller_starts_again() {
    let dirs = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let controller = Controller::start(dirs[0].path());
    let address = controller.server.local_addr();
    let mut engine = Engine::join(dirs[1].path(), &controller.token_into("edge")).await;
    let nobodys = snapshot("a", 1, 2);
    publish(&controller, &[("edge", &with_service(1, "theirs"))], &nobodys);
    engine.runs(&with_service(1, "theirs")).await;
    controller.server.shutdown().await;
    engine.is_away("").await;

    let controller = Controller::start_at(dirs[0].path(), address);
    publish(&controller, &[("edge", &with_service(2, "theirs"))], &nobodys);
    engine.runs(&with_service(2, "theirs")).await;
    let status = controller.engine(&engine.uuid, |engine| engine.connected).await;
    assert_eq!(status.group, "edge");
}

#[tokio::test]
async fn virtual_services_run_on_without_a_controller_and_their_keys_lie_sealed() {
    let dirs = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let controller = Controller::start(dirs[0].path());
    let mut engine = Engine::join(dirs[1].path(), &controller.token()).await;
    let next = with_service(1, "ours");
    controller.publish(&next);
    engine.runs(&next).await;
    engine.client.shutdown().await;
    controller.server.shutdown().await;

    for entry in std::fs::read_dir(dirs[1].path()).unwrap() {
        let path = entry.unwrap().path();
        let content = std::fs::read(&path).unwrap();
        let line = KEY.lines().nth(1).unwrap().as_bytes();
        assert!(!content.windows(line.len()).any(|some| some == line), "{}", path.display());
    }
    let engine = Engine::start(config(dirs[1].path()));
    assert_eq!(engine.snapshots.borrow().as_ref(), Some(&next));
}

#[tokio::test]
async fn states_of_virtual_services_travel_up() {
    let dirs = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let controller = Controller::start(dirs[0].path());
    let engine = Engine::join(dirs[1].path(), &controller.token()).await;
    let state = |number: u32, state| {
        Arc::new(HttpServiceState {
            uuid: format!("virtualservice-{number:05}"),
            state,
            reason: "no pool is up".into(),
            since_us: 1,
            listeners: vec!["192.0.2.1:8443".parse().unwrap()],
        })
    };
    // More than a message holds, then one that changed, then one that is gone.
    let mut states: Vec<_> = (0..15_000).map(|number| state(number, State::Up)).collect();
    for change in 0..3 {
        match change {
            0 => {}
            1 => states[9_000] = state(9_000, State::Down),
            _ => drop(states.remove(77)),
        }
        let report = Arc::new(Report {
            version: version("a", 1),
            dns_services: vec![],
            gslb_services: vec![],
            http_services: states.clone(),
            http_pools: vec![],
        });
        engine.reports.send_replace(Some(Arc::clone(&report)));
        controller.engine(&engine.uuid, |engine| engine.report.as_ref() == Some(&report)).await;
    }
    let told = controller.server.engines().borrow().member_states("c", &["virtualservice-09000".to_owned()].into());
    assert_eq!((told.len(), told.get("c", "virtualservice-09000")), (1, State::Down));
}
