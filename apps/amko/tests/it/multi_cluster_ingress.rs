//! A MultiClusterIngress on its way to the controller (amko 13.5, 13.7).

use amko::AmkoEvent;
use k8s_crds::{MultiClusterIngress, Object};
use serde_json::json;

use crate::setting::Setting;

const SHOP: &str = "shop.avi.iberia.local";

fn shop(address: &str) -> Object {
    let ingress = serde_json::from_value::<MultiClusterIngress>(json!({
        "metadata": {"name": "shop", "namespace": "default", "labels": {"app": "gslb"}},
        "spec": {"hostName": SHOP, "secretName": "shop-tls", "config": [{"path": "/", "cluster": "s2"}]},
        "status": {"loadBalancer": {"ingress": [{"hostname": SHOP, "ip": address}]}},
    }));
    Object::MultiClusterIngress(ingress.unwrap())
}

// catalogue amko: 89
#[tokio::test]
async fn a_multi_cluster_ingress_is_a_service_that_goes_with_it() {
    let mut setting = Setting::hello().await;
    setting.clusters[2].apply(shop("127.10.23.41"));
    setting.until("the service", |s| s.controller.members(SHOP) == ["127.10.23.41*2"]).await;
    let body = setting.controller.get("gslbservice", SHOP).unwrap();
    assert_eq!(body["description"], format!("MCI/s2/default/shop/{SHOP}"));
    assert_eq!(body["tenant_ref"], "https://host/api/tenant/admin#admin");
    setting.clusters[2].apply(shop("127.10.23.42"));
    setting.until("the new address", |s| s.controller.members(SHOP) == ["127.10.23.42*2"]).await;
    // Kept while its cluster is silent, and known again from the service's description after a restart.
    setting.restart().await;
    setting.amko().synced().await;
    assert_eq!(setting.controller.writes(), [""; 0]);
    setting.clusters[2].delete(&shop(""));
    setting.until("no service", |s| s.controller.get("gslbservice", SHOP).is_none()).await;
    let is_deleted = |event: &AmkoEvent| event.to_string().contains("MultiClusterIngress default/shop");
    setting.until_event(is_deleted).await;
    setting.until("its monitor gone", |s| s.controller.monitors() == 1).await;
}
