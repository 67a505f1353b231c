//! GslbGeoDbProfile: where clients are (avi-api 2.24), and FileObject: the files that say so (1.14).

use super::label;
use crate::{Field, Kind, MessageSchema, Names, Scope, TypeSchema};

/// `/api/gslbgeodbprofile`.
pub(super) static GSLB_GEO_DB_PROFILE: TypeSchema = TypeSchema {
    path: "gslbgeodbprofile",
    model: "GslbGeoDbProfile",
    words: "Gslb geo db profile",
    scope: Scope::Tenant,
    names: Names::Unique,
    message: &MessageSchema {
        name: "GslbGeoDbProfile",
        fields: &[
            Field::list("entries", &Kind::Message(&ENTRY)).required(),
            Field::bool("is_federated").or_bool(true).immutable(),
            Field::text("description"),
            label::MARKERS,
        ],
        keep_unknown: false,
    },
};

static ENTRY: MessageSchema = MessageSchema {
    name: "GslbGeoDbEntry",
    fields: &[
        Field::message("file", &FILE).required(),
        // Higher first.
        Field::int("priority", 1, 100).or_int(10),
    ],
    keep_unknown: false,
};

static FILE: MessageSchema = MessageSchema {
    name: "GslbGeoDbFile",
    fields: &[
        // Of the directory `gslb`.
        Field::text("filename"),
        // Uuid of the file object.
        Field::text("file_id"),
        Field::one_of(
            "format",
            &[
                "GSLB_GEODB_FILE_FORMAT_AVI",
                "GSLB_GEODB_FILE_FORMAT_MAXMIND_CITY",
                "GSLB_GEODB_FILE_FORMAT_MAXMIND_CITY_V6",
                "GSLB_GEODB_FILE_FORMAT_MAXMIND_CITY_V4_AND_V6",
                "GSLB_GEODB_FILE_FORMAT_AVI_V6",
                "GSLB_GEODB_FILE_FORMAT_AVI_V4_AND_V6",
            ],
        )
        .or_str("GSLB_GEODB_FILE_FORMAT_AVI"),
        Field::text("checksum"),
        Field::uint64("timestamp"),
    ],
    keep_unknown: false,
};

/// `/api/fileobject`: made by an upload, which says all of it. What a file holds is beside it, and follows a
/// federated one to all sites.
pub(super) static FILE_OBJECT: TypeSchema = TypeSchema {
    path: "fileobject",
    model: "FileObject",
    words: "File object",
    scope: Scope::Tenant,
    names: Names::Unique,
    message: &MessageSchema {
        name: "FileObject",
        fields: &[
            // `controller://gslb/places.csv`
            Field::text("path"),
            // Hexadecimal SHA-256.
            Field::text("checksum"),
            // Octets.
            Field::uint64("size"),
            // Microseconds since the epoch.
            Field::uint64("created"),
            Field::bool("is_federated").or_bool(false).immutable(),
            Field::text("description"),
        ],
        keep_unknown: false,
    },
};
