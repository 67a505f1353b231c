//! What must hold for any text, shared with the fuzz targets.

pub(crate) mod http_policy;
