//! SSLKeyAndCertificate: a certificate, its key, its chain (avi-api 2.11).

use super::label;
use crate::{Field, Kind, MessageSchema, Names, Scope, TypeSchema};

/// `/api/sslkeyandcertificate`.
pub(super) static SSL_KEY_AND_CERTIFICATE: TypeSchema = TypeSchema {
    path: "sslkeyandcertificate",
    model: "SSLKeyAndCertificate",
    words: "SSL key and certificate",
    scope: Scope::Tenant,
    names: Names::Unique,
    message: &MessageSchema {
        name: "SSLKeyAndCertificate",
        fields: &[
            Field::one_of(
                "type",
                &["SSL_CERTIFICATE_TYPE_VIRTUALSERVICE", "SSL_CERTIFICATE_TYPE_SYSTEM", "SSL_CERTIFICATE_TYPE_CA"],
            )
            .or_str("SSL_CERTIFICATE_TYPE_VIRTUALSERVICE"),
            Field::message("certificate", &SSL_CERTIFICATE).required(),
            Field::text("key").sensitive().get_only(),
            Field::text("key_passphrase").sensitive().get_only(),
            Field::list("ca_certs", &Kind::Message(&CERTIFICATE_AUTHORITY)).keyed("ca_ref"),
            Field::one_of("status", &["SSL_CERTIFICATE_FINISHED", "SSL_CERTIFICATE_PENDING"])
                .or_str("SSL_CERTIFICATE_FINISHED"),
            Field::one_of("format", &["SSL_PEM", "SSL_PKCS12"]).or_str("SSL_PEM"),
            Field::message("key_params", &SSL_KEY_PARAMS).output_only(),
            Field::bool("certificate_base64").or_bool(false),
            Field::bool("key_base64").or_bool(false),
            Field::bool("enable_ocsp_stapling").or_bool(false),
            Field::reference("certificate_management_profile_ref", "certificatemanagementprofile"),
            Field::bool("is_federated").or_bool(false).immutable(),
            Field::text("created_by"),
            label::MARKERS,
            Field::any("dynamic_params"),
            Field::text("enckey_base64").sensitive(),
            Field::text("enckey_name"),
            Field::reference("hardwaresecuritymodulegroup_ref", "hardwaresecuritymodulegroup"),
            Field::bool("import_key_to_hsm").or_bool(false),
            Field::any("ocsp_config"),
            Field::text("ocsp_error_status").or_str("OCSP_ERR_CERTSTATUS_DISABLED"),
            Field::texts("ocsp_responder_url_list_from_certs"),
            Field::any("ocsp_response_info"),
        ],
        keep_unknown: false,
    },
};

static CERTIFICATE_AUTHORITY: MessageSchema = MessageSchema {
    name: "CertificateAuthority",
    fields: &[Field::reference("ca_ref", "sslkeyandcertificate"), Field::text("name")],
    keep_unknown: false,
};

static SSL_KEY_PARAMS: MessageSchema = MessageSchema {
    name: "SSLKeyParams",
    fields: &[
        Field::text("algorithm"),
        Field::message("rsa_params", &SSL_KEY_RSA_PARAMS),
        Field::message("ec_params", &SSL_KEY_EC_PARAMS),
    ],
    keep_unknown: false,
};

static SSL_KEY_RSA_PARAMS: MessageSchema = MessageSchema {
    name: "SSLKeyRSAParams",
    fields: &[Field::text("key_size"), Field::uint32("exponent")],
    keep_unknown: false,
};

static SSL_KEY_EC_PARAMS: MessageSchema =
    MessageSchema { name: "SSLKeyECParams", fields: &[Field::text("curve")], keep_unknown: false };

/// `SSLCertificate`: PEM text on input, the parsed members on output.
static SSL_CERTIFICATE: MessageSchema = MessageSchema {
    name: "SSLCertificate",
    fields: &[
        Field::text("version").output_only(),
        Field::text("serial_number").output_only(),
        Field::bool("self_signed").output_only(),
        Field::any("issuer").output_only(),
        Field::any("subject").output_only(),
        Field::text("signature_algorithm").output_only(),
        Field::text("not_before").output_only(),
        Field::text("not_after").output_only(),
        Field::text("fingerprint").output_only(),
        Field::texts("subject_alt_names").output_only(),
        // Follows from the day, when it is shown.
        Field::text("expiry_status").output_only(),
        // Days before the end at which warnings begin, not the days that are left.
        Field::uint32("days_until_expire").or_int(365).output_only(),
        Field::text("public_key").output_only().get_only(),
        Field::text("certificate").get_only(),
    ],
    keep_unknown: false,
};
