//! `GslbGeoLocation`: where a site or member stands (avi-api 2.22).

use crate::{Field, MessageSchema};

/// `GeoLocation`: degrees.
pub(super) static GEO_LOCATION: MessageSchema = MessageSchema {
    name: "GeoLocation",
    fields: &[Field::text("name"), Field::text("tag"), Field::float("latitude"), Field::float("longitude")],
    keep_unknown: false,
};

/// `GslbGeoLocation`. Latitude is -90 to 90, longitude -180 to 180 degrees.
pub(super) static GSLB_GEO_LOCATION: MessageSchema = MessageSchema {
    name: "GslbGeoLocation",
    fields: &[
        Field::one_of(
            "source",
            &[
                "GSLB_LOCATION_SRC_USER_CONFIGURED",
                "GSLB_LOCATION_SRC_INHERIT_FROM_SITE",
                "GSLB_LOCATION_SRC_FROM_GEODB",
            ],
        )
        .required(),
        Field::message("location", &GEO_LOCATION),
    ],
    keep_unknown: false,
};
