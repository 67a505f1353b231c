//! avi-api 2.11 and 11.4: certificates and their keys.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::harness::Controller;

const V3: &str = include_str!("../../../certificates/tests/data/v3.pem");
const V3_KEY: &str = include_str!("../../../certificates/tests/data/v3.key");
const V1: &str = include_str!("../../../certificates/tests/data/v1.pem");
const V1_KEY: &str = include_str!("../../../certificates/tests/data/v1.key");
const EC: &str = include_str!("../../../certificates/tests/data/ec.pem");
const EC_KEY: &str = include_str!("../../../certificates/tests/data/ec.key");
const ENCRYPTED_KEY: &str = include_str!("../../../certificates/tests/data/encrypted.key");

fn pair(name: &str, certificate: &str, key: &str) -> Value {
    json!({"name": name, "certificate": {"certificate": certificate}, "key": key, "key_passphrase": ""})
}

fn path(object: &Value) -> String {
    format!("/api/sslkeyandcertificate/{}", object["uuid"].as_str().unwrap())
}

/// Line 91.
#[tokio::test]
async fn a_certificate_is_read_and_its_key_never_shown() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let reply = client.post("/api/sslkeyandcertificate", pair("c", V3, V3_KEY)).await.expect(201);
    let made = reply.json();
    assert!(made.get("key").is_none() && made["certificate"].get("certificate").is_none(), "{made}");
    assert_eq!(
        (&made["type"], &made["status"]),
        (&json!("SSL_CERTIFICATE_TYPE_VIRTUALSERVICE"), &json!("SSL_CERTIFICATE_FINISHED"))
    );
    let shown = client.get(&path(&made)).await.expect(200);
    for text in [&reply.text, &shown.text] {
        assert!(!text.contains("PRIVATE KEY"), "{text}");
    }
    let shown = shown.json();
    assert_eq!((&shown["key"], &shown["certificate"]["certificate"]), (&json!("<sensitive>"), &json!(V3)));
    let certificate = &shown["certificate"];
    for (field, value) in [
        ("version", json!("2")),
        ("serial_number", json!("175420879822873717955936787023600522980491152409")),
        ("self_signed", json!(true)),
        ("signature_algorithm", json!("sha256WithRSAEncryption")),
        ("subject_alt_names", json!(["www.example.com", "192.0.2.1"])),
        ("fingerprint", json!("SHA1 Fingerprint=E5:CD:4D:80:F5:16:10:5A:60:F0:57:10:78:80:22:9C:F0:A6:84:56\n")),
        ("days_until_expire", json!(365)),
        ("expiry_status", json!("SSL_CERTIFICATE_GOOD")),
    ] {
        assert_eq!(certificate[field], value, "{field}");
    }
    assert_eq!(
        (&certificate["subject"]["common_name"], &certificate["issuer"]["state"]),
        (&json!("www.example.com"), &json!("CA"))
    );
    assert_eq!(certificate["not_before"].as_str().unwrap().len(), "2030-01-01 00:00:00".len());
    assert_eq!(shown["key_params"]["rsa_params"], json!({"key_size": "SSL_KEY_2048_BITS", "exponent": 65_537}));
    let listed = client.get("/api/sslkeyandcertificate?fields=name,key").await.expect(200);
    assert_eq!(listed.json()["results"][0]["key"], "<sensitive>");
    // What a secret is cannot be asked letter by letter.
    assert_eq!(client.get("/api/sslkeyandcertificate?key.contains=PRIVATE").await.json()["count"], 1);
    assert_eq!(client.get("/api/sslkeyandcertificate?key.contains=NoSuchText").await.json()["count"], 1);
}

/// Line 92.
#[tokio::test]
async fn a_key_stays_until_another_comes() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let made = client.post("/api/sslkeyandcertificate", pair("c", V3, V3_KEY)).await.expect(201).json();
    let whole = client.get(&path(&made)).await.json();
    client.put(&path(&made), whole).await.expect(200);
    let mut body = pair("c", V3, "<sensitive>");
    client.put(&path(&made), body.clone()).await.expect(200);
    body.as_object_mut().unwrap().remove("key");
    client.put(&path(&made), body.clone()).await.expect(200);
    client.patch(&path(&made), json!({"replace": {"created_by": "x"}})).await.expect(200);
    // The stored key is the first one still: it does not belong to another certificate.
    client.put(&path(&made), pair("c", V1, "<sensitive>")).await.refused(400, "does not belong to the certificate");
    client.put(&path(&made), pair("c", EC, EC_KEY)).await.expect(200);
    client.put(&path(&made), pair("c", EC, "<sensitive>")).await.expect(200);
    let shown = client.get(&path(&made)).await.json();
    assert_eq!(shown["key_params"]["ec_params"]["curve"], "SSL_KEY_EC_CURVE_SECP256R1");
    assert_eq!(shown["certificate"]["subject"]["common_name"], "ec.example.com");
}

