//! What somebody changes at the controller is put right when it is read again, every `refreshInterval` (amko 12 line 6).

use k8s_crds::Object;
use serde_json::json;

use crate::setting::{HOST, Setting, gslb_config};

const ALL: [&str; 3] = ["127.10.23.40*2", "127.10.25.40*6", "127.10.26.40*4"];

#[tokio::test]
async fn the_refresh_alone_puts_right_what_was_changed_or_deleted_by_hand_and_writes_nothing_else() {
    let setting = Setting::hello().await;
    let Object::GslbConfig(mut config) = gslb_config() else { panic!() };
    config.spec.refresh_interval = Some(1);
    setting.leader().apply(Object::GslbConfig(config));
    // From here on no cluster says anything.
    let readings = |s: &Setting| s.controller.asked().iter().filter(|line| *line == "GET /api/gslb").count();
    setting.until("the short interval to be in force", |s| readings(s) >= 4).await;

    setting.controller.take_asked();
    setting.controller.edit("gslbservice", HOST, |body| {
        body["groups"][0]["members"][0]["ratio"] = 19.into();
        body["enabled"] = false.into();
    });
    setting.until_members(&ALL).await;
    assert_eq!(setting.controller.writes(), [format!("PUT /api/gslbservice {HOST}")]);
    assert_eq!(setting.controller.get("gslbservice", HOST).unwrap()["enabled"], true);

    setting.controller.take_asked();
    setting.controller.remove("gslbservice", HOST);
    setting.until_members(&ALL).await;
    assert_eq!(setting.controller.writes(), [format!("POST /api/gslbservice/ {HOST}")]);

    let monitor = amko_translate::path_name(false, HOST, "/");
    setting.controller.take_asked();
    setting.controller.edit("healthmonitor", &monitor, |body| body["type"] = "HEALTH_MONITOR_PING".into());
    setting
        .until("the monitor", |s| {
            s.controller.get("healthmonitor", &monitor).is_some_and(|body| body["type"] == "HEALTH_MONITOR_HTTP")
        })
        .await;
    setting
        .until("the service to have it again", |s| {
            let service = s.controller.get("gslbservice", HOST).unwrap();
            service["health_monitor_refs"].as_array().is_some_and(|refs| refs.len() == 1)
        })
        .await;

    // What nobody touched is read, and not written; nor is what the operator does not manage.
    setting.controller.edit("gslbservice", HOST, |body| body["x_somebody_s"] = json!("own field"));
    setting
        .until("a reading after the last write", |s| {
            let asked = s.controller.asked();
            let written = asked.iter().rposition(|line| !line.starts_with("GET"));
            asked[written.map_or(0, |at| at + 1)..].iter().any(|line| line == "GET /api/gslb")
        })
        .await;
    setting.controller.take_asked();
    setting.until("four more readings", |s| readings(s) >= 4).await;
    assert_eq!(setting.controller.writes(), [""; 0]);
    assert_eq!(setting.controller.get("gslbservice", HOST).unwrap()["x_somebody_s"], "own field");
}
