//! Whose logs are shown, and what they are of.

use anyhow::{Context, bail};
use avi_client::AviClient;
use serde_json::Value;

use super::text;

/// A virtual service.
#[derive(Debug)]
pub(super) struct Whose {
    /// Its uuid; what was given where the controller knows no such virtual service.
    pub(super) uuid: String,
    pub(super) name: String,
    pub(super) kind: Kind,
    /// As the controller sent it.
    pub(super) object: Value,
}

/// What a virtual service logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Answers.
    Dns,
    /// Requests.
    Http,
}

impl Whose {
    /// The one with this name or uuid. Where there is none, the question for its logs will say so.
    ///
    /// # Errors
    /// When the controller cannot be asked.
    pub(super) async fn named(given: &str, client: &AviClient, tenant: &str) -> anyhow::Result<Self> {
        for field in ["name", "uuid"] {
            let found = list(client, "virtualservice", &[(field, given)], tenant).await?;
            let Some(object) = found.into_iter().find(|object| text(object, field) == given) else { continue };
            let profile = uuid_of(text(&object, "application_profile_ref"));
            let profiles = list(client, "applicationprofile", &[("uuid", profile)], tenant).await?;
            let is_http = |profile: &&Value| text(profile, "type") == "APPLICATION_PROFILE_TYPE_HTTP";
            let kind = match profiles.iter().find(|known| text(known, "uuid") == profile).filter(is_http) {
                Some(_) => Kind::Http,
                None => Kind::Dns,
            };
            return Ok(Self::new(object, kind));
        }
        Ok(Self { uuid: given.to_owned(), name: given.to_owned(), kind: Kind::Dns, object: Value::Null })
    }

    /// The only one whose application profile is DNS.
    ///
    /// # Errors
    /// When there is none, or there are several, or the controller cannot be asked.
    pub(super) async fn only_dns(client: &AviClient, tenant: &str) -> anyhow::Result<Self> {
        let is_dns = |profile: &&Value| text(profile, "type") == "APPLICATION_PROFILE_TYPE_DNS";
        let profiles = list(client, "applicationprofile", &[], tenant).await?;
        let profiles: Vec<&str> = profiles.iter().filter(is_dns).map(|profile| text(profile, "uuid")).collect();
        let mut services = list(client, "virtualservice", &[], tenant).await?;
        services.retain(|service| profiles.contains(&uuid_of(text(service, "application_profile_ref"))));
        let only = match services.len() {
            0 => bail!("there is no DNS virtual service in tenant {tenant}: name the virtual service"),
            1 => services.pop().context("there is one")?,
            _ => {
                let names: Vec<&str> = services.iter().map(|service| text(service, "name")).collect();
                bail!("there are several DNS virtual services, name one of them: {}", names.join(", "))
            }
        };
        Ok(Self::new(only, Kind::Dns))
    }

    /// Whether the controller knows it; what it logs is a guess otherwise.
    pub(super) fn is_known(&self) -> bool {
        !self.object.is_null()
    }

    fn new(object: Value, kind: Kind) -> Self {
        Self { uuid: text(&object, "uuid").to_owned(), name: text(&object, "name").to_owned(), kind, object }
    }
}

impl Kind {
    /// Type of its logs in the API (avi-api 7.5).
    pub(super) const fn wire(self) -> &'static str {
        match self {
            Self::Dns => "0",
            Self::Http => "1",
        }
    }

    /// What holds for logs of this name: what was asked for, or the host without its port.
    pub(super) fn filter_of_name(self, name: &str) -> String {
        match self {
            Self::Dns => format!("eq(dns_fqdn,{name})"),
            Self::Http => format!("sw(host,{name})"),
        }
    }
}

async fn list(client: &AviClient, kind: &str, query: &[(&str, &str)], tenant: &str) -> anyhow::Result<Vec<Value>> {
    let query: Vec<(&str, &str)> = query.iter().copied().chain([("page_size", "1000")]).collect();
    let found = client.list(&format!("/api/{kind}"), &query, tenant).await;
    found.with_context(|| format!("reading {kind} from the controller"))
}

/// `uuid` of `https://controller/api/type/uuid#name`.
fn uuid_of(reference: &str) -> &str {
    let url = reference.split('#').next().unwrap_or_default();
    url.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_ends_with_its_uuid() {
        assert_eq!(
            uuid_of("https://10.0.0.1/api/applicationprofile/applicationprofile-1#System/DNS"),
            "applicationprofile-1"
        );
        assert_eq!([uuid_of("https://c/api/a/b"), uuid_of("")], ["b", ""]);
    }
}
