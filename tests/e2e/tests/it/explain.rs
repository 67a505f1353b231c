//! `meridian explain` and `meridian get`.

use crate::demo::{Demo, HELLO};

#[test]
fn the_explained_answer_is_the_next_one() {
    let Some(demo) = Demo::start() else { return };
    for _ in 0..12 {
        let text = demo.meridian(&["explain", "dns", HELLO, "--client", "10.1.2.3", "-o", "json"]);
        let explanation: serde_json::Value = serde_json::from_str(&text).unwrap();
        let record = explanation["answer"]["answer"][0].as_str().unwrap();
        let explained = record.rsplit(' ').next().unwrap();
        assert_eq!(demo.dig(&["+short", HELLO]).trim(), explained);
        let chosen =
            explanation["members"].as_array().unwrap().iter().filter(|member| member["chosen"] == true).count();
        assert_eq!(chosen, 1);
    }
    let text = demo.meridian(&["explain", "dns", HELLO, "--client", "10.1.2.3"]);
    for part in ["amko-gs-group-10", "weighted round robin", "every client gets this", "2 of 2 required monitors pass"]
    {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let text = demo.meridian(&["explain", "dns", "nothing.avi.iberia.local"]);
    assert!(text.contains("NXDOMAIN") && text.contains("SOA g-dns.iberia.local"), "{text}");
}

#[test]
fn objects_are_shown_as_table_json_and_yaml() {
    let Some(demo) = Demo::start() else { return };
    let table = demo.meridian(&["get", "gslbservice"]);
    assert!(table.starts_with("NAME") && table.contains("3/3"), "{table}");
    assert!(table.contains("127.10.25.40=6 127.10.26.40=4 127.10.23.40=2"), "{table}");

    let json: serde_json::Value =
        serde_json::from_str(&demo.meridian(&["get", "gslbservice", HELLO, "-o", "json"])).unwrap();
    assert_eq!(json["groups"][0]["name"], "amko-gs-group-10");
    assert_eq!(
        json["description"],
        "INGRESS/s1az1/default/hello/hello.avi.iberia.local,\
        INGRESS/s1az2/default/hello/hello.avi.iberia.local,INGRESS/s2/default/hello/hello.avi.iberia.local"
    );
    assert!(json["created_by"].as_str().unwrap().starts_with("amko-"));

    let yaml = demo.meridian(&["get", "healthmonitor", "-o", "yaml"]);
    assert!(yaml.contains("http_request: HEAD / HTTP/1.0"), "{yaml}");
    let missing = demo.run(&crate::demo::binary(), &["get", "gslbservice", "nosuch"]);
    assert!(!missing.status.success());
    assert!(String::from_utf8_lossy(&missing.stderr).contains("`nosuch` not found"));
}
