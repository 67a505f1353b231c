//! SSLKeyAndCertificate: what the certificate says, and that the key belongs to it (avi-api 2.11).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use certificates::{Certificate, KeyKind, Name, PrivateKey, date};
use serde_json::{Map, Value, json};

use super::{Draft, Show, TypeRules};
use crate::error::WriteError;
use crate::object::Object;

/// A certificate with less left than this is about to expire.
const EXPIRY_WARNING_S: i64 = 30 * 86_400;

pub(super) struct SslKeyAndCertificate;

impl TypeRules for SslKeyAndCertificate {
    fn complete(&self, draft: &mut Draft<'_>) -> Result<(), WriteError> {
        let (before, now_s) = (draft.before, draft.context.now_us.div_euclid(1_000_000));
        let body = &mut draft.object.body;
        if body.get("format").and_then(Value::as_str) == Some("SSL_PKCS12") {
            return Err(WriteError::invalid("format", "SSL_PKCS12 is not read by this release: send PEM"));
        }
        if body.get("key_passphrase").and_then(Value::as_str).is_some_and(|text| !text.is_empty()) {
            return Err(WriteError::invalid("key_passphrase", "encrypted keys are not read by this release"));
        }
        let at = "certificate.certificate";
        let pem = body.get("certificate").and_then(|certificate| certificate.get("certificate")?.as_str());
        let pem = pem.ok_or_else(|| WriteError::Required(at.to_owned()))?;
        let pem = plain(pem, body, "certificate_base64", at)?;
        let certificate = Certificate::parse(&pem).map_err(|error| import_error(&error))?;
        // A replace that leaves the key out keeps it, like one that sends the mask.
        let key = body.get("key").or_else(|| before.and_then(|before| before.body.get("key")));
        match key.and_then(Value::as_str).map(str::to_owned) {
            Some(key) => {
                let is_stored =
                    before.is_some_and(|before| before.body.get("key").and_then(Value::as_str) == Some(&key));
                let key = if is_stored { key } else { plain(&key, body, "key_base64", "key")? };
                let parsed = PrivateKey::parse(&key).and_then(|parsed| parsed.belongs_to(&certificate));
                parsed.map_err(|error| WriteError::invalid("key", error.to_string()))?;
                body.insert("key".to_owned(), Value::from(key));
            }
            None if body.get("type").and_then(Value::as_str) == Some("SSL_CERTIFICATE_TYPE_CA") => {}
            None => return Err(WriteError::Required("key".to_owned())),
        }
        body.insert("certificate_base64".to_owned(), Value::Bool(false));
        body.insert("key_base64".to_owned(), Value::Bool(false));
        body.insert("key_params".to_owned(), key_params(&certificate.key));
        let warnings = warnings(&certificate, &draft.object.name, now_s);
        draft.object.body.insert("certificate".to_owned(), Value::Object(described(&certificate, pem)));
        draft.warnings.extend(warnings);
        Ok(())
    }

    fn show(&self, show: &mut Show<'_>, _object: &Object) {
        let now_s = show.options.now_us.div_euclid(1_000_000);
        if let Some(Value::Object(certificate)) = show.shown.get_mut("certificate") {
            let until = certificate.get("not_after").and_then(Value::as_str).and_then(certificates::seconds);
            if let Some(until) = until {
                certificate.insert("expiry_status".to_owned(), Value::from(expiry_status(until - now_s)));
            }
        }
    }
}

/// The text itself, or what it encodes when the flag says so.
fn plain(text: &str, body: &Map<String, Value>, flag: &str, at: &str) -> Result<String, WriteError> {
    if body.get(flag).and_then(Value::as_bool) != Some(true) || text.contains("-----BEGIN") {
        return Ok(text.to_owned());
    }
    let compact: String = text.split_whitespace().collect();
    let bytes = STANDARD.decode(compact).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    bytes.ok_or_else(|| WriteError::invalid(at, format!("is not base64 of PEM, although {flag} says so")))
}

/// Operators stop trying a certificate when they read both phrases, with the status 500 (avi-api 1.12, 2.13).
fn import_error(error: &certificates::CertificateError) -> WriteError {
    WriteError::Import(format!(
        "certificate.certificate: {error}, so it has no common_name; send the certificate as PEM, the server's own first"
    ))
}

fn warnings(certificate: &Certificate, name: &str, now_s: i64) -> Vec<String> {
    let mut warnings = Vec::new();
    if certificate.version == 0 {
        warnings.push(format!(
            "the certificate {name} is of X.509 version 1: it names no hosts, and some clients refuse it"
        ));
    }
    if certificate.not_after < now_s {
        warnings.push(format!("the certificate {name} expired on {}", date(certificate.not_after)));
    }
    warnings
}

/// What of `certificate` clients read, and the text itself.
fn described(certificate: &Certificate, pem: String) -> Map<String, Value> {
    let described = json!({
        "certificate": pem,
        "version": certificate.version.to_string(),
        "serial_number": certificate.serial_number,
        "self_signed": certificate.is_self_signed(),
        "issuer": name(&certificate.issuer),
        "subject": name(&certificate.subject),
        "signature_algorithm": certificate.signature_algorithm,
        "not_before": date(certificate.not_before),
        "not_after": date(certificate.not_after),
        "fingerprint": format!("SHA1 Fingerprint={}\n", certificate.fingerprint()),
        "public_key": certificate.public_key_pem(),
    });
    let mut described = match described {
        Value::Object(described) => described,
        _ => Map::new(),
    };
    if !certificate.subject_alt_names.is_empty() {
        described.insert("subject_alt_names".to_owned(), json!(certificate.subject_alt_names));
    }
    described
}

fn name(name: &Name) -> Value {
    let members = [
        ("common_name", &name.common_name),
        ("organization", &name.organization),
        ("organization_unit", &name.organization_unit),
        ("locality", &name.locality),
        ("state", &name.state),
        ("country", &name.country),
        ("email_address", &name.email_address),
    ];
    let mut shown: Map<String, Value> = members
        .into_iter()
        .filter_map(|(member, value)| Some((member.to_owned(), Value::from(value.clone()?))))
        .collect();
    shown.insert("distinguished_name".to_owned(), Value::from(name.distinguished_name.clone()));
    Value::Object(shown)
}

fn key_params(key: &KeyKind) -> Value {
    match key {
        KeyKind::Rsa { bits, exponent } => {
            let size = format!("SSL_KEY_{bits}_BITS");
            json!({"algorithm": "SSL_KEY_ALGORITHM_RSA", "rsa_params": {"key_size": size, "exponent": exponent}})
        }
        KeyKind::Ec(curve) => {
            let curve = format!("SSL_KEY_EC_CURVE_{curve}");
            json!({"algorithm": "SSL_KEY_ALGORITHM_EC", "ec_params": {"curve": curve}})
        }
        KeyKind::Other(algorithm) => json!({ "algorithm": algorithm }),
    }
}

fn expiry_status(left_s: i64) -> &'static str {
    match left_s {
        ..0 => "SSL_CERTIFICATE_EXPIRED",
        0..EXPIRY_WARNING_S => "SSL_CERTIFICATE_EXPIRY_WARNING",
        _ => "SSL_CERTIFICATE_GOOD",
    }
}
