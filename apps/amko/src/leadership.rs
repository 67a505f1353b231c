//! Who leads the sites, and where it is (amko 7.6, avi-api 2.22).

use serde_json::Value;

/// What a controller says about itself and its sites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leadership {
    /// UUID of the one that was asked.
    pub(crate) own: String,
    /// UUID of the one that leads.
    pub(crate) leader: String,
    /// Sites that hold the configuration: the active members that are not disabled.
    pub(crate) sites: Vec<Site>,
}

/// A site's controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Site {
    pub(crate) name: String,
    pub(crate) uuid: String,
    /// `host:port`, a host of IPv6 in brackets; in the order of the Gslb object.
    pub(crate) addresses: Vec<String>,
}

impl Leadership {
    /// From the answers of `/api/cluster` and `/api/gslb`.
    ///
    /// # Errors
    /// What is missing in them.
    pub(crate) fn from_bodies(cluster: &Value, gslb: &Value) -> Result<Self, String> {
        let gslb = &gslb["results"][0];
        let leader = gslb["leader_cluster_uuid"].as_str();
        let leader = leader.ok_or_else(|| "the controller has no GSLB configuration; create it first".to_owned())?;
        let own = cluster["uuid"].as_str().ok_or_else(|| "/api/cluster names no uuid".to_owned())?;
        let sites = gslb["sites"].as_array().into_iter().flatten().filter_map(site);
        Ok(Self { own: own.to_owned(), leader: leader.to_owned(), sites: sites.collect() })
    }

    /// Whether the one that was asked leads.
    pub(crate) fn leads(&self) -> bool {
        self.own == self.leader
    }

    /// The site that leads, where it is among the sites.
    pub(crate) fn leader_site(&self) -> Option<&Site> {
        self.sites.iter().find(|site| site.uuid == self.leader)
    }
}

/// `None` for a site that cannot lead, or says nothing that leads to it.
fn site(body: &Value) -> Option<Site> {
    const DEFAULT_PORT: u64 = 443;
    let is_passive = body["member_type"] == "GSLB_PASSIVE_MEMBER";
    if is_passive || body["enabled"] == Value::Bool(false) {
        return None;
    }
    let port = body["port"].as_u64().unwrap_or(DEFAULT_PORT);
    let addresses = body["ip_addresses"].as_array().into_iter().flatten().filter_map(|address| {
        let address = address["addr"].as_str().filter(|address| !address.is_empty())?;
        Some(if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") })
    });
    let (uuid, name) = (body["cluster_uuid"].as_str()?, body["name"].as_str().unwrap_or_default());
    Some(Site { name: name.to_owned(), uuid: uuid.to_owned(), addresses: addresses.collect() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sites_that_can_lead_are_known_with_their_addresses() {
        let gslb = json!({"results": [{"leader_cluster_uuid": "cluster-2", "sites": [
            {"name": "a", "cluster_uuid": "cluster-1", "member_type": "GSLB_ACTIVE_MEMBER", "port": 9443,
             "ip_addresses": [{"addr": "10.0.0.1"}, {"addr": "fd00::1"}]},
            {"name": "b", "cluster_uuid": "cluster-2", "ip_addresses": [{"addr": "10.0.0.2"}]},
            {"name": "c", "cluster_uuid": "cluster-3", "member_type": "GSLB_PASSIVE_MEMBER"},
            {"name": "d", "cluster_uuid": "cluster-4", "enabled": false},
        ]}]});
        let leadership = Leadership::from_bodies(&json!({"uuid": "cluster-1"}), &gslb).unwrap();
        assert!(!leadership.leads());
        assert_eq!(leadership.leader_site().unwrap().addresses, ["10.0.0.2:443"]);
        let addresses: Vec<_> = leadership.sites.iter().flat_map(|site| &site.addresses).collect();
        assert_eq!(addresses, ["10.0.0.1:9443", "[fd00::1]:9443", "10.0.0.2:443"]);
    }

    #[test]
    fn a_controller_without_gslb_is_told() {
        let error = Leadership::from_bodies(&json!({"uuid": "c"}), &json!({"results": []})).unwrap_err();
        assert_eq!(error, "the controller has no GSLB configuration; create it first");
    }
}
