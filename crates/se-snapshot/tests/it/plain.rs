//! A virtual service as a person would make it: one address, one pool.

use std::time::Duration;

use model::http::{Algorithm, FailAction, HttpProfile, Pool, Server, ServicePort, Target, VirtualHost, VirtualService};
use model::{LogGroup, LogPolicy};
use serde_json::json;

use crate::world::{World, compile};

#[test]
fn a_virtual_service_with_a_pool_needs_few_words() {
    let mut world = World::new();
    let pool = world.create(
        "pool",
        json!({"name": "web", "health_monitor_refs": ["/api/healthmonitor?name=System-HTTP"], "min_servers_up": 2,
            "servers": [{"ip": {"addr": "192.0.2.10"}}, {"ip": {"addr": "192.0.2.11"}, "port": 8080, "ratio": 3}]}),
    );
    world.create("pool", json!({"name": "nobody's"}));
    let vs = world.create(
        "virtualservice",
        json!({"name": "web", "services": [{"port": 80}], "pool_ref": "/api/pool?name=web",
            "vip": [{"vip_id": "0", "ip_address": {"addr": "192.0.2.1"}}]}),
    );
    let (snapshot, problems) = world.snapshot();
    assert_eq!(problems, [] as [String; 0]);
    let monitor = world.uuid("healthmonitor", "System-HTTP");
    let group = LogGroup { uuid: world.uuid("serviceenginegroup", "Default-Group"), ..LogGroup::default() };
    let [service] = snapshot.http.services.as_slice() else { panic!("{:?}", snapshot.http.services) };
    assert_eq!(
        **service,
        VirtualService {
            host: VirtualHost {
                uuid: vs,
                name: "web".into(),
                tenant: "admin".into(),
                enabled: true,
                profile: HttpProfile::default(),
                policies: vec![],
                logs: LogPolicy { group, ..LogPolicy::default() },
                target: Some(Target::Pool(pool.clone())),
                pools_up_min: 1,
            },
            addresses: vec!["192.0.2.1".parse().unwrap()],
            ports: vec![ServicePort { port: 80, listen_port: 8080, tls: false, http2: false }],
            certificates: vec![],
            children: vec![],
        }
    );
    let server = |last: u8, port: u16, ratio: u8| Server {
        ip: [192, 0, 2, last].into(),
        port,
        hostname: format!("192.0.2.{last}"),
        enabled: true,
        ratio,
    };
    let [found] = snapshot.http.pools.as_slice() else { panic!("only what can be reached: {:?}", snapshot.http.pools) };
    assert_eq!(
        **found,
        Pool {
            uuid: pool,
            name: "web".into(),
            enabled: true,
            algorithm: Algorithm::LeastConnections,
            servers: vec![server(10, 80, 1), server(11, 8080, 3)],
            health_monitors: vec![monitor.clone()],
            monitors_up_min: None,
            servers_up_min: 2,
            passive_health: true,
            connections_per_server_max: 0,
            response_timeout: Duration::ZERO,
            idle_timeout: Duration::from_secs(60),
            connection_lifetime: Duration::from_secs(600),
            requests_per_connection_max: 0,
            fail_action: FailAction::ServiceUnavailable,
        }
    );
    assert_eq!(snapshot.monitors.iter().map(|monitor| monitor.uuid.as_str()).collect::<Vec<_>>(), [monitor]);
    compile(&snapshot);
}
