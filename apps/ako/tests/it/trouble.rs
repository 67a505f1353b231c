//! A controller or a cluster that is away, and a controller that refuses.

use serde_json::json;

use crate::world::{World, ingress, service, slice};

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
