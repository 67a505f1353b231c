//! What others see of members, on its way down.

use super::{ConvertError, State, all, ip_from_bytes, ip_to_bytes};
use crate::sights;

/// A service and what others see of its members.
pub(crate) fn from_sights(service: &str, it: &sights::MemberSights) -> super::MemberSights {
    super::MemberSights {
        service: service.to_owned(),
        voices: it.voices.iter().map(super::SiteVoice::from).collect(),
        results: it.results.iter().map(super::SharedResult::from).collect(),
    }
}

/// The way back of [`from_sights`].
pub(crate) fn to_sights(message: super::MemberSights) -> Result<(String, sights::MemberSights), ConvertError> {
    let super::MemberSights { service, voices, results } = message;
    Ok((service, sights::MemberSights { voices: all(voices)?, results: all(results)? }))
}

impl From<&sights::SiteVoice> for super::SiteVoice {
    fn from(sights::SiteVoice { site, pool, ip, state }: &sights::SiteVoice) -> Self {
        Self { site: site.clone(), pool: pool.clone(), ip: ip_to_bytes(ip), state: State::from(*state).into() }
    }
}

impl TryFrom<super::SiteVoice> for sights::SiteVoice {
    type Error = ConvertError;
    fn try_from(super::SiteVoice { site, pool, ip, state }: super::SiteVoice) -> Result<Self, ConvertError> {
        Ok(Self { site, pool, ip: ip_from_bytes(&ip)?, state: State::known(state)? })
    }
}

impl From<&sights::SharedResult> for super::SharedResult {
    fn from(it: &sights::SharedResult) -> Self {
        let sights::SharedResult { engine, pool, ip, monitor, state, last_failure } = it;
        Self {
            engine: engine.clone(),
            pool: pool.clone(),
            ip: ip_to_bytes(ip),
            monitor: monitor.clone(),
            state: State::from(*state).into(),
            last_failure: last_failure.clone(),
        }
    }
}

impl TryFrom<super::SharedResult> for sights::SharedResult {
    type Error = ConvertError;
    fn try_from(message: super::SharedResult) -> Result<Self, ConvertError> {
        let super::SharedResult { engine, pool, ip, monitor, state, last_failure } = message;
        let ip = ip_from_bytes(&ip)?;
        Ok(Self { engine, pool, ip, monitor, state: State::known(state)?, last_failure })
    }
}

impl From<&sights::ProbingEngine> for super::ProbingEngine {
    fn from(sights::ProbingEngine { uuid, group }: &sights::ProbingEngine) -> Self {
        Self { uuid: uuid.clone(), group: group.clone() }
    }
}

impl From<super::ProbingEngine> for sights::ProbingEngine {
    fn from(super::ProbingEngine { uuid, group }: super::ProbingEngine) -> Self {
        Self { uuid, group }
    }
}
