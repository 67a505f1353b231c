//! Engines of two service engine groups, under one controller, on one machine.

use serde_json::json;

use crate::lone::Lone;

/// A zone of the profile that [`Lone::set_up_dns`] makes.
const ZONE: &str = "avi.example.com";

/// What the DNS virtual service says of its zone; empty when nobody answers.
fn soa(lone: &Lone, address: &str, port: &str) -> String {
    let args = ["+short", "+tries=1", "+time=2", &format!("@{address}"), "-p", port, ZONE, "SOA"];
    let text = String::from_utf8(lone.enter("dig").args(args).output().unwrap().stdout).unwrap();
    text.lines().filter(|line| !line.starts_with(';')).collect()
}

/// A DNS virtual service on port 53 of an address, in the group `edge`.
fn create_dns(lone: &Lone, address: &str) {
    lone.create(
        "controller",
        "virtualservice",
        &json!({
            "name": address, "application_profile_ref": "/api/applicationprofile?name=g-dns",
            "se_group_ref": "/api/serviceenginegroup?name=edge", "services": [{"port": 53}],
            "vip": [{"vip_id": "0", "ip_address": {"addr": address, "type": "V4"}}]
        }),
    );
}

#[test]
fn engines_run_the_virtual_services_of_their_group_alone_and_stay_in_it() {
    let Some(mut lone) = Lone::start() else { return };
    lone.start_controller("controller");
    lone.make_token("controller", "engine");
    lone.start_engine("engine");
    let (controller, data, token) = (lone.path("controller"), lone.path("edge"), lone.path("edge.token"));
    lone.run(&["join-token", "--data", &controller, "--out", &token, "--group", "edge"]);
    let edge = ["engine", "--data", &data, "--join", &token, "--workers", "1", "--admin-listen", "127.0.0.1:9448"];
    lone.spawn("edge", &edge);
    let told = "engines belong to a service engine group that is not there";
    lone.wait("the controller's warning", || lone.log("controller").contains(told));

    lone.create("controller", "serviceenginegroup", &json!({"name": "edge", "port_offset": 1000}));
    lone.set_up_dns("controller");
    create_dns(&lone, "127.0.0.3");
    lone.wait_for_answers();
    lone.wait("the engine of the group", || !soa(&lone, "127.0.0.3", "1053").is_empty());
    // The other engine would have moved the port by 8000; and of this one nothing stands in the other's way.
    assert_eq!(soa(&lone, "127.0.0.3", "8053"), "");
    assert_eq!([9446, 9448].map(|port| lone.admin(port, "readyz")), ["ok\n", "ok\n"]);

    lone.stop("controller");
    lone.start_controller("controller");
    create_dns(&lone, "127.0.0.4");
    lone.wait("the group after a restart", || !soa(&lone, "127.0.0.4", "1053").is_empty());
    assert_eq!(soa(&lone, "127.0.0.4", "8053"), "");
    lone.assert_answers();
}
