//! One Ingress, from its manifest to the controller and back.

use serde_json::json;

use crate::world::{World, ingress, service, slice};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ingress_becomes_objects_and_gets_its_address_and_loses_all_with_its_manifest() {
    let world = World::new().await;
    let mut cluster = world.cluster("s1az1");
    cluster.write("shop.yaml", &ingress("shop", "shop.example.com", &[("/", "web")], None));
    cluster.start();
    cluster.synced().await;
    cluster.collect();

    let parent = world.objects("virtualservice", "s1az1--Shared-L7-EVH").await;
    let all: Vec<_> = world.everything("s1az1").await.into_iter().map(|(name, _)| name).collect();
    // Parent and child, VIP, pool, group, switching policy; names as in ako 2.2.
    let count = |path: &str| all.iter().filter(|name| name.starts_with(&format!("{path} "))).count();
    assert_eq!(
        ["vsvip", "pool", "poolgroup", "httppolicyset", "virtualservice"].map(count),
        [1, 1, 1, 1, 2],
        "{all:#?} {parent:#?} {:#?}",
        cluster.told
    );
    let vip = &world.objects("vsvip", "s1az1").await[0];
    assert_eq!(vip["vip"][0]["ip_address"]["addr"], "10.10.25.40");
    let names: Vec<_> = vip["dns_info"].as_array().unwrap().iter().map(|name| name["fqdn"].as_str().unwrap()).collect();
    assert!(names.contains(&"shop.example.com"), "{names:?}");
    let pool = &world.objects("pool", "s1az1").await[0];
    let servers: Vec<_> =
        pool["servers"].as_array().unwrap().iter().map(|of| of["ip"]["addr"].as_str().unwrap()).collect();
    assert_eq!(servers, ["10.244.1.5", "10.244.1.6"]);

    let services = world.objects("virtualservice", "s1az1").await;
    let child = services.iter().find(|service| service["type"] == "VS_TYPE_VH_CHILD").unwrap();
    let entry = json!([{"ip": "10.10.25.40", "hostname": "shop.example.com"}]);
    let written = cluster.written_back("Ingress", "shop");
    assert_eq!(written["status"]["loadBalancer"]["ingress"], entry);
    let map = written["annotations"]["ako.vmware.com/host-fqdn-vs-uuid-map"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(map).unwrap(), json!({"shop.example.com": child["uuid"]}));
    assert!(written["annotations"]["ako.vmware.com/controller-cluster-uuid"].as_str().unwrap().starts_with("cluster-"));

    cluster.remove("shop.yaml");
    world.nothing_left("s1az1").await;
    assert_eq!(cluster.written_back("Ingress", "shop"), serde_json::Value::Null);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changed_endpoints_are_one_write_of_the_pool_and_a_restart_is_none() {
    let world = World::new().await;
    let mut cluster = world.cluster("s1az1");
    cluster.write("shop.yaml", &ingress("shop", "shop.example.com", &[("/", "web")], None));
    cluster.start();
    cluster.synced().await;
    let before = world.everything("s1az1").await;
    let (writes, _) = cluster.ako().writes();

    cluster
        .write("web.yaml", &(service("web", "ClusterIP") + &slice("web", &["10.244.1.6", "10.244.2.7", "10.244.3.8"])));
    cluster.told("host shop.example.com").await;
    let lines = cluster.told.last().unwrap();
    assert!(
        lines.contains("server 10.244.2.7:8080 joined") && lines.contains("server 10.244.1.5:8080 left"),
        "{lines}"
    );
    assert_eq!(cluster.ako().writes(), (writes + 1, 0));
    let after = world.everything("s1az1").await;
    let changed: Vec<_> = before.iter().zip(&after).filter(|(a, b)| a != b).map(|(a, _)| a.0.as_str()).collect();
    assert!(changed.len() == 1 && changed[0].starts_with("pool "), "{changed:?}");

    cluster.stop().await;
    cluster.start();
    cluster.synced().await;
    assert_eq!(cluster.ako().writes(), (0, 0));
    assert_eq!(world.everything("s1az1").await, after);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_without_a_status_is_told_with_the_reason() {
    let world = World::new().await;
    let mut cluster = world.cluster("s1az1");
    cluster.write("wild.yaml", &ingress("wild", "'*.example.com'", &[("/", "web")], None));
    cluster.start();
    cluster.told("Ingress default/wild: *.example.com is served, without a status: a host with a wildcard").await;
    cluster.write("bare.yaml", &ingress("bare", "''", &[("/", "web")], None));
    cluster
        .told("Ingress default/bare: bare.default.example.com is served, without a status: the Ingress names no")
        .await;
    cluster.synced().await;
    cluster.stop().await;
}
