//! `downResponse` (amko 2.5).

use std::net::IpAddr;

use crate::desired::DownResponse;

/// Why the setting is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each text says what its variant is")]
pub enum DownResponseError {
    #[error("Fallback IP is required for GSLB_SERVICE_DOWN_RESPONSE_FALLBACK_IP")]
    Required,
    #[error("Fallback IP {0} is not valid")]
    NotAnAddress(String),
    #[error("Fallback IP is not allowed for {0}")]
    NotAllowed(String),
    /// The schema's enumeration, which a manifest in a directory does not pass through.
    #[error("unsupported type {0}")]
    Unsupported(String),
}

pub(crate) fn validate(setting: Option<&k8s_crds::DownResponse>) -> Result<Option<DownResponse>, DownResponseError> {
    let Some(setting) = setting else { return Ok(None) };
    let address = setting.fallback_ip.as_deref().filter(|text| !text.is_empty());
    let plain = |response| match address {
        Some(_) => Err(DownResponseError::NotAllowed(setting.kind.clone())),
        None => Ok(Some(response)),
    };
    match setting.kind.as_str() {
        "GSLB_SERVICE_DOWN_RESPONSE_FALLBACK_IP" => {
            let text = address.ok_or(DownResponseError::Required)?;
            let address: IpAddr = text.parse().map_err(|_| DownResponseError::NotAnAddress(text.to_owned()))?;
            Ok(Some(DownResponse::FallbackIp(address)))
        }
        "GSLB_SERVICE_DOWN_RESPONSE_NONE" => plain(DownResponse::None),
        "GSLB_SERVICE_DOWN_RESPONSE_ALL_RECORDS" => plain(DownResponse::AllRecords),
        "GSLB_SERVICE_DOWN_RESPONSE_EMPTY" => plain(DownResponse::Empty),
        _ => Err(DownResponseError::Unsupported(setting.kind.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: &str, address: Option<&str>, expected: Result<DownResponse, &str>) {
        let setting = k8s_crds::DownResponse {
            kind: format!("GSLB_SERVICE_DOWN_RESPONSE_{kind}"),
            fallback_ip: address.map(str::to_owned),
        };
        let result = validate(Some(&setting)).map_err(|error| error.to_string());
        assert_eq!(result, expected.map(Some).map_err(str::to_owned));
    }

    // catalogue amko: 79
    #[test]
    fn kinds_and_their_mistakes() {
        check("NONE", None, Ok(DownResponse::None));
        check("ALL_RECORDS", None, Ok(DownResponse::AllRecords));
        check("EMPTY", None, Ok(DownResponse::Empty));
        check(
            "ALL_RECORDS",
            Some("10.0.0.1"),
            Err("Fallback IP is not allowed for GSLB_SERVICE_DOWN_RESPONSE_ALL_RECORDS"),
        );
        check("EMPTY", Some("10.0.0.1"), Err("Fallback IP is not allowed for GSLB_SERVICE_DOWN_RESPONSE_EMPTY"));
        check("FALLBACK_IP", Some("10.0.0.1"), Ok(DownResponse::FallbackIp([10, 0, 0, 1].into())));
        check("FALLBACK_IP", None, Err("Fallback IP is required for GSLB_SERVICE_DOWN_RESPONSE_FALLBACK_IP"));
        check("FALLBACK_IP", Some("x"), Err("Fallback IP x is not valid"));
        check("OTHER", None, Err("unsupported type GSLB_SERVICE_DOWN_RESPONSE_OTHER"));
    }
}
