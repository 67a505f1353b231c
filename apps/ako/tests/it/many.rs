//! Many Ingresses, and an operator or a controller that ends while they change.

use std::collections::BTreeMap;

use crate::world::{Cluster, World, certificate, ingress, secret};

const INGRESSES: usize = 60;

/// All Ingresses in one file, but for those that `leaves_out`; every third with TLS.
fn manifest(leaves_out: impl Fn(usize) -> bool) -> String {
    let texts = (0..INGRESSES).filter(|index| !leaves_out(*index)).map(|index| {
        let secret = (index % 3 == 0).then_some("tls");
        ingress(&format!("app{index}"), &format!("app{index}.example.com"), &[("/", "web")], secret)
    });
    texts.collect::<Vec<_>>().join("---\n")
}

/// What the controller holds of it: type and name, and what each is equal to.
async fn held(world: &World) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for path in ["vsvip", "sslkeyandcertificate", "pool", "poolgroup", "httppolicyset", "virtualservice"] {
        for object in world.objects(path, "s1az1").await {
            let checksum = ["cloud_config_cksum", "vsvip_cloud_config_cksum"].map(|field| object[field].as_str());
            let name = object["name"].as_str().unwrap();
            all.insert(format!("{path} {name}"), checksum.into_iter().flatten().collect());
        }
    }
    all
}

async fn start(world: &World, pair: &(String, String)) -> Cluster {
    let cluster = world.cluster("s1az1");
    cluster.write("tls.yaml", &secret("tls", pair));
    cluster
}

/// What a controller holds in the end where nothing happens meanwhile.
async fn undisturbed(pair: &(String, String)) -> BTreeMap<String, String> {
    let world = World::new().await;
    let mut cluster = start(&world, pair).await;
    cluster.write("apps.yaml", &manifest(|index| index % 5 == 0));
    cluster.start();
    cluster.synced().await;
    assert_eq!(cluster.ako().writes().1, 0, "no write was refused");
    cluster.stop().await;
    held(&world).await
}

/// Parents that lost their last host go a moment later.
async fn until_held(world: &World, expected: &BTreeMap<String, String>) {
    let poll = async {
        while held(world).await != *expected {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await; // bounded: polls a condition
        }
    };
    let result = tokio::time::timeout(std::time::Duration::from_secs(30), poll).await;
    assert!(result.is_ok(), "{:#?}", held(world).await.iter().zip(expected).find(|(a, b)| a != b));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_that_is_killed_again_and_again_ends_where_an_undisturbed_one_does() {
    let pair = certificate("app.example.com");
    let expected = undisturbed(&pair).await;

    let world = World::new().await;
    let mut cluster = start(&world, &pair).await;
    let rounds: [fn(usize) -> bool; 4] =
        [|_| false, |index| index % 2 == 0, |index| index > 40, |index| index % 5 == 0];
    let mut shown = 0;
    for leaves_out in rounds {
        cluster.write("apps.yaml", &manifest(leaves_out));
        cluster.start();
        // Each is killed in the midst of its work, but a little later than the one before.
        shown += 20;
        cluster.until_writes(shown).await;
        cluster.kill();
    }
    cluster.start();
    cluster.synced().await;
    until_held(&world, &expected).await;
    for index in (0..INGRESSES).filter(|index| index % 5 != 0) {
        let written = cluster.written_back("Ingress", &format!("app{index}"));
        assert_eq!(written["status"]["loadBalancer"]["ingress"].as_array().map(Vec::len), Some(1), "app{index}");
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_controller_that_goes_and_comes_in_the_midst_of_writes_ends_with_all_of_them() {
    let pair = certificate("app.example.com");
    let expected = undisturbed(&pair).await;
    let mut world = World::new().await;
    let url = world.url();
    let mut cluster = start(&world, &pair).await;
    cluster.write("apps.yaml", &manifest(|_| false));
    cluster.start();
    cluster.until_writes(50).await;
    world.kill_controller();
    cluster.write("apps.yaml", &manifest(|index| index % 5 == 0));
    cluster.told("controller cannot be used").await;
    world.start_controller(&url).await;
    until_held(&world, &expected).await;
    cluster.synced().await;
    cluster.stop().await;
}
