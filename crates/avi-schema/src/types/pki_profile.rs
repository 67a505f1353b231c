//! PKIProfile: certificate authorities to trust (avi-api 2.11).

use super::label;
use crate::{Field, Kind, MessageSchema, Names, Scope, TypeSchema};

/// `/api/pkiprofile`.
pub(super) static PKI_PROFILE: TypeSchema = TypeSchema {
    path: "pkiprofile",
    model: "PKIProfile",
    words: "PKI profile",
    scope: Scope::TenantShared,
    names: Names::Unique,
    message: &MessageSchema {
        name: "PKIProfile",
        fields: &[
            Field::list("ca_certs", &Kind::Message(&SSL_CERTIFICATE)),
            Field::list("crls", &Kind::Message(&CRL)),
            Field::bool("crl_check").or_bool(true),
            Field::bool("ignore_peer_chain"),
            Field::bool("validate_only_leaf_crl").or_bool(true),
            Field::bool("is_federated").or_bool(false).immutable(),
            Field::text("created_by"),
            label::MARKERS,
            Field::any("allow_pki_errors"),
        ],
        keep_unknown: false,
    },
};

/// `SSLCertificate`: PEM text on input, the parsed members on output.
static SSL_CERTIFICATE: MessageSchema = MessageSchema {
    name: "SSLCertificate",
    fields: &[
        Field::text("certificate"),
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
        Field::text("expiry_status").output_only(),
        Field::uint32("days_until_expire").output_only(),
        Field::text("public_key").output_only(),
        Field::text("text").output_only(),
    ],
    keep_unknown: false,
};

static CRL: MessageSchema = MessageSchema {
    name: "CRL",
    fields: &[
        Field::text("server_url"),
        // Minutes.
        Field::uint32("update_interval"),
        Field::text("body"),
    ],
    keep_unknown: true,
};
