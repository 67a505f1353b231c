//! `poolAlgorithmSettings` (amko 2.4).

use k8s_crds::{GeoFallback, PoolAlgorithmSettings};

use crate::desired::PoolAlgorithm;

/// Why the settings are invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each text says what its variant is")]
pub enum PoolAlgorithmError {
    #[error("geoFallback not allowed for {0}")]
    FallbackNotAllowed(String),
    #[error("hashMask not allowed for {0}")]
    MaskNotAllowed(String),
    #[error("geoFallback is not allowed with ConsistentHash")]
    HashWithFallback,
    #[error("hashMask is required for ConsistentHash")]
    HashWithoutMask,
    #[error("geoFallback has to be set for Geo, available choices: RoundRobin, ConsistentHash")]
    GeoWithoutFallback,
    #[error("hashMask is not allowed with {0} as geoFallback algorithm")]
    FallbackMaskNotAllowed(String),
    #[error("hashMask is required for {0} as the geoFallback algorithm")]
    FallbackWithoutMask(String),
    #[error("unsupported algorithm {0} for geoFallback")]
    FallbackUnsupported(String),
    #[error("unsupported lbAlgorithm {0}")]
    Unsupported(String),
    /// The schema's limit, which a manifest in a directory does not pass through.
    #[error("hashMask {0} must be between 1 and 31")]
    MaskRange(i64),
}

const ROUND_ROBIN: &str = "GSLB_ALGORITHM_ROUND_ROBIN";
const CONSISTENT_HASH: &str = "GSLB_ALGORITHM_CONSISTENT_HASH";
const TOPOLOGY: &str = "GSLB_ALGORITHM_TOPOLOGY";
const GEO: &str = "GSLB_ALGORITHM_GEO";

pub(crate) fn validate(settings: Option<&PoolAlgorithmSettings>) -> Result<PoolAlgorithm, PoolAlgorithmError> {
    let Some(settings) = settings else { return Ok(PoolAlgorithm::RoundRobin) };
    let name = || settings.lb_algorithm.clone();
    match settings.lb_algorithm.as_str() {
        ROUND_ROBIN | TOPOLOGY => {
            if settings.geo_fallback.is_some() {
                return Err(PoolAlgorithmError::FallbackNotAllowed(name()));
            }
            if settings.hash_mask.is_some() {
                return Err(PoolAlgorithmError::MaskNotAllowed(name()));
            }
            Ok(if settings.lb_algorithm == TOPOLOGY { PoolAlgorithm::Topology } else { PoolAlgorithm::RoundRobin })
        }
        CONSISTENT_HASH => {
            if settings.geo_fallback.is_some() {
                return Err(PoolAlgorithmError::HashWithFallback);
            }
            let mask = settings.hash_mask.ok_or(PoolAlgorithmError::HashWithoutMask)?;
            Ok(PoolAlgorithm::ConsistentHash { mask: hash_mask(mask)? })
        }
        // A mask beside the fallback is accepted and means nothing.
        GEO => geo(settings.geo_fallback.as_ref().ok_or(PoolAlgorithmError::GeoWithoutFallback)?),
        _ => Err(PoolAlgorithmError::Unsupported(name())),
    }
}

fn geo(fallback: &GeoFallback) -> Result<PoolAlgorithm, PoolAlgorithmError> {
    let name = || fallback.lb_algorithm.clone();
    match (fallback.lb_algorithm.as_str(), fallback.hash_mask) {
        (ROUND_ROBIN, None) => Ok(PoolAlgorithm::Geo { fallback_mask: None }),
        (ROUND_ROBIN, Some(_)) => Err(PoolAlgorithmError::FallbackMaskNotAllowed(name())),
        (CONSISTENT_HASH, Some(mask)) => Ok(PoolAlgorithm::Geo { fallback_mask: Some(hash_mask(mask)?) }),
        (CONSISTENT_HASH, None) => Err(PoolAlgorithmError::FallbackWithoutMask(name())),
        _ => Err(PoolAlgorithmError::FallbackUnsupported(name())),
    }
}

fn hash_mask(mask: i64) -> Result<u8, PoolAlgorithmError> {
    u8::try_from(mask).ok().filter(|mask| (1..=31).contains(mask)).ok_or(PoolAlgorithmError::MaskRange(mask))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(
        algorithm: &str,
        mask: Option<i64>,
        fallback: Option<(&str, Option<i64>)>,
        expected: Result<PoolAlgorithm, &str>,
    ) {
        let settings = PoolAlgorithmSettings {
            lb_algorithm: algorithm.to_owned(),
            hash_mask: mask,
            geo_fallback: fallback
                .map(|(lb_algorithm, hash_mask)| GeoFallback { lb_algorithm: lb_algorithm.to_owned(), hash_mask }),
        };
        assert_eq!(validate(Some(&settings)).map_err(|error| error.to_string()), expected.map_err(str::to_owned));
    }

    #[test]
    fn valid_settings_are_taken() {
        assert_eq!(validate(None), Ok(PoolAlgorithm::RoundRobin));
        check(ROUND_ROBIN, None, None, Ok(PoolAlgorithm::RoundRobin));
        check(TOPOLOGY, None, None, Ok(PoolAlgorithm::Topology));
        check(CONSISTENT_HASH, Some(20), None, Ok(PoolAlgorithm::ConsistentHash { mask: 20 }));
        check(GEO, None, Some((ROUND_ROBIN, None)), Ok(PoolAlgorithm::Geo { fallback_mask: None }));
        check(GEO, Some(9), Some((CONSISTENT_HASH, Some(8))), Ok(PoolAlgorithm::Geo { fallback_mask: Some(8) }));
    }

    #[test]
    fn each_mistake_has_its_text() {
        check(
            ROUND_ROBIN,
            None,
            Some((ROUND_ROBIN, None)),
            Err("geoFallback not allowed for GSLB_ALGORITHM_ROUND_ROBIN"),
        );
        check(TOPOLOGY, Some(3), None, Err("hashMask not allowed for GSLB_ALGORITHM_TOPOLOGY"));
        check(CONSISTENT_HASH, Some(3), Some((GEO, None)), Err("geoFallback is not allowed with ConsistentHash"));
        check(CONSISTENT_HASH, None, None, Err("hashMask is required for ConsistentHash"));
        check(CONSISTENT_HASH, Some(32), None, Err("hashMask 32 must be between 1 and 31"));
        check(GEO, None, None, Err("geoFallback has to be set for Geo, available choices: RoundRobin, ConsistentHash"));
        check(
            GEO,
            None,
            Some((ROUND_ROBIN, Some(1))),
            Err("hashMask is not allowed with GSLB_ALGORITHM_ROUND_ROBIN as geoFallback algorithm"),
        );
        check(
            GEO,
            None,
            Some((CONSISTENT_HASH, None)),
            Err("hashMask is required for GSLB_ALGORITHM_CONSISTENT_HASH as the geoFallback algorithm"),
        );
        check(GEO, None, Some((TOPOLOGY, None)), Err("unsupported algorithm GSLB_ALGORITHM_TOPOLOGY for geoFallback"));
        check("X", None, None, Err("unsupported lbAlgorithm X"));
    }
}
