//! What the ConfigMap and the Secret tell the operator to do (ako 1.8, 1.9).
//!
//! Pure. Everything that is amiss is named at once.

use std::collections::BTreeMap;
use std::time::Duration;

use ako_translate::Settings;
use avi_client::{Config, Verification};

/// ConfigMap with the settings.
pub(crate) const CONFIG_MAP: &str = "avi-k8s-config";
/// Secret with the credentials.
pub(crate) const SECRET: &str = "avi-secret";

/// Time between two readings of the controller where nobody says otherwise; ako 1.8.
const FULL_SYNC: Duration = Duration::from_secs(1800);
/// Stands for "never".
const NEVER: Duration = Duration::from_secs(100 * 365 * 86_400);

/// What to do, and with which controller.
#[derive(Clone, PartialEq)]
pub(crate) struct Instructions {
    pub(crate) settings: Settings,
    /// `deleteConfig`: everything of ours has to go.
    pub(crate) deletes: bool,
    /// `vrfName`.
    pub(crate) vrf: Option<String>,
    /// `fullSyncFrequency`.
    pub(crate) full_sync: Duration,
    pub(crate) controller: Config,
}

/// What the operator was started with, as far as it matters here.
pub(crate) struct Given {
    pub(crate) namespace: String,
    pub(crate) controller: Option<Config>,
    pub(crate) tls: Option<Verification>,
}

/// Entries of ConfigMap and Secret; `None` while there is none.
pub(crate) type Values = Option<BTreeMap<String, String>>;

/// Reads them.
///
/// # Errors
/// All that is amiss: what, where, and what to do.
pub(crate) fn read(config_map: &Values, secret: &Values, given: &Given) -> Result<Instructions, Vec<String>> {
    let place = format!("ConfigMap {}/{CONFIG_MAP}", given.namespace);
    let Some(values) = config_map else {
        return Err(vec![format!("{place} does not exist; create it, it holds the operator's settings")]);
    };
    let text = |key: &str| values.get(key).map(|value| value.trim()).filter(|value| !value.is_empty());
    let mut errors = Vec::new();
    let settings = Settings::parse(values, &given.namespace)
        .map_err(|found| errors.extend(found.iter().map(|error| format!("{place}: {error}"))));
    let deletes = match text("deleteConfig").map(str::to_lowercase).as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(other) => {
            errors.push(format!("{place}: deleteConfig is `{other}`, expected true or false"));
            false
        }
    };
    // A value that is no number disables it, as 0 does (ako 1.5).
    let full_sync = match text("fullSyncFrequency").map(str::parse::<u64>) {
        None => FULL_SYNC,
        Some(Ok(seconds)) if seconds > 0 => Duration::from_secs(seconds),
        Some(_) => NEVER,
    };
    let controller = match &given.controller {
        Some(controller) => Ok(controller.clone()),
        None => controller(text("controllerIP").or(text("CTRL_IPADDRESS")), secret, given, &place)
            .map_err(|found| errors.extend(found)),
    };
    match (settings, controller) {
        (Ok(settings), Ok(mut controller)) if errors.is_empty() => {
            controller.user_agent = "AKO".to_owned();
            let vrf = text("vrfName").or(text("VRF_NAME")).map(str::to_owned);
            Ok(Instructions { settings, deletes, vrf, full_sync, controller })
        }
        _ => Err(errors),
    }
}

fn controller(address: Option<&str>, secret: &Values, given: &Given, place: &str) -> Result<Config, Vec<String>> {
    let mut errors = Vec::new();
    if address.is_none() {
        errors.push(format!("{place}: controllerIP is not set; name the controller's address, HOST or HOST:PORT"));
    }
    let origin = format!("Secret {}/{SECRET}", given.namespace);
    let Some(secret) = secret else {
        errors.push(format!(
            "{origin} does not exist; create it with username, password (or authtoken) and certificateAuthorityData"
        ));
        return Err(errors);
    };
    let text = |key: &str| secret.get(key).map(|value| value.trim()).filter(|value| !value.is_empty());
    let (password, token) = (text("password"), text("authtoken"));
    if text("username").is_none() || (password.is_none() && token.is_none()) {
        errors.push(format!("{origin} lacks username, or both password and authtoken; add them"));
    }
    let tls = match (text("certificateAuthorityData"), &given.tls) {
        (Some(authority), _) => Some(Verification::CaPem(authority.as_bytes().to_vec())),
        (None, tls) => tls.clone(),
    };
    if tls.is_none() {
        errors.push(format!(
            "{origin} has no certificateAuthorityData; add it, or start the operator with --ca or --insecure"
        ));
    }
    match (address, text("username"), tls) {
        (Some(address), Some(username), Some(tls)) if errors.is_empty() => {
            let mut config = Config::new(address, username, password.unwrap_or_default(), tls);
            config.token = token.map(str::to_owned);
            Ok(config)
        }
        _ => Err(errors),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(change: &[(&str, &str)]) -> Values {
        let usual = [
            ("clusterName", "s1az1"),
            ("enableEVH", "true"),
            ("controllerIP", "10.0.0.1"),
            ("vipNetworkList", r#"[{"networkName":"front"}]"#),
        ];
        Some(usual.iter().chain(change).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    fn secret(entries: &[(&str, &str)]) -> Values {
        Some(entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    fn given() -> Given {
        Given { namespace: "avi-system".to_owned(), controller: None, tls: None }
    }

    const FULL: [(&str, &str); 3] = [("username", "u"), ("password", "p"), ("certificateAuthorityData", "pem")];

    #[test]
    fn everything_that_is_amiss_is_named_at_once_with_its_place() {
        let errors = read(&values(&[("enableEVH", "false"), ("controllerIP", "")]), &None, &given()).err().unwrap();
        let expected = [
            "ConfigMap avi-system/avi-k8s-config: enableEVH `false`",
            "controllerIP is not set",
            "Secret avi-system/avi-secret does not exist",
        ];
        assert_eq!(errors.len(), expected.len(), "{errors:?}");
        for (error, part) in errors.iter().zip(expected) {
            assert!(error.contains(part), "{error}");
        }
        let errors = read(&None, &None, &given()).err().unwrap();
        assert!(errors[0].contains("does not exist; create it"), "{errors:?}");
    }

    #[test]
    fn a_token_takes_the_place_of_the_password_and_no_certificate_is_refused() {
        let with_token = read(&values(&[]), &secret(&[FULL[0], FULL[2], ("authtoken", "t")]), &given()).ok().unwrap();
        assert_eq!(with_token.controller.token.as_deref(), Some("t"));
        let errors = read(&values(&[]), &secret(&FULL[..2]), &given()).err().unwrap();
        assert!(errors[0].contains("--insecure"), "{errors:?}");
        let insecure = Given { tls: Some(Verification::Insecure), ..given() };
        assert!(read(&values(&[]), &secret(&FULL[..2]), &insecure).is_ok());
    }

    #[test]
    fn a_full_sync_that_is_zero_or_no_number_never_comes() {
        let full_sync =
            |value| read(&values(&[("fullSyncFrequency", value)]), &secret(&FULL), &given()).ok().unwrap().full_sync;
        assert_eq!((full_sync(""), full_sync("60")), (FULL_SYNC, Duration::from_secs(60)));
        assert_eq!((full_sync("0"), full_sync("often")), (NEVER, NEVER));
    }
}
