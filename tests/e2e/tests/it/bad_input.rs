//! What is wrong is said, and leaves everything else running.

use std::fs;
use std::io::Write;

use crate::demo::{Demo, HELLO};

fn still_answers(demo: &Demo) {
    assert_eq!(demo.count(12).iter().map(|(_, count)| count).sum::<usize>(), 12, "{}", demo.terminal());
}

#[test]
fn a_malformed_manifest_is_named_and_changes_nothing() {
    let Some(demo) = Demo::start() else { return };
    let good = fs::read_to_string(demo.manifest("s2/hello.yaml")).unwrap();
    fs::write(demo.manifest("s2/hello.yaml"), good.replace("spec:", "spec: [")).unwrap();
    demo.wait("the problem", || demo.terminal().contains("s2/hello.yaml"));
    assert_eq!(demo.split().len(), 3);

    fs::write(demo.manifest("s2/hello.yaml"), good.replace("  labels:", "  labls:\n    x: y\n  labels:")).unwrap();
    demo.wait("the unknown field", || demo.terminal().contains("labls"));
    assert_eq!(demo.split().len(), 3);
    still_answers(&demo);
}

#[test]
fn a_file_that_is_cut_and_written_again_deletes_nothing() {
    let Some(demo) = Demo::start() else { return };
    let created = demo.hello().unwrap()["uuid"].clone();
    for path in ["s1az1/avi-system/gslb-config.yaml", "s1az1/avi-system/global-gdp.yaml", "s2/hello.yaml"] {
        let text = fs::read_to_string(demo.manifest(path)).unwrap();
        let mut file = fs::File::create(demo.manifest(path)).unwrap();
        file.flush().unwrap();
        drop(file);
        demo.wait("the problem", || demo.terminal().contains(path.rsplit('/').next().unwrap()));
        assert_eq!(demo.split().len(), 3, "{}", demo.terminal());
        fs::write(demo.manifest(path), text).unwrap();
    }
    // A later change arrives, so whatever the cuts caused has happened by now.
    demo.edit("s1az1/avi-system/global-gdp.yaml", "weight: 4", "weight: 3");
    demo.wait("a later change", || demo.split().iter().any(|(_, ratio)| *ratio == 3));
    assert_eq!(demo.split().len(), 3);
    assert_eq!(demo.hello().unwrap()["uuid"], created);
}

#[test]
fn without_a_gslb_config_nothing_is_deleted() {
    let Some(mut demo) = Demo::start() else { return };
    fs::remove_file(demo.manifest("s1az1/avi-system/gslb-config.yaml")).unwrap();
    fs::remove_file(demo.manifest("s2/hello.yaml")).unwrap();
    demo.restart(&[]);
    assert_eq!(demo.split().len(), 3, "{}", demo.terminal());
    still_answers(&demo);
}

#[test]
fn taken_ports_move_and_the_demo_says_so() {
    let before = "python3 -c 'import socket,time
s=socket.socket(); s.bind((\"127.0.0.1\",9443)); s.listen()
u=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); u.bind((\"127.0.0.1\",5300))
open(\"/dev/stdout\",\"w\").write(\"taken\\n\"); time.sleep(120)' & while ! grep -q ':24E3 ' /proc/net/tcp || ! grep -q ':14B4 ' /proc/net/udp; do :; done;";
    let Some(demo) = Demo::start_after(before) else { return };
    demo.wait_for_banner();
    let terminal = demo.terminal();
    assert!(terminal.contains("9443") && terminal.contains("9444"), "{terminal}");
    assert!(terminal.contains("5300") && terminal.contains("5301"), "{terminal}");
    assert_eq!(demo.variable("MERIDIAN_DNS"), "127.0.0.1:5301");
    still_answers(&demo);
}

#[test]
fn a_taken_pod_address_stops_the_demo_and_names_the_owner() {
    let before = "python3 -m http.server 8080 --bind 127.10.126.1 > /dev/null 2>&1 & \
                  while ! grep -q ':1F90 ' /proc/net/tcp; do :; done;";
    let Some(mut demo) = Demo::start_after(before) else { return };
    assert!(!demo.wait_for_end());
    let terminal = demo.terminal();
    assert!(terminal.contains("127.10.126.1:8080 is taken by process"), "{terminal}");
    assert!(terminal.contains("http.server"), "{terminal}");
}

#[test]
fn a_wrong_password_and_bad_bodies_are_explained() {
    let Some(demo) = Demo::start() else { return };
    let output = demo.run("env", &["MERIDIAN_PASSWORD=wrong", &crate::demo::binary(), "get", "gslbservice"]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && error.to_lowercase().contains("password"), "{error}");

    let (status, body) = demo.rest("POST", "/api/healthmonitor", Some("{\"name\": "));
    assert_eq!(status, 400, "{body}");
    let hello = demo.hello().unwrap();
    let path = format!("/api/gslbservice/{}", hello["uuid"].as_str().unwrap());
    let mut stale = hello.clone();
    stale["_last_modified"] = "1".into();
    let (status, body) = demo.rest("PUT", &path, Some(&stale.to_string()));
    assert_eq!(status, 412, "{body}");
    assert!(body["error"].as_str().unwrap().contains("Need to reload object data"), "{body}");
    still_answers(&demo);
}

#[test]
fn garbage_datagrams_leave_the_service_answering() {
    let Some(demo) = Demo::start() else { return };
    let dns = demo.variable("MERIDIAN_DNS");
    let port = dns.rsplit_once(':').unwrap().1;
    let script = format!(
        "import socket, random\n\
         s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
         random.seed(7)\n\
         for n in range(5000):\n    s.sendto(random.randbytes(random.randrange(0, 600)), ('127.0.0.1', {port}))\n\
         t = socket.create_connection(('127.0.0.1', {port}))\n\
         t.sendall(random.randbytes(4000))\n"
    );
    demo.text("python3", &["-c", &script]);
    still_answers(&demo);
    assert!(demo.dig(&["+short", HELLO]).starts_with("127.10."));
}
