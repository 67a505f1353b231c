//! Backends go and come back.

use crate::demo::{Demo, HELLO};

const S1AZ1: &str = "127.10.25.40";
const S1AZ2: &str = "127.10.26.40";
const S2: &str = "127.10.23.40";

/// Makes the story's monitor probe every second, as an administrator would by hand.
fn quicken_the_monitor(demo: &Demo) {
    let monitors = demo.objects("healthmonitor");
    let ours = monitors.iter().find(|monitor| monitor["name"].as_str().unwrap().starts_with("amko--")).unwrap();
    let path = format!("/api/healthmonitor/{}", ours["uuid"].as_str().unwrap());
    let body = r#"{"replace": {"send_interval": 1, "receive_timeout": 1}}"#;
    let (status, body) = demo.rest("PATCH", &path, Some(body));
    assert_eq!(status, 200, "{body}");
}

fn state_of(demo: &Demo, ip: &str) -> String {
    let uuid = demo.hello().unwrap()["uuid"].as_str().unwrap().to_owned();
    let (status, runtime) = demo.rest("GET", &format!("/api/gslbservice/{uuid}/runtime/"), None);
    assert_eq!(status, 200, "{runtime}");
    let groups = runtime["groups"].as_array().cloned().unwrap_or_default();
    let members = groups.iter().flat_map(|group| group["members"].as_array().cloned().unwrap_or_default());
    let member = members.into_iter().find(|member| member["ip"]["addr"] == ip || member["ip"]["ip"]["addr"] == ip);
    member.map_or(String::new(), |member| member["oper_status"]["state"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_cluster_scaled_to_zero_leaves_the_answers_and_comes_back() {
    let Some(demo) = Demo::start() else { return };
    demo.edit("s2/deployment.yaml", "replicas: 2", "replicas: 0");
    demo.wait("the member to leave the answers", || !demo.count(12).iter().any(|(ip, _)| ip == S2));
    assert_eq!(demo.count(10), [(S1AZ1.to_owned(), 6), (S1AZ2.to_owned(), 4)]);
    demo.wait("the runtime to say so", || state_of(&demo, S2) == "OPER_DOWN");
    assert_eq!(state_of(&demo, S1AZ1), "OPER_UP");
    demo.wait("the page to say so", || demo.page(S2).ends_with("503"));
    demo.wait("the terminal to say so", || demo.terminal().contains("Deployment scaled"));

    demo.edit("s2/deployment.yaml", "replicas: 0", "replicas: 3");
    demo.wait("the member to come back", || state_of(&demo, S2) == "OPER_UP");
    demo.wait("the answers", || demo.count(12).len() == 3);
    assert_eq!(demo.page(S2), "MESSAGE: This service resides in SITE2\n200");
}

#[test]
fn a_page_that_fails_takes_its_member_down_after_three_probes() {
    let Some(demo) = Demo::start() else { return };
    quicken_the_monitor(&demo);
    // A port where nobody listens, though every virtual service is up.
    let monitors = demo.objects("healthmonitor");
    let ours = monitors.iter().find(|monitor| monitor["name"].as_str().unwrap().starts_with("amko--")).unwrap();
    let path = format!("/api/healthmonitor/{}", ours["uuid"].as_str().unwrap());
    let (status, body) = demo.rest("PATCH", &path, Some(r#"{"replace": {"monitor_port": 4}}"#));
    assert_eq!(status, 200, "{body}");
    demo.wait("the reason", || demo.meridian(&["explain", "dns", HELLO]).contains("CONNECTION_REFUSED"));
    demo.wait("the runtime to say so", || state_of(&demo, S1AZ1) == "OPER_DOWN");
    demo.wait("the terminal to say so", || demo.terminal().contains("CONNECTION_REFUSED"));
    let (status, body) = demo.rest("PATCH", &path, Some(r#"{"replace": {"monitor_port": 80}}"#));
    assert_eq!(status, 200, "{body}");
    demo.wait("the members to come back", || demo.count(12).len() == 3);
}

#[test]
fn an_interval_changed_by_hand_survives_the_operator() {
    let Some(mut demo) = Demo::start() else { return };
    quicken_the_monitor(&demo);
    demo.edit("s1az1/avi-system/global-gdp.yaml", "weight: 4", "weight: 3");
    demo.wait("the operator's next write", || demo.split().iter().any(|(_, ratio)| *ratio == 3));
    demo.restart(&[]);
    let monitors = demo.objects("healthmonitor");
    let ours = monitors.iter().find(|monitor| monitor["name"].as_str().unwrap().starts_with("amko--")).unwrap();
    assert_eq!((ours["send_interval"].as_u64(), ours["failed_checks"].as_u64()), (Some(1), Some(3)));
}