/// Line 93.
#[tokio::test]
async fn what_is_no_pair_is_refused_with_its_reason() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let mut refused = async |body: Value, code: u16, text: &str| {
        let reply = client.post("/api/sslkeyandcertificate", body).await;
        reply.refused(code, text);
        assert!(!reply.text.contains("BEGIN"), "{reply:?}");
        reply.error()
    };
    let text = refused(pair("c", "garbage", V3_KEY), 500, "Import error").await;
    for told in ["common_name", "certificate.certificate: ", "send the certificate as PEM"] {
        assert!(text.contains(told), "{text}");
    }
    refused(pair("c", V3, V1_KEY), 400, "key: the private key does not belong to the certificate").await;
    refused(pair("c", V3, "garbage"), 400, "key: there is no private key in PEM").await;
    refused(pair("c", V3, ENCRYPTED_KEY), 400, "key: the private key is encrypted").await;
    refused(json!({"name": "c", "certificate": {"certificate": V3}}), 400, "key: Required field missing").await;
    refused(json!({"name": "c", "key": V3_KEY}), 400, "certificate.certificate: Required field missing").await;
    let mut pkcs12 = pair("c", V3, V3_KEY);
    pkcs12["format"] = json!("SSL_PKCS12");
    refused(pkcs12, 400, "format: SSL_PKCS12 is not read").await;
    assert_eq!(client.get("/api/sslkeyandcertificate").await.json()["count"], 0);
}

/// 2.11, and the certificates that the stories make.
#[tokio::test]
async fn version_1_base64_and_authorities_are_taken() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let made = client.post("/api/sslkeyandcertificate", pair("v1", V1, V1_KEY)).await.expect(201).json();
    assert_eq!(
        (&made["certificate"]["version"], &made["certificate"]["subject"]["organization"]),
        (&json!("0"), &json!("iberia"))
    );
    let mut encoded = pair("b64", &STANDARD.encode(V3), &STANDARD.encode(V3_KEY));
    encoded["certificate_base64"] = json!(true);
    encoded["key_base64"] = json!(true);
    let made = client.post("/api/sslkeyandcertificate", encoded).await.expect(201).json();
    assert_eq!(client.get(&path(&made)).await.json()["certificate"]["certificate"], V3);
    let authority = json!({"name": "ca", "type": "SSL_CERTIFICATE_TYPE_CA", "certificate": {"certificate": EC}});
    let authority = client.post("/api/sslkeyandcertificate", authority).await.expect(201).json();
    let mut chained = pair("chained", V3, V3_KEY);
    chained["ca_certs"] = json!([{"ca_ref": "/api/sslkeyandcertificate?name=ca"}]);
    let chained = client.post("/api/sslkeyandcertificate", chained).await.expect(201).json();
    assert!(chained["ca_certs"][0]["ca_ref"].as_str().unwrap().ends_with("#ca"));
    client.delete(&path(&authority)).await.refused(403, "['SSLKeyAndCertificate chained']");
}

/// 2.4.
#[tokio::test]
async fn a_virtual_service_alone_has_two_certificates_at_most() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    for name in ["a", "b", "c"] {
        client.post("/api/sslkeyandcertificate", pair(name, EC, EC_KEY)).await.expect(201);
    }
    let refs: Vec<_> = ["a", "b", "c"].iter().map(|name| format!("/api/sslkeyandcertificate?name={name}")).collect();
    let mut service = json!({"name": "vs", "services": [{"port": 443, "enable_ssl": true}],
        "vip": [{"ip_address": {"addr": "192.0.2.1"}}], "ssl_key_and_certificate_refs": refs});
    client.post("/api/virtualservice", service.clone()).await.refused(400, "3 certificates, 2 are possible");
    service["type"] = json!("VS_TYPE_VH_PARENT");
    service["vh_type"] = json!("VS_TYPE_VH_ENHANCED");
    let parent = client.post("/api/virtualservice", service).await.expect(201).json();
    assert_eq!(parent["ssl_key_and_certificate_refs"].as_array().unwrap().len(), 3);
}
