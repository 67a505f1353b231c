//! Clients are answered by where they are: a geo database from its upload to the answers of an engine.

use std::fs;

use serde_json::{Value, json};

use crate::lone::Lone;

const NAME: &str = "near.avi.example.com";
const PARIS: (&str, &str) = ("203.0.113.1/32", "127.0.0.11");
const MILAN: (&str, &str) = ("203.0.113.200/32", "127.0.0.12");

fn places(first: &str, second: &str) -> String {
    format!(
        "start,end,latitude,longitude,name,tag\n203.0.113.0,203.0.113.127,{first}\n203.0.113.128,203.0.113.255,{second}\n"
    )
}

/// Sends a geo database; status and answer.
fn upload(lone: &Lone, content: &str) -> (u16, Value) {
    let path = lone.path("places.csv");
    fs::write(&path, content).unwrap();
    lone.send("controller", "POST", "/api/fileservice/gslb", &["-F", &format!("file=@{path}")])
}

/// The answer to a client that a resolver speaks for.
fn ask(lone: &Lone, subnet: &str) -> String {
    lone.dig_with(&[&format!("+subnet={subnet}"), NAME])
}

fn member(ip: &str, latitude: f64, longitude: f64) -> Value {
    json!({"ip": {"addr": ip, "type": "V4"}, "location": {"source": "GSLB_LOCATION_SRC_USER_CONFIGURED",
        "location": {"latitude": latitude, "longitude": longitude}}})
}

#[test]
fn the_nearest_member_is_answered_also_after_the_controller_is_gone() {
    let Some(mut lone) = Lone::start() else { return };
    lone.start_controller("controller");
    lone.make_token("controller", "engine");
    lone.start_engine("engine");
    lone.set_up_dns("controller");
    lone.wait_for_answers();
    let members = [member(PARIS.1, 48.9, 2.3), member(MILAN.1, 45.5, 9.2)];
    lone.create(
        "controller",
        "gslbservice",
        &json!({"name": NAME, "domain_names": [NAME], "groups": [
        {"name": "all", "algorithm": "GSLB_ALGORITHM_GEO", "fallback_algorithm": "GSLB_ALGORITHM_CONSISTENT_HASH",
         "members": members}]}),
    );

    let entry = json!({"file": {"filename": "places.csv", "format": "GSLB_GEODB_FILE_FORMAT_AVI"}});
    lone.create("controller", "gslbgeodbprofile", &json!({"name": "places", "entries": [entry]}));
    lone.wait("the controller to miss the file", || lone.log("controller").contains("there is no file `places.csv`"));
    let (paris, milan) = ("48.86,2.35,FR/Paris,", "45.46,9.19,IT/Milan,");
    let (status, answer) = upload(&lone, &places(paris, milan));
    assert_eq!((status, &answer["path"]), (201, &json!("controller://gslb/places.csv")), "{answer}");
    let is_near = || [PARIS, MILAN].iter().all(|(subnet, member)| ask(&lone, subnet) == *member);
    lone.wait("answers by distance", || is_near() && is_near());
    let told = lone.dig_all(&["+subnet=203.0.113.200/32", NAME]);
    assert!(told.contains("CLIENT-SUBNET: 203.0.113.200/32/25"), "{told}");

    // What is no geo database is refused, and nothing changes.
    let (status, answer) = upload(&lone, "203.0.113.0,203.0.113.x,1,2,a,b\n");
    assert_eq!(status, 400, "{answer}");
    assert!(answer["error"].as_str().unwrap().contains("line 1: `203.0.113.x` is not an IP address"), "{answer}");
    assert!(is_near());
    let listed = lone.rest("controller", "GET", "/api/fileservice?uri=controller://gslb", None).1;
    assert_eq!(listed["count"], 1, "{listed}");

    // The engine has it on its disk.
    lone.stop("controller");
    lone.stop("engine");
    lone.start_engine("engine");
    let is_near = || [PARIS, MILAN].iter().all(|(subnet, member)| ask(&lone, subnet) == *member);
    lone.wait("answers by distance, without a controller", is_near);

    // Another file in its place is taken over.
    lone.start_controller("controller");
    assert_eq!(upload(&lone, &places(milan, paris)).0, 201);
    lone.wait("the other file", || ask(&lone, PARIS.0) == MILAN.1 && ask(&lone, MILAN.0) == PARIS.1);
}
