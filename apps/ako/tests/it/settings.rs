//! ConfigMap and Secret hold as they are, and what cannot be followed stops writing, not the process.

use crate::world::{PASSWORD, World, ingress};

const HOST: &str = "shop.example.com";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_setting_that_cannot_be_honoured_is_named_and_waited_for() {
    let world = World::new().await;
    let mut cluster = world.cluster("s1az1");
    cluster.write("shop.yaml", &ingress("shop", HOST, &[("/", "web")], None));
    cluster.configure(&[("enableEVH", "false")]);
    cluster.start();
    cluster.told("ConfigMap avi-system/avi-k8s-config: enableEVH `false` is not supported by this release").await;
    cluster.until("idle", |progress| !progress.idle.is_empty() && !progress.is_synced).await;
    assert!(world.everything("s1az1").await.is_empty());
    cluster.configure(&[]);
    cluster.told("settings can be followed again").await;
    cluster.synced().await;
    assert_eq!(world.everything("s1az1").await.len(), 6);

    cluster.configure(&[("vipNetworkList", r#"[{"networkName":"nowhere"}]"#)]);
    cluster.told("network nowhere (vipNetworkList) is not in cloud Default-Cloud; create it there").await;
    cluster.remove("config.yaml");
    cluster.told("ConfigMap avi-system/avi-k8s-config does not exist").await;
    assert_eq!(world.everything("s1az1").await.len(), 6, "nothing is taken away for it");
    cluster.configure(&[]);
    cluster.told("settings can be followed again").await;
    cluster.synced().await;
    assert_eq!(world.everything("s1az1").await.len(), 6);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delete_config_removes_everything_and_its_end_makes_it_again() {
    let world = World::new().await;
    let mut cluster = world.cluster("s1az1");
    cluster.write("shop.yaml", &ingress("shop", HOST, &[("/", "web")], None));
    cluster.start();
    cluster.synced().await;
    cluster.configure(&[("deleteConfig", "true")]);
    cluster.told("nothing of this cluster is left on the controller").await;
    assert!(world.everything("s1az1").await.is_empty());
    cluster
        .until_written_back("Ingress", "shop", |written| written["status"]["loadBalancer"]["ingress"].is_null())
        .await;
    cluster.configure(&[]);
    cluster
        .until_written_back("Ingress", "shop", |written| {
            written["status"]["loadBalancer"]["ingress"][0]["ip"] == "10.10.25.40"
        })
        .await;
    assert_eq!(world.everything("s1az1").await.len(), 6);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn address_and_credentials_come_from_config_map_and_secret_and_hold_when_they_change() {
    let world = World::new().await;
    let mut cluster = world.cluster("s1az1");
    cluster.write("shop.yaml", &ingress("shop", HOST, &[("/", "web")], None));
    cluster.start_by_secret();
    cluster.told("controllerIP is not set").await;
    let address = world.url();
    cluster.configure(&[("controllerIP", address.trim_start_matches("https://").trim_end_matches('/'))]);
    cluster.told("Secret avi-system/avi-secret does not exist").await;
    cluster.write("avi-secret.yaml", &world.avi_secret("wrong"));
    cluster.told("Invalid credentials").await;
    cluster.write("avi-secret.yaml", &world.avi_secret(PASSWORD));
    cluster.synced().await;
    assert_eq!(world.everything("s1az1").await.len(), 6);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn routes_to_the_nodes_are_kept_and_the_group_of_engines_belongs_to_one_cluster() {
    let world = World::new().await;
    let mut cluster = world.cluster("s1az1");
    let node = "apiVersion: v1\nkind: Node\nmetadata:\n  name: node-1\nspec:\n  podCIDR: 10.244.1.0/24\nstatus:\n  \
                addresses:\n    - type: InternalIP\n      address: 10.52.2.23\n";
    cluster.write("node.yaml", node);
    cluster.configure(&[("disableStaticRouteSync", "false")]);
    cluster.start();
    world.until_routes(&["10.244.1.0/24 10.52.2.23"]).await;
    let mut other = world.cluster("s2");
    other.configure(&[("disableStaticRouteSync", "false")]);
    other.start();
    other.told("service engine group Default-Group belongs to another cluster").await;
    other.stop().await;
    cluster.write("node.yaml", &node.replace("10.244.1.0", "10.244.8.0"));
    world.until_routes(&["10.244.8.0/24 10.52.2.23"]).await;
    cluster.configure(&[("disableStaticRouteSync", "false"), ("deleteConfig", "true")]);
    world.until_routes(&[]).await;
    cluster.told("nothing of this cluster is left on the controller").await;
    other.start();
    other.synced().await;
    other.stop().await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_cluster_name_is_another_owner_and_what_the_old_one_has_stays_and_is_told() {
    let world = World::new().await;
    let mut cluster = world.cluster("s1az1");
    cluster.write("shop.yaml", &ingress("shop", HOST, &[("/", "web")], None));
    cluster.start();
    cluster.synced().await;
    let before = world.everything("s1az1").await;
    cluster.configure(&[("clusterName", "renamed")]);
    cluster.told("clusterName: objects of ako-s1az1 stay on the controller").await;
    cluster
        .until_written_back("Ingress", "shop", |written| {
            written["status"]["loadBalancer"]["ingress"][0]["ip"] == "10.10.25.41"
        })
        .await;
    assert_eq!(world.everything("renamed").await.len(), 6);
    assert_eq!(world.everything("s1az1").await, before);
    cluster.configure(&[("deleteConfig", "true")]);
    world.nothing_left("s1az1").await;
    cluster.stop().await;
}
