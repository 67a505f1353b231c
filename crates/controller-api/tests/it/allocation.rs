//! Addresses for many writers at once, on the store that a controller uses (avi-api 3.3, 11.4).

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};
use store_embedded::SqliteStore;

use crate::harness::{Client, Controller};

/// Writers at the same time.
const WRITERS: usize = 64;

/// A controller on a store on disk, whose IPAM has `addresses` addresses.
async fn controller(directory: &tempfile::TempDir, addresses: usize) -> (Controller, Client) {
    let path = directory.path().join("controller.db");
    let store = tokio::task::spawn_blocking(move || SqliteStore::open(path)).await.unwrap().unwrap();
    let controller = Controller::start_on(Arc::new(store)).await;
    let mut client = controller.admin().await;
    let last = format!("10.1.0.{}", 9 + addresses);
    let subnet = json!({"prefix": {"ip_addr": {"addr": "10.1.0.0"}, "mask": 24},
        "static_ip_ranges": [{"range": {"begin": {"addr": "10.1.0.10"}, "end": {"addr": last}}}]});
    client.post("/api/network", json!({"name": "n", "configured_subnets": [subnet]})).await.expect(201);
    let profile = json!({"name": "ipam", "type": "IPAMDNS_TYPE_INTERNAL",
        "internal_profile": {"usable_networks": [{"nw_ref": "/api/network?name=n"}]}});
    client.post("/api/ipamdnsproviderprofile", profile).await.expect(201);
    let cloud = client.get("/api/cloud?name=Default-Cloud").await.json();
    let cloud = format!("/api/cloud/{}", cloud["results"][0]["uuid"].as_str().unwrap());
    let ipam = json!({"replace": {"ipam_provider_ref": "/api/ipamdnsproviderprofile?name=ipam"}});
    client.patch(&cloud, ipam).await.expect(200);
    (controller, client)
}

/// Status and address that each writer of a VsVip got.
async fn allocate_at_once(client: &Client, writers: usize) -> Vec<(u16, String)> {
    let tasks: Vec<_> = (0..writers)
        .map(|index| {
            let mut client = client.clone();
            let body = json!({"name": format!("v{index}"), "vip": [{"vip_id": "0", "auto_allocate_ip": true}]});
            tokio::spawn(async move {
                let reply = client.post("/api/vsvip", body).await;
                let body: Value = reply.json();
                let said = body["vip"][0]["ip_address"]["addr"].as_str().or(body["error"].as_str());
                (reply.status.as_u16(), said.unwrap_or_default().to_owned())
            })
        })
        .collect();
    futures::future::join_all(tasks).await.into_iter().map(Result::unwrap).collect()
}

/// Line 78, with the last address wanted too.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn as_many_writers_as_addresses_get_one_each() {
    let directory = tempfile::tempdir().unwrap();
    let (_controller, client) = controller(&directory, WRITERS).await;
    let got = allocate_at_once(&client, WRITERS).await;
    assert!(got.iter().all(|(status, _)| *status == 201), "{got:?}");
    let distinct: BTreeSet<_> = got.iter().map(|(_, address)| address).collect();
    assert_eq!(distinct.len(), WRITERS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_without_an_address_are_told_and_nothing_is_lost() {
    const ADDRESSES: usize = 40;
    let directory = tempfile::tempdir().unwrap();
    let (controller, mut client) = controller(&directory, ADDRESSES).await;
    let got = allocate_at_once(&client, WRITERS).await;
    let (made, refused): (Vec<_>, Vec<_>) = got.iter().partition(|(status, _)| *status == 201);
    assert_eq!(made.len(), ADDRESSES, "{got:?}");
    assert!(refused.iter().all(|(status, text)| *status == 400 && text.contains("No available free IPs")), "{got:?}");
    let held = controller.store.range("/address/vrfcontext-", None, 0).await.unwrap().0;
    assert_eq!(held.len(), ADDRESSES);
    let listed = client.get("/api/vsvip?page_size=100").await.json();
    for vs_vip in listed["results"].as_array().unwrap() {
        client.delete(&format!("/api/vsvip/{}", vs_vip["uuid"].as_str().unwrap())).await.expect(204);
    }
    assert_eq!(controller.store.range("/address/", None, 0).await.unwrap().0, []);
}

/// Virtual services that want the same port of one VsVip.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_virtual_services_on_one_port_one_is_made() {
    let directory = tempfile::tempdir().unwrap();
    let (_controller, mut client) = controller(&directory, 1).await;
    client.post("/api/vsvip", json!({"name": "v", "vip": [{"auto_allocate_ip": true}]})).await.expect(201);
    let tasks: Vec<_> = (0..8)
        .map(|index| {
            let mut client = client.clone();
            let body =
                json!({"name": format!("vs{index}"), "vsvip_ref": "/api/vsvip?name=v", "services": [{"port": 80}]});
            tokio::spawn(async move { client.post("/api/virtualservice", body).await.status.as_u16() })
        })
        .collect();
    let mut codes: Vec<u16> = futures::future::join_all(tasks).await.into_iter().map(Result::unwrap).collect();
    codes.sort_unstable();
    assert_eq!(codes, [201, 400, 400, 400, 400, 400, 400, 400]);
}
