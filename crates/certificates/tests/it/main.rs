//! What certificates and keys say, against files that OpenSSL made (`tests/data/README.md`).

use certificates::{Certificate, CertificateError, KeyError, KeyKind, PrivateKey, date, seconds};

const V3: &str = include_str!("../data/v3.pem");
const V3_KEY: &str = include_str!("../data/v3.key");
const V1: &str = include_str!("../data/v1.pem");
const V1_KEY: &str = include_str!("../data/v1.key");
const EC: &str = include_str!("../data/ec.pem");
const EC_KEY: &str = include_str!("../data/ec.key");
const ENCRYPTED_KEY: &str = include_str!("../data/encrypted.key");

#[test]
fn a_certificate_says_who_what_and_until_when() {
    let certificate = Certificate::parse(V3).unwrap();
    assert_eq!(certificate.version, 2);
    assert_eq!(certificate.serial_number, "175420879822873717955936787023600522980491152409");
    let subject = &certificate.subject;
    let named = |name: &Option<String>| name.clone().unwrap();
    assert_eq!(named(&subject.common_name), "www.example.com");
    assert_eq!(
        (named(&subject.country), named(&subject.state), named(&subject.locality)),
        ("US".into(), "CA".into(), "Palo Alto".into())
    );
    assert_eq!((named(&subject.organization), named(&subject.organization_unit)), ("Example".into(), "Web".into()));
    assert_eq!(named(&subject.email_address), "a@example.com");
    assert!(subject.distinguished_name.starts_with("C=US, ST=CA, L=Palo Alto, O=Example"), "{subject:?}");
    assert!(certificate.is_self_signed());
    assert_eq!(certificate.signature_algorithm, "sha256WithRSAEncryption");
    assert_eq!(certificate.key, KeyKind::Rsa { bits: 2048, exponent: 65_537 });
    assert_eq!(certificate.subject_alt_names, ["www.example.com", "192.0.2.1"]);
    assert_eq!(certificate.fingerprint(), "E5:CD:4D:80:F5:16:10:5A:60:F0:57:10:78:80:22:9C:F0:A6:84:56");
    assert_eq!(certificate.not_after - certificate.not_before, 3650 * 86_400);
    assert!(certificate.public_key_pem().starts_with("-----BEGIN PUBLIC KEY-----\nMIIBIjAN"));
}

#[test]
fn version_1_is_read_like_any_other() {
    let certificate = Certificate::parse(V1).unwrap();
    assert_eq!((certificate.version, certificate.subject_alt_names.len()), (0, 0));
    assert_eq!(certificate.subject.common_name.as_deref(), Some("hackazon.avi.iberia.local"));
    PrivateKey::parse(V1_KEY).unwrap().belongs_to(&certificate).unwrap();
}

#[test]
fn an_elliptic_curve_is_named() {
    let certificate = Certificate::parse(EC).unwrap();
    assert_eq!(certificate.key, KeyKind::Ec("SECP256R1".to_owned()));
    assert_eq!(certificate.signature_algorithm, "ecdsa-with-SHA256");
    PrivateKey::parse(EC_KEY).unwrap().belongs_to(&certificate).unwrap();
}

#[test]
fn a_key_belongs_to_its_own_certificate_only() {
    let keys = [V3_KEY, V1_KEY, EC_KEY].map(|pem| PrivateKey::parse(pem).unwrap());
    let certificates = [V3, V1, EC].map(|pem| Certificate::parse(pem).unwrap());
    for (a, key) in keys.iter().enumerate() {
        for (b, certificate) in certificates.iter().enumerate() {
            let expected = if a == b { Ok(()) } else { Err(KeyError::Mismatch) };
            assert_eq!(key.belongs_to(certificate), expected, "{a} {b}");
        }
    }
}

#[test]
fn of_a_chain_the_first_certificate_counts() {
    assert_eq!(Certificate::parse(&format!("{EC}{V3}")).unwrap(), Certificate::parse(EC).unwrap());
}

#[test]
fn what_is_none_is_told_apart() {
    assert!(matches!(Certificate::parse("garbage"), Err(CertificateError::Pem(_))));
    let hollow = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(matches!(Certificate::parse(hollow), Err(CertificateError::Der(_))));
    assert!(matches!(PrivateKey::parse("garbage"), Err(KeyError::Pem)));
    assert!(matches!(PrivateKey::parse(ENCRYPTED_KEY), Err(KeyError::Encrypted)));
    let hollow = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    assert!(matches!(PrivateKey::parse(hollow), Err(KeyError::Unusable)));
}

#[test]
fn no_cut_of_a_certificate_or_key_panics() {
    for text in [V3, V1, EC, V3_KEY, EC_KEY] {
        for end in 0..text.len() {
            let cut = format!("{}\n-----END CERTIFICATE-----\n", &text[..end]);
            let _ = (Certificate::parse(&cut), PrivateKey::parse(&cut));
        }
    }
}

#[test]
fn dates_are_in_utc() {
    assert_eq!(seconds("2024-01-01 10:00:00"), Some(1_704_103_200));
    assert_eq!(seconds("soon"), None);
    assert_eq!(date(0), "1970-01-01 00:00:00");
    assert_eq!(date(1_704_103_200), "2024-01-01 10:00:00");
    assert_eq!(date(i64::MAX), i64::MAX.to_string());
}
