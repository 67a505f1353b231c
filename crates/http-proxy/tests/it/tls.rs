//! HTTPS: certificates by name, old ones, garbage, HTTP/2. Clients are curl and openssl, as people use them.

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;

use model::http::{Certificate, HttpConfig};
use model::testing::child;

use crate::testbed::{Backend, Bed, Peer, eventually, one_service_with};

/// A certificate for `name` that it signed itself.
pub(crate) fn certificate(name: &str) -> Arc<Certificate> {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    Arc::new(Certificate {
        uuid: format!("sslkeyandcertificate-{name}"),
        name: name.into(),
        chain_pem: made.cert.pem(),
        key_pem: made.signing_key.serialize_pem(),
    })
}

/// X.509 v1, as `openssl x509 -req` without extensions makes it.
fn version_1(name: &str, algorithm: &[&str]) -> Option<Arc<Certificate>> {
    let folder = tempfile::tempdir().unwrap();
    let path = |file: &str| folder.path().join(file).to_str().unwrap().to_owned();
    let (key, request, certificate) = (path("key"), path("csr"), path("crt"));
    let openssl = |arguments: &[&str]| {
        let status = Command::new("openssl").args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    let subject = format!("/CN={name}");
    let made = openssl(
        &[&["req", "-new", "-nodes", "-keyout", &key, "-out", &request, "-subj", &subject, "-newkey"], algorithm]
            .concat(),
    ) && openssl(&["x509", "-req", "-days", "30", "-in", &request, "-signkey", &key, "-out", &certificate]);
    made.then(|| {
        Arc::new(Certificate {
            uuid: format!("sslkeyandcertificate-{name}"),
            name: name.into(),
            chain_pem: std::fs::read_to_string(&certificate).unwrap(),
            key_pem: std::fs::read_to_string(&key).unwrap(),
        })
    })
}

pub(crate) fn tls_service(backend: &Backend, certificates: Vec<Arc<Certificate>>) -> (SocketAddr, HttpConfig) {
    one_service_with(&[backend.address], |service| {
        service.ports[0].tls = true;
        service.ports[0].http2 = true;
        service.certificates = certificates;
        service.host.profile.forwarded_proto = true;
    })
}

/// What curl says: body, then what `write_out` asks for. `None` without curl.
fn curl(vip: SocketAddr, name: &str, more: &[&str]) -> Option<String> {
    let resolve = format!("{name}:{}:{}", vip.port(), vip.ip());
    let url = format!("https://{name}:{}/", vip.port());
    let output =
        Command::new("curl").args(["-ksS", "--max-time", "20", "--resolve", &resolve, &url]).args(more).output();
    let Ok(output) = output else {
        println!("skipped: no curl");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

/// Subject of the certificate that a client gets who asks for `name`. `None` without openssl.
fn subject(vip: SocketAddr, name: Option<&str>, more: &[&str]) -> Option<String> {
    let address = vip.to_string();
    let server_name = name.map_or(vec!["-noservername"], |name| vec!["-servername", name]);
    let output = Command::new("openssl")
        .args(["s_client", "-connect", &address])
        .args(server_name)
        .args(more)
        .stdin(Stdio::null())
        .output();
    let Ok(output) = output else {
        println!("skipped: no openssl");
        return None;
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find(|line| line.trim_start().starts_with("0 s:")).unwrap_or_default();
    Some(line.trim_start().trim_start_matches("0 s:").replace(' ', ""))
}

#[test]
fn https_is_served_over_http_1_and_http_2() {
    let backend = Backend::named("secure");
    let (vip, config) = tls_service(&backend, vec![certificate("a.example.com")]);
    let bed = Bed::start(1, &config);
    let write = ["-w", " %{http_version} %{http_code}"];
    let Some(plain) = curl(vip, "a.example.com", &[&["--http1.1"], &write[..]].concat()) else { return };
    assert_eq!(plain, "secure 1.1 200");
    assert_eq!(curl(vip, "a.example.com", &[&["--http2"], &write[..]].concat()).unwrap(), "secure 2 200");
    let large = "x".repeat(200_000);
    let posted = curl(vip, "a.example.com", &["--http2", "--data-binary", &large[..100_000]]).unwrap();
    assert_eq!(posted.len(), 100_000);
    let headers = curl(vip, "a.example.com", &["--http2", "-D", "-", "-o", "/dev/null"]).unwrap().to_lowercase();
    assert!(
        headers.contains("got-x-forwarded-proto: https") && headers.contains("got-host: a.example.com"),
        "{headers}"
    );
    eventually("clients have gone", || bed.proxy().stats().connections_open == 0);
    assert_eq!(bed.proxy().stats().handshakes, 4);
}

#[test]
fn each_name_gets_its_certificate_and_any_other_the_first() {
    let backend = Backend::named("b");
    let certificates =
        ["first.example.com", "*.wild.example.com", "exact.wild.example.com"].map(named_subject).to_vec();
    let (vip, config) = tls_service(&backend, certificates);
    let mut bed = Bed::start(1, &config);
    for (asked, expected) in [
        (Some("first.example.com"), "CN=first.example.com"),
        (Some("a.wild.example.com"), "CN=*.wild.example.com"),
        (Some("EXACT.wild.example.com"), "CN=exact.wild.example.com"),
        (Some("a.b.wild.example.com"), "CN=first.example.com"),
        (Some("other.example.com"), "CN=first.example.com"),
        (None, "CN=first.example.com"),
    ] {
        let Some(found) = subject(vip, asked, &[]) else { return };
        assert_eq!(found, expected, "{asked:?}");
    }
    let mut changed = config.clone();
    Arc::make_mut(&mut changed.services[0]).certificates = vec![named_subject("new.example.com")];
    bed.apply(&changed);
    assert_eq!(subject(vip, Some("first.example.com"), &[]).unwrap(), "CN=new.example.com");
}

/// A certificate for `name`, which is its subject too.
fn named_subject(name: &str) -> Arc<Certificate> {
    let mut parameters = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
    let key = rcgen::KeyPair::generate().unwrap();
    let made = parameters.self_signed(&key).unwrap();
    Arc::new(Certificate {
        uuid: format!("sslkeyandcertificate-{name}"),
        name: name.into(),
        chain_pem: made.pem(),
        key_pem: key.serialize_pem(),
    })
}

#[test]
fn certificates_of_x_509_version_1_are_served() {
    let backend = Backend::named("old");
    let Some(old) = version_1("old.example.com", &["rsa:2048"]) else {
        println!("skipped: no openssl");
        return;
    };
    let (vip, config) = tls_service(&backend, vec![certificate("first.example.com"), old]);
    let _bed = Bed::start(1, &config);
    assert_eq!(subject(vip, Some("old.example.com"), &[]).unwrap(), "CN=old.example.com");
    let Some(text) = curl(vip, "old.example.com", &[]) else { return };
    assert_eq!(text, "old");
}

#[test]
fn of_two_certificates_for_a_name_the_client_gets_one_that_it_understands() {
    let backend = Backend::named("b");
    let Some(rsa) = version_1("a.example.com", &["rsa:2048"]) else {
        println!("skipped: no openssl");
        return;
    };
    let (vip, config) = tls_service(&backend, vec![certificate("a.example.com"), rsa]);
    let _bed = Bed::start(1, &config);
    let only_rsa = ["-tls1_2", "-sigalgs", "RSA-PSS+SHA256:RSA+SHA256", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"];
    assert_eq!(subject(vip, Some("a.example.com"), &only_rsa).unwrap(), "CN=a.example.com");
    assert_ne!(subject(vip, Some("a.example.com"), &[]).unwrap(), "CN=a.example.com", "the first is ECDSA");
}

#[test]
fn a_key_of_another_certificate_is_not_served_and_the_first_is() {
    let backend = Backend::named("b");
    let mut wrong = Certificate::clone(&named_subject("wrong.example.com"));
    wrong.key_pem = named_subject("else").key_pem.clone();
    let (vip, config) = tls_service(&backend, vec![named_subject("first.example.com"), Arc::new(wrong)]);
    let _bed = Bed::start(1, &config);
    let Some(found) = subject(vip, Some("wrong.example.com"), &[]) else { return };
    assert_eq!(found, "CN=first.example.com");
}

#[test]
fn what_is_no_certificate_is_told() {
    let backend = Backend::named("b");
    let broken = Certificate { uuid: "u".into(), name: "broken".into(), chain_pem: "x".into(), key_pem: "x".into() };
    let (vip, config) = tls_service(&backend, vec![Arc::new(broken), certificate("a.example.com")]);
    let mut bed = Bed::start(1, &HttpConfig { services: vec![], ..config.clone() });
    let problems = bed.runtime.block_on(bed.proxy.as_mut().unwrap().apply(&config));
    assert_eq!(problems.len(), 1);
    let source = std::error::Error::source(&problems[0]).unwrap().to_string();
    assert!(source.contains("certificate broken has no certificate in PEM"), "{source}");
    let Some(text) = curl(vip, "a.example.com", &[]) else { return };
    assert_eq!(text, "b");
}

#[test]
fn garbage_is_closed_and_neighbours_do_not_notice() {
    let backend = Backend::named("fine");
    let (vip, config) = tls_service(&backend, vec![certificate("a.example.com")]);
    let bed = Bed::start(1, &config);
    for garbage in [
        &b"\x16\x03\x01\xff\xff garbage garbage"[..],
        b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
        b"\x80\x2e\x01\x00\x02 an SSL 2 hello",
        b"\x00\x00\x00\x00\x00\x00\x00\x00",
        b"\x15\x03\x03\x00\x02\x02\x28",
    ] {
        let mut client = Peer::connect(vip);
        client.send(garbage);
        let _ = client.reader.get_ref().shutdown(std::net::Shutdown::Write);
        // An alert may come; nothing that is HTTP does, and then the end.
        let mut rest = Vec::new();
        let _ = std::io::Read::read_to_end(&mut client.reader, &mut rest);
        assert!(!rest.starts_with(b"HTTP"), "{garbage:?}");
    }
    eventually("all are counted", || bed.proxy().stats().handshakes_failed == 5);
    let Some(text) = curl(vip, "a.example.com", &[]) else { return };
    assert_eq!(text, "fine");
}

#[test]
fn plain_http_on_a_tls_port_is_told_so() {
    let backend = Backend::named("b");
    let (vip, config) = tls_service(&backend, vec![certificate("a.example.com")]);
    let _bed = Bed::start(1, &config);
    let response = Peer::connect(vip).get("/");
    assert_eq!(response.status(), 400);
    assert!(response.text().contains("HTTPS"));
}

#[test]
fn requests_to_a_child_go_by_host_whatever_name_the_handshake_had() {
    let backend = Backend::named("child");
    let (vip, mut config) = tls_service(&backend, vec![certificate("a.example.com")]);
    let service = Arc::make_mut(&mut config.services[0]);
    let target = service.host.target.take();
    service.children = vec![child("b", "b.example.com", target)];
    let _bed = Bed::start(1, &config);
    let Some(text) = curl(vip, "a.example.com", &["-H", "Host: b.example.com"]) else { return };
    assert_eq!(text, "child");
    assert!(curl(vip, "a.example.com", &[]).unwrap().contains("404"));
}
