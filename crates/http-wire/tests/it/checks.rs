//! What must hold for any octets, shared with the fuzz targets.

pub(crate) mod http_chunked;
pub(crate) mod http_request_framing;
pub(crate) mod http_response;
