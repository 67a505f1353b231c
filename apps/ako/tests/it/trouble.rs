//! A controller or a cluster that is away, and a controller that refuses.

use serde_json::json;

use crate::world::{Cluster, World, certificate, ingress, secret, service, slice};

const HOST: &str = "shop.example.com";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_controller_that_is_away_is_told_once_and_gets_what_changed_meanwhile() {
    let mut world = World::new().await;
    let mut cluster = world.cluster("s1az1");
    cluster.write("shop.yaml", &ingress("shop", HOST, &[("/", "web")], None));
    cluster.start();
    cluster.synced().await;
    let url = world.url();
    world.stop_controller().await;
    cluster.write("cart.yaml", &(service("cart", "ClusterIP") + &slice("cart", &["10.244.9.9"])));
    cluster.write("shop.yaml", &ingress("shop", HOST, &[("/", "web"), ("/cart", "cart")], None));
    cluster.told("controller cannot be used").await;
    let shown = cluster.written_back("Ingress", "shop");
    assert_eq!(shown["status"]["loadBalancer"]["ingress"][0]["ip"], "10.10.25.40", "what was shown stays");
    world.start_controller(&url).await;
    cluster.told("controller can be used").await;
    cluster.synced().await;
    assert_eq!(world.objects("pool", "s1az1").await.len(), 2);
    cluster.collect();
    assert_eq!(cluster.told.iter().filter(|text| text.contains("cannot be used")).count(), 1, "{:#?}", cluster.told);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_somebody_else_has_holds_up_only_what_needs_it() {
    let world = World::new().await;
    let mut cluster = world.cluster("s1az1");
    cluster.write("shop.yaml", &ingress("shop", HOST, &[("/", "web")], None));
    cluster.start();
    cluster.synced().await;
    let name = world.objects("pool", "s1az1").await[0]["name"].as_str().unwrap().to_owned();
    cluster.remove("shop.yaml");
    world.nothing_left("s1az1").await;
    let foreign = world.post("pool", &json!({"name": name, "created_by": "somebody"})).await;

    cluster.write("shop.yaml", &ingress("shop", HOST, &[("/", "web")], None));
    cluster.write("other.yaml", &ingress("other", "other.example.com", &[("/", "web")], None));
    cluster.told("the name is taken by an object of somebody").await;
    cluster
        .until_written_back("Ingress", "other", |written| {
            written["status"]["loadBalancer"]["ingress"][0]["ip"].is_string()
        })
        .await;
    let there =
        world.client.get(&format!("/api/pool/{}", foreign["uuid"].as_str().unwrap()), &[], "admin").await.unwrap();
    assert_eq!(there["created_by"], "somebody");
    world.client.delete(&format!("/api/pool/{}", foreign["uuid"].as_str().unwrap()), "admin").await.unwrap();
    cluster
        .until_written_back("Ingress", "shop", |written| {
            written["status"]["loadBalancer"]["ingress"][0]["ip"].is_string()
        })
        .await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_manifest_that_cannot_be_read_takes_nothing_away_at_a_start() {
    let world = World::new().await;
    let mut cluster = world.cluster("s1az1");
    cluster.write("shop.yaml", &ingress("shop", HOST, &[("/", "web")], None));
    cluster.write("other.yaml", &ingress("other", "other.example.com", &[("/", "web")], None));
    cluster.start();
    cluster.synced().await;
    cluster.stop().await;
    let before = world.everything("s1az1").await;
    cluster.write("shop.yaml", "kind: [");
    cluster.start();
    cluster.told("shop.yaml").await;
    cluster.synced().await;
    assert_eq!(world.everything("s1az1").await, before);
    cluster.write("shop.yaml", &ingress("shop", HOST, &[("/", "web")], None));
    cluster.told("everything can be read again").await;
    cluster.remove("other.yaml");
    cluster.told("other.example.com").await;
    cluster.synced().await;
    assert!(world.everything("s1az1").await.len() < before.len());
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_is_away_keeps_what_it_has() {
    let world = World::new().await;
    let mut cluster = world.cluster("s1az1");
    cluster.write("shop.yaml", &ingress("shop", HOST, &[("/", "web")], None));
    cluster.start();
    cluster.synced().await;
    let before = world.everything("s1az1").await;
    cluster.take_away();
    cluster.told("cannot be read").await;
    cluster.until("away", |progress| !progress.is_readable).await;
    assert_eq!(world.everything("s1az1").await, before);
    cluster.bring_back();
    cluster.told("everything can be read again").await;
    cluster.until("in sync", |progress| progress.is_synced && progress.is_readable).await;
    assert_eq!(world.everything("s1az1").await, before);
    cluster.remove("shop.yaml");
    world.nothing_left("s1az1").await;
    cluster.stop().await;
}

/// Hosts that have a certificate on a parent, and those that show an address.
async fn secure_hosts(world: &World, cluster: &Cluster, names: &[&str]) -> (usize, Vec<String>) {
    let services = world.objects("virtualservice", "s1az1").await;
    let certificates = services.iter().map(|service| service["ssl_key_and_certificate_refs"].as_array());
    let shown =
        |name: &&&str| cluster.written_back("Ingress", name)["status"]["loadBalancer"]["ingress"][0]["ip"].is_string();
    (certificates.flatten().map(Vec::len).sum(), names.iter().filter(shown).map(|name| (*name).to_owned()).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_the_controller_refuses_takes_tls_from_no_other_host() {
    let world = World::new().await;
    let mut cluster = world.cluster("s1az1");
    let host = |name: &str| format!("{name}.example.com");
    let apply = |cluster: &Cluster, name: &str| {
        let tls = secret(&format!("{name}-tls"), &certificate(&host(name)));
        let text = format!("{tls}---\n{}", ingress(name, &host(name), &[("/", "web")], Some(&format!("{name}-tls"))));
        cluster.write(&format!("{name}.yaml"), &text);
    };
    // The name that its certificate gets is found out, then taken by somebody else.
    apply(&cluster, "bad");
    cluster.start();
    cluster.synced().await;
    let name = world.objects("sslkeyandcertificate", "s1az1").await[0]["name"].as_str().unwrap().to_owned();
    cluster.remove("bad.yaml");
    world.nothing_left("s1az1").await;
    cluster.stop().await;
    let (pem, key) = certificate("foreign.example.com");
    let body = json!({"name": name, "created_by": "somebody", "type": "SSL_CERTIFICATE_TYPE_VIRTUALSERVICE",
        "certificate": {"certificate": pem}, "key": key});
    let foreign = world.post("sslkeyandcertificate", &body).await;
    let foreign = format!("/api/sslkeyandcertificate/{}", foreign["uuid"].as_str().unwrap());

    // At the first start the parent is made without it.
    for name in ["bad", "one", "two"] {
        apply(&cluster, name);
    }
    cluster.told.clear();
    cluster.start();
    let of = "host bad.example.com of Ingress default/bad with Secret default/bad-tls: sslkeyandcertificate";
    cluster.told(of).await;
    cluster.told("1 of what 3 hosts and the Services need could not be written").await;
    for name in ["one", "two"] {
        cluster.until_written_back("Ingress", name, |written| written["status"].is_object()).await;
    }
    assert_eq!(secure_hosts(&world, &cluster, &["one", "two"]).await, (2, vec!["one".to_owned(), "two".to_owned()]));
    assert!(!cluster.told.iter().any(|text| text.starts_with("in sync")), "{:#?}", cluster.told);

    // One that comes later is served as well.
    apply(&cluster, "three");
    cluster.told("host three.example.com").await;
    assert_eq!(secure_hosts(&world, &cluster, &[]).await.0, 3);
    world.client.delete(&foreign, "admin").await.unwrap();
    cluster.told("in sync: 4 hosts").await;
    assert_eq!(secure_hosts(&world, &cluster, &[]).await.0, 4);

    // It goes, is refused again when it is added to what is served, and the others do not lose theirs.
    cluster.remove("bad.yaml");
    cluster.told("host bad.example.com").await;
    cluster.synced().await;
    world.post("sslkeyandcertificate", &body).await;
    apply(&cluster, "bad");
    cluster.told(of).await;
    assert_eq!(secure_hosts(&world, &cluster, &[]).await.0, 3);
    cluster.stop().await;
}
