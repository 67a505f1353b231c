//! A backend dies and comes back.

use crate::demo::{Demo, HELLO};

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
fn a_member_leaves_after_three_failed_probes_and_comes_back_after_three_good_ones() {
    let Some(demo) = Demo::start() else { return };
    quicken_the_monitor(&demo);
    let banner = demo.terminal();
    let pid = banner.lines().find_map(|line| line.trim().strip_prefix("kill ")?.strip_suffix("# s2")).unwrap().trim();
    demo.text("kill", &[pid]);
    demo.wait("the member to leave the answers", || !demo.count(12).iter().any(|(ip, _)| ip == "127.10.23.40"));
    assert_eq!(demo.count(10), [("127.10.25.46".to_owned(), 6), ("127.10.26.40".to_owned(), 4)]);
    demo.wait("the runtime to say so", || state_of(&demo, "127.10.23.40") == "OPER_DOWN");
    assert_eq!(state_of(&demo, "127.10.25.46"), "OPER_UP");
    let why = demo.meridian(&["explain", "dns", HELLO]);
    assert!(why.contains("CONNECTION_REFUSED"), "{why}");
    demo.wait("the terminal to say so", || demo.terminal().contains("CONNECTION_REFUSED"));

    let again = banner.lines().find(|line| line.contains("backend --listen 127.10.23.40")).unwrap().trim().to_owned();
    let directory = std::path::PathBuf::from(crate::demo::binary());
    let directory = directory.parent().unwrap().display().to_string();
    let again = again.trim_end_matches('&');
    let script = format!("PATH={directory}:$PATH; {again} > /dev/null 2>&1 < /dev/null & echo $!");
    let pid = demo.text("sh", &["-c", &script]);
    demo.wait("the member to come back", || state_of(&demo, "127.10.23.40") == "OPER_UP");
    assert_eq!(demo.count(12).len(), 3);
    // It is nobody's child, and would stay.
    demo.text("kill", &[pid.trim()]);
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
