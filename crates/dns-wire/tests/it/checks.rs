//! What must hold for any octets: shared by the property tests, the corpus test and the fuzz targets in `fuzz/`.

pub(crate) mod dns_answer_roundtrip;
pub(crate) mod dns_query;
