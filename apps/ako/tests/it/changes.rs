//! A running operator follows what changes in its cluster.

use serde_json::{Value, json};

use crate::world::{World, certificate, ingress, secret, service, slice};

const HOST: &str = "shop.example.com";

async fn certificates(world: &World) -> Vec<Value> {
    world.objects("sslkeyandcertificate", "s1az1").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_added_replaced_and_removed_with_its_secret() {
    let world = World::new().await;
    let mut cluster = world.cluster("s1az1");
    cluster.write("shop.yaml", &ingress("shop", HOST, &[("/", "web")], Some("shop-tls")));
    cluster.start();
    cluster.told("Secret default/shop-tls").await;
    cluster.synced().await;
    assert!(world.everything("s1az1").await.is_empty(), "without its certificate a host is not served");

    let (first, second) = (certificate(HOST), certificate(HOST));
    cluster.write("secret.yaml", &secret("shop-tls", &first));
    cluster
        .until_written_back("Ingress", "shop", |written| {
            written["status"]["loadBalancer"]["ingress"][0]["ip"].is_string()
        })
        .await;
    let made = certificates(&world).await;
    assert_eq!(made.len(), 1);
    let text = |object: &Value| object["certificate"]["certificate"].as_str().unwrap().trim().to_owned();
    assert_eq!(text(&made[0]), first.0.trim());
    let parent = world.objects("virtualservice", "s1az1--Shared-L7-EVH").await;
    let parent_certificates =
        |parent: &[Value]| parent[0]["ssl_key_and_certificate_refs"].as_array().map_or(0, Vec::len);
    let services = world.objects("virtualservice", "s1az1").await;
    let parent = if parent.is_empty() {
        services.iter().filter(|service| service["type"] == "VS_TYPE_VH_PARENT").cloned().collect()
    } else {
        parent
    };
    assert_eq!(parent_certificates(&parent), 1);

    cluster.write("secret.yaml", &secret("shop-tls", &second));
    cluster.told("certificate replaced").await;
    assert_eq!(text(&certificates(&world).await[0]), second.0.trim());
    // The same certificate with another key is none that fits; with its own written differently it is a change too.
    let spaced = (second.0.clone(), format!("the same key\n{}", second.1));
    let (writes, _) = cluster.ako().writes();
    cluster.write("secret.yaml", &secret("shop-tls", &spaced));
    cluster.until_writes(writes + 1).await;

    cluster.remove("secret.yaml");
    world.nothing_left("s1az1").await;
    cluster
        .until_written_back("Ingress", "shop", |written| {
            written["status"]["loadBalancer"]["ingress"].is_null()
                && written["annotations"]["ako.vmware.com/host-fqdn-vs-uuid-map"].is_null()
        })
        .await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_that_is_added_and_removed_makes_and_ends_its_pool_and_leaves_the_rest_alone() {
    let world = World::new().await;
    let mut cluster = world.cluster("s1az1");
    cluster.write("cart.yaml", &(service("cart", "ClusterIP") + &slice("cart", &["10.244.9.9"])));
    cluster.write("shop.yaml", &ingress("shop", HOST, &[("/", "web")], None));
    cluster.start();
    cluster.synced().await;
    let before = world.everything("s1az1").await;

    cluster.write("shop.yaml", &ingress("shop", HOST, &[("/", "web"), ("/cart", "cart")], None));
    cluster.told("/cart added").await;
    cluster.synced().await;
    let after = world.everything("s1az1").await;
    assert_eq!(after.len(), before.len() + 2, "a pool and a group: {after:#?}");
    let unchanged = |object: &&(String, String)| !object.0.starts_with("httppolicyset ");
    for object in before.iter().filter(unchanged) {
        assert!(after.contains(object), "{object:?} was written");
    }
    let policy = &world.objects("httppolicyset", "s1az1").await[0];
    let rules = policy["http_request_policy"]["rules"].as_array().unwrap();
    let paths: Vec<_> = rules.iter().map(|rule| &rule["match"]["path"]["match_str"]).collect();
    assert_eq!(paths, [&json!(["/cart"]), &json!(["/"])], "the longest first");

    cluster.write("shop.yaml", &ingress("shop", HOST, &[("/", "web")], None));
    cluster.told("removed").await;
    cluster.synced().await;
    assert_eq!(world.everything("s1az1").await.len(), before.len());
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_operators_on_one_controller_leave_each_other_alone() {
    let world = World::new().await;
    let mut clusters = [world.cluster("s1az1"), world.cluster("s1az")];
    for cluster in &mut clusters {
        cluster.write("shop.yaml", &ingress("shop", HOST, &[("/", "web")], None));
        cluster.start();
        cluster.synced().await;
    }
    let of = |all: Vec<(String, String)>| all.len();
    assert_eq!((of(world.everything("s1az1").await), of(world.everything("s1az").await)), (6, 6));
    let other = world.everything("s1az").await;
    clusters[0].remove("shop.yaml");
    world.nothing_left("s1az1").await;
    // A restart looks at everything that there is.
    clusters[1].stop().await;
    clusters[1].start();
    clusters[1].synced().await;
    assert_eq!(world.everything("s1az").await, other);
    for cluster in &mut clusters {
        cluster.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_deleted_or_emptied_while_nobody_looked_is_put_right_at_the_next_start() {
    let world = World::new().await;
    let mut cluster = world.cluster("s1az1");
    cluster.write("shop.yaml", &ingress("shop", HOST, &[("/", "web")], None));
    cluster.write("old.yaml", &ingress("old", "old.example.com", &[("/", "web")], None));
    cluster.start();
    cluster.synced().await;
    cluster.stop().await;

    cluster.remove("old.yaml");
    let services = world.objects("virtualservice", "s1az1").await;
    let is_shop = |of: &&Value| of["vh_matches"][0]["host"] == HOST;
    let child = services.iter().find(is_shop).unwrap()["uuid"].as_str().unwrap();
    world.client.delete(&format!("/api/virtualservice/{child}"), "admin").await.unwrap();
    cluster.start();
    cluster.synced().await;
    let services = world.objects("virtualservice", "s1az1").await;
    assert!(services.iter().any(|of| is_shop(&of)), "made again");
    let matches = |host: &str| services.iter().filter(|of| of["vh_matches"][0]["host"] == host).count();
    assert_eq!((matches(HOST), matches("old.example.com")), (1, 0));
    let uuid = services.iter().find(is_shop).unwrap()["uuid"].as_str().unwrap().to_owned();
    cluster
        .until_written_back("Ingress", "shop", |written| {
            written["annotations"]["ako.vmware.com/host-fqdn-vs-uuid-map"]
                .as_str()
                .is_some_and(|map| map.contains(&uuid))
        })
        .await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_of_type_load_balancer_gets_its_objects_and_its_address() {
    let world = World::new().await;
    let mut cluster = world.cluster("s1az1");
    cluster.write("tcp.yaml", &(service("tcp", "LoadBalancer") + &slice("tcp", &["10.244.7.7"])));
    cluster.start();
    cluster.told("forward HTTP alone").await;
    cluster.synced().await;
    cluster
        .until_written_back("Service", "tcp", |written| {
            written["status"]["loadBalancer"]["ingress"][0]["ip"] == "10.10.25.40"
        })
        .await;
    assert_eq!(world.objects("l4policyset", "s1az1").await.len(), 1);
    cluster.remove("tcp.yaml");
    world.nothing_left("s1az1").await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_namespace_that_names_a_tenant_has_its_objects_there_and_they_move_with_the_name() {
    let world = World::new().await;
    world.post("tenant", &json!({"name": "blue"})).await;
    let mut cluster = world.cluster("s1az1");
    let namespace = |tenant: &str| {
        format!(
            "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: default\n  annotations:\n    \
             ako.vmware.com/tenant-name: {tenant}\n"
        )
    };
    cluster.write("namespace.yaml", &namespace("blue"));
    cluster.write("shop.yaml", &ingress("shop", HOST, &[("/", "web")], None));
    cluster.start();
    cluster.synced().await;
    assert_eq!(world.tenants("s1az1").await, ["blue"]);
    let tenant = |written: &Value| written["annotations"]["ako.vmware.com/tenant-name"].clone();
    assert_eq!(tenant(&cluster.written_back("Ingress", "shop")), "blue");

    cluster.stop().await;
    cluster.start();
    cluster.synced().await;
    assert_eq!(cluster.ako().writes(), (0, 0), "a restart");

    cluster.write("namespace.yaml", &namespace("admin"));
    cluster.until_written_back("Ingress", "shop", |written| tenant(written) == "admin").await;
    let poll = async {
        while world.tenants("s1az1").await != ["admin"] {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await; // bounded: polls a condition
        }
    };
    let result = tokio::time::timeout(std::time::Duration::from_secs(30), poll).await;
    assert!(result.is_ok(), "{:?} {:?}", world.tenants("s1az1").await, cluster.ako().progress().borrow());

    cluster.write("namespace.yaml", &namespace("nobody"));
    cluster.told("not written").await;
    cluster.write("namespace.yaml", &namespace("blue"));
    cluster.until_written_back("Ingress", "shop", |written| tenant(written) == "blue").await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_came_first_keeps_a_host_whatever_the_names_are_and_after_a_restart() {
    let world = World::new().await;
    let mut cluster = world.cluster("s1az1");
    cluster.write("other.yaml", &(service("other", "ClusterIP") + &slice("other", &["10.244.9.9"])));
    cluster.write("z.yaml", &ingress("z", HOST, &[("/", "web")], None));
    cluster.start();
    cluster.synced().await;
    cluster.write("a.yaml", &ingress("a", HOST, &[("/", "other")], None));
    cluster
        .told("Ingress default/a, shop.example.com/: Ingress default/z has the same host and path, and came first")
        .await;
    cluster.synced().await;
    let before = world.everything("s1az1").await;
    cluster.stop().await;
    // Its file is newer than the other's now; what was written back knows better.
    cluster.remove("z.yaml");
    cluster.write("z.yaml", &ingress("z", HOST, &[("/", "web")], None));
    cluster.start();
    cluster.told("Ingress default/z has the same host and path, and came first").await;
    cluster.synced().await;
    assert_eq!(world.everything("s1az1").await, before);
    cluster.stop().await;
}
