//! Values as text to settings.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{AutoFqdn, IpFamily, NetworkRef, NodeNetwork, ServiceType, Settings, Subnet, VipNetwork};

/// Longest `clusterName`: with it no name reaches Avi's limit of 255 characters.
const CLUSTER_NAME_MAX: usize = 120;

/// Why a value is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// A value that must be there.
    #[error("{0} is not set")]
    Missing(&'static str),
    /// A value that says nothing.
    #[error("{key} is `{value}`, expected {expected}")]
    Invalid {
        /// Name of the value.
        key: &'static str,
        /// What was given.
        value: String,
        /// What would be taken.
        expected: &'static str,
    },
    /// A value that is valid, and that this release cannot honour.
    #[error("{key} `{value}` is not supported by this release: {hint}")]
    Unsupported {
        /// Name of the value.
        key: &'static str,
        /// What was given.
        value: String,
        /// What to do.
        hint: &'static str,
    },
    /// Values that exclude each other.
    #[error("{0}")]
    Contradiction(&'static str),
}

/// Values by name, and the errors found so far.
struct Values<'a> {
    values: &'a BTreeMap<String, String>,
    errors: Vec<SettingError>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NetworkValue {
    #[serde(default)]
    network_name: String,
    #[serde(default, rename = "networkUUID")]
    network_uuid: String,
    #[serde(default)]
    cidr: String,
    #[serde(default)]
    v6cidr: String,
    #[serde(default)]
    cidrs: Vec<String>,
}

impl Settings {
    /// Reads values. A value goes by its name in the chart, without the section (`clusterName`), or by its name in the
    /// container's environment (`CLUSTER_NAME`); the former wins. Others are not looked at. `namespace` is the
    /// operator's own.
    ///
    /// # Errors
    /// All values that cannot be taken.
    pub fn parse(values: &BTreeMap<String, String>, namespace: &str) -> Result<Self, Vec<SettingError>> {
        let mut values = Values { values, errors: Vec::new() };
        values.refuse_unsupported();
        let primary = values.flag("primaryInstance", "PRIMARY_AKO_FLAG", true);
        let vip_network = values.vip_network();
        let tier1 = values.optional("nsxtT1LR", "NSXT_T1_LR");
        let settings = Self {
            cluster: values.cluster(),
            tenant: values.text("tenantName", "TENANT_NAME", "admin"),
            cloud: values.text("cloudName", "CLOUD_NAME", "Default-Cloud"),
            se_group: values.text("serviceEngineGroupName", "SEG_NAME", "Default-Group"),
            vip_network,
            node_networks: values.node_networks(),
            tier1,
            enable_rhi: values.flag("enableRHI", "ENABLE_RHI", false),
            bgp_peer_labels: values.list("bgpPeerLabels", "BGP_PEER_LABELS"),
            shards: values.shards(),
            service_type: values.service_type(),
            node_port_selector: values.pair(("nodeKey", "NODE_KEY"), ("nodeValue", "NODE_VALUE")),
            ip_family: values.ip_family(),
            strict_hosts: values.text("fqdnReusePolicy", "FQDN_REUSE_POLICY", "") == "Strict",
            default_domain: values.optional("defaultDomain", "DEFAULT_DOMAIN"),
            auto_fqdn: match values.text("autoFQDN", "AUTO_L4_FQDN", "default").as_str() {
                "default" => AutoFqdn::Default,
                "flat" => AutoFqdn::Flat,
                _ => AutoFqdn::Disabled,
            },
            namespace_selector: values
                .pair(("labelKey", "NAMESPACE_SYNC_LABEL_KEY"), ("labelValue", "NAMESPACE_SYNC_LABEL_VALUE")),
            blocked_namespaces: values.list("blockedNamespaceList", "BLOCKED_NS_LIST"),
            layer7_only: values.flag("layer7Only", "LAYER7_ONLY", false),
            default_lb_controller: values.flag("defaultLBController", "DEFAULT_LB_CONTROLLER", true),
            default_ingress_controller: values.flag("defaultIngController", "DEFAULT_ING_CONTROLLER", true),
            static_routes: primary && !values.flag("disableStaticRouteSync", "DISABLE_STATIC_ROUTE_SYNC", false),
            cni: values.text("cniPlugin", "CNI_PLUGIN", "").to_lowercase(),
            primary,
            namespace: namespace.to_owned(),
        };
        if !settings.bgp_peer_labels.is_empty() && !settings.enable_rhi {
            values.errors.push(SettingError::Contradiction("bgpPeerLabels needs enableRHI to be true"));
        }
        if settings.static_routes && settings.service_type == ServiceType::ClusterIp {
            values.check_cni(&settings.cni);
        }
        if values.errors.is_empty() { Ok(settings) } else { Err(values.errors) }
    }
}

impl Values<'_> {
    /// What would change the meaning of everything else.
    fn refuse_unsupported(&mut self) {
        if !self.flag("enableEVH", "ENABLE_EVH", false) {
            self.unsupported("enableEVH", "false", "set it to \"true\"");
        }
        for (key, env, hint) in [
            ("vipPerNamespace", "VIP_PER_NAMESPACE", "set it to \"false\""),
            ("istioEnabled", "ISTIO_ENABLED", "set it to false"),
            ("servicesAPI", "SERVICES_API", "set it to false"),
            ("enableMCI", "MCI_ENABLED", "set it to \"false\""),
            ("vpcMode", "VPC_MODE", "set it to false"),
        ] {
            if self.flag(key, env, false) {
                self.unsupported(key, "true", hint);
            }
        }
    }

    /// Plugins whose pod subnets are in objects that are not read yet (ako 6.1).
    fn check_cni(&mut self, cni: &str) {
        if matches!(cni, "calico" | "cilium" | "openshift" | "ovn-kubernetes") {
            self.unsupported("cniPlugin", cni, "set disableStaticRouteSync to \"true\", or serviceType to NodePort");
        }
    }

    fn cluster(&mut self) -> String {
        let name = self.text("clusterName", "CLUSTER_NAME", "");
        let is_valid = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if name.is_empty() {
            self.errors.push(SettingError::Missing("clusterName"));
        } else if !is_valid || name.len() > CLUSTER_NAME_MAX {
            self.invalid("clusterName", &name, "at most 120 letters, digits, `-` and `_`");
        }
        name
    }

    fn shards(&mut self) -> u32 {
        match self.text("shardVSSize", "SHARD_VS_SIZE", "LARGE").as_str() {
            "LARGE" => 8,
            "MEDIUM" => 4,
            "DEDICATED" => {
                self.unsupported("shardVSSize", "DEDICATED", "set it to LARGE, MEDIUM or SMALL");
                1
            }
            _ => 1,
        }
    }

    fn service_type(&mut self) -> ServiceType {
        match self.text("serviceType", "SERVICE_TYPE", "ClusterIP").as_str() {
            "ClusterIP" => ServiceType::ClusterIp,
            "NodePort" => ServiceType::NodePort,
            "NodePortLocal" => {
                self.unsupported("serviceType", "NodePortLocal", "set it to ClusterIP or NodePort");
                ServiceType::ClusterIp
            }
            other => {
                self.invalid("serviceType", other, "ClusterIP or NodePort");
                ServiceType::ClusterIp
            }
        }
    }

    fn ip_family(&mut self) -> Option<IpFamily> {
        match self.text("ipFamily", "IP_FAMILY", "").as_str() {
            "" => None,
            "V4" => Some(IpFamily::V4),
            "V6" => Some(IpFamily::V6),
            "V4_V6" => Some(IpFamily::V4V6),
            other => {
                self.invalid("ipFamily", other, "V4, V6 or V4_V6");
                None
            }
        }
    }

    fn vip_network(&mut self) -> VipNetwork {
        let mut networks = self.networks("vipNetworkList", "VIP_NETWORK_LIST");
        if networks.len() > 1 {
            self.unsupported("vipNetworkList", "with several networks", "name one network");
        }
        match networks.pop() {
            Some((network, value)) => VipNetwork {
                network,
                v4: self.subnet("vipNetworkList", &value.cidr, IpFamily::V4),
                v6: self.subnet("vipNetworkList", &value.v6cidr, IpFamily::V6),
            },
            None => {
                if self.errors.iter().all(|error| !concerns(error, "vipNetworkList")) {
                    self.errors.push(SettingError::Missing("vipNetworkList"));
                }
                VipNetwork { network: NetworkRef::Name(String::new()), v4: None, v6: None }
            }
        }
    }

    fn node_networks(&mut self) -> Vec<NodeNetwork> {
        const MAX: usize = 5;
        const KEY: &str = "nodeNetworkList";
        let networks = self.networks(KEY, "NODE_NETWORK_LIST");
        if networks.len() > MAX {
            self.invalid(KEY, &format!("{} networks", networks.len()), "at most 5 networks");
        }
        let mut result = Vec::new();
        for (network, value) in networks {
            let subnets = value.cidrs.iter().filter_map(|cidr| self.subnet(KEY, cidr, IpFamily::V4V6)).collect();
            result.push(NodeNetwork { network, subnets });
        }
        result
    }

    fn networks(&mut self, key: &'static str, env: &str) -> Vec<(NetworkRef, NetworkValue)> {
        let Some(text) = self.optional(key, env) else { return vec![] };
        let Ok(values) = serde_json::from_str::<Vec<NetworkValue>>(&text) else {
            self.invalid(key, &text, "a JSON list of networks");
            return vec![];
        };
        let mut networks = Vec::new();
        for value in values {
            let network = match (value.network_name.as_str(), value.network_uuid.as_str()) {
                ("", "") => {
                    self.invalid(key, &text, "networkName or networkUUID in every network");
                    continue;
                }
                (name, "") => NetworkRef::Name(name.to_owned()),
                (_, uuid) => NetworkRef::Uuid(uuid.to_owned()),
            };
            networks.push((network, value));
        }
        networks
    }

    /// A subnet; empty is none.
    fn subnet(&mut self, key: &'static str, text: &str, family: IpFamily) -> Option<Subnet> {
        let subnet = parse_subnet(text).filter(|subnet| match family {
            IpFamily::V4 => subnet.address.is_ipv4(),
            IpFamily::V6 => subnet.address.is_ipv6(),
            IpFamily::V4V6 => true,
        });
        if subnet.is_none() && !text.is_empty() {
            let expected = match family {
                IpFamily::V4 => "an IPv4 subnet such as 10.10.25.0/24",
                IpFamily::V6 => "an IPv6 subnet such as 2001:db8::/64",
                IpFamily::V4V6 => "a subnet such as 10.10.25.0/24",
            };
            self.invalid(key, text, expected);
        }
        subnet
    }

    fn list(&mut self, key: &'static str, env: &str) -> Vec<String> {
        let Some(text) = self.optional(key, env) else { return vec![] };
        serde_json::from_str(&text).unwrap_or_else(|_| {
            self.invalid(key, &text, "a JSON list of texts");
            vec![]
        })
    }

    /// Two values that count only together.
    fn pair(&self, key: (&str, &str), value: (&str, &str)) -> Option<(String, String)> {
        self.optional(key.0, key.1).zip(self.optional(value.0, value.1))
    }

    fn flag(&mut self, key: &'static str, env: &str, default: bool) -> bool {
        match self.text(key, env, "").to_lowercase().as_str() {
            "" => default,
            "true" => true,
            "false" => false,
            other => {
                self.invalid(key, other, "true or false");
                default
            }
        }
    }

    fn text(&self, key: &str, env: &str, default: &str) -> String {
        self.optional(key, env).unwrap_or_else(|| default.to_owned())
    }

    /// A value that is not empty.
    fn optional(&self, key: &str, env: &str) -> Option<String> {
        let given = |name: &str| self.values.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
        given(key).or_else(|| given(env)).map(str::to_owned)
    }

    fn invalid(&mut self, key: &'static str, value: &str, expected: &'static str) {
        self.errors.push(SettingError::Invalid { key, value: value.to_owned(), expected });
    }

    fn unsupported(&mut self, key: &'static str, value: &str, hint: &'static str) {
        self.errors.push(SettingError::Unsupported { key, value: value.to_owned(), hint });
    }
}

fn concerns(error: &SettingError, name: &str) -> bool {
    match error {
        SettingError::Missing(key) | SettingError::Invalid { key, .. } | SettingError::Unsupported { key, .. } => {
            *key == name
        }
        SettingError::Contradiction(_) => false,
    }
}

pub(crate) fn parse_subnet(text: &str) -> Option<Subnet> {
    let (address, mask) = text.split_once('/')?;
    let address = address.parse::<std::net::IpAddr>().ok()?;
    let max = if address.is_ipv4() { 32 } else { 128 };
    let mask = mask.parse().ok().filter(|mask| *mask <= max)?;
    Some(Subnet { address, mask })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(change: &[(&str, &str)]) -> BTreeMap<String, String> {
        let usual = [
            ("clusterName", "S1-AZ1"),
            ("enableEVH", "true"),
            ("vipNetworkList", r#"[{"networkName":"AVI_FRONTEND_3025","cidr":"10.10.25.0/24"}]"#),
        ];
        let all = usual.iter().chain(change);
        all.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[track_caller]
    fn refused(change: &[(&str, &str)], expected: &str) {
        let errors = Settings::parse(&values(change), "avi-system").unwrap_err();
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(errors, [expected], "{change:?}");
    }

    #[test]
    fn defaults_are_those_of_the_chart() {
        let settings = Settings::parse(&values(&[]), "avi-system").unwrap();
        assert_eq!((settings.tenant.as_str(), settings.cloud.as_str()), ("admin", "Default-Cloud"), "ako 1.8");
        assert_eq!((settings.se_group.as_str(), settings.shards), ("Default-Group", 8));
        assert_eq!((settings.service_type, settings.auto_fqdn), (ServiceType::ClusterIp, AutoFqdn::Default));
        assert!(settings.static_routes && settings.primary && settings.default_lb_controller);
        assert_eq!(settings.user(), "ako-S1-AZ1", "ako reading conventions, U");
        assert_eq!(settings.vip_network.v4.unwrap().to_string(), "10.10.25.0/24");
    }

    #[test]
    fn names_of_the_environment_are_taken_too() {
        let change = [("SHARD_VS_SIZE", "SMALL"), ("PRIMARY_AKO_FLAG", "false"), ("SERVICE_TYPE", "NodePort")];
        let settings = Settings::parse(&values(&change), "red").unwrap();
        assert_eq!((settings.shards, settings.service_type), (1, ServiceType::NodePort));
        assert_eq!((settings.user().as_str(), settings.static_routes), ("ako-S1-AZ1-red", false));
    }

    #[test]
    fn what_cannot_be_honoured_is_refused_by_name() {
        refused(&[("enableEVH", "false")], "enableEVH `false` is not supported by this release: set it to \"true\"");
        refused(&[("enableEVH", "")], "enableEVH `false` is not supported by this release: set it to \"true\"");
        refused(
            &[("shardVSSize", "DEDICATED")],
            "shardVSSize `DEDICATED` is not supported by this release: set it to LARGE, MEDIUM or SMALL",
        );
        refused(
            &[("serviceType", "NodePortLocal")],
            "serviceType `NodePortLocal` is not supported by this release: set it to ClusterIP or NodePort",
        );
        refused(
            &[("cniPlugin", "Calico")],
            "cniPlugin `calico` is not supported by this release: set disableStaticRouteSync to \"true\", or \
             serviceType to NodePort",
        );
        refused(&[("istioEnabled", "true")], "istioEnabled `true` is not supported by this release: set it to false");
    }

    #[test]
    fn what_is_wrong_is_named() {
        refused(&[("clusterName", "")], "clusterName is not set");
        refused(&[("clusterName", "a b")], "clusterName is `a b`, expected at most 120 letters, digits, `-` and `_`");
        refused(&[("vipNetworkList", "")], "vipNetworkList is not set");
        refused(&[("vipNetworkList", "x")], "vipNetworkList is `x`, expected a JSON list of networks");
        refused(
            &[("vipNetworkList", r#"[{"networkName":"n","cidr":"10.0.0.0/33"}]"#)],
            "vipNetworkList is `10.0.0.0/33`, expected an IPv4 subnet such as 10.10.25.0/24",
        );
        refused(&[("bgpPeerLabels", r#"["a"]"#)], "bgpPeerLabels needs enableRHI to be true");
        refused(&[("ipFamily", "V5")], "ipFamily is `V5`, expected V4, V6 or V4_V6");
    }

    #[test]
    fn a_plugin_does_not_matter_where_no_routes_are_kept() {
        assert!(Settings::parse(&values(&[("cniPlugin", "calico"), ("serviceType", "NodePort")]), "").is_ok());
        assert!(Settings::parse(&values(&[("cniPlugin", "cilium"), ("disableStaticRouteSync", "true")]), "").is_ok());
    }

    #[test]
    fn an_unknown_shard_size_is_one_parent() {
        assert_eq!(Settings::parse(&values(&[("shardVSSize", "HUGE")]), "").unwrap().shards, 1, "ako 1.8");
        assert_eq!(Settings::parse(&values(&[("shardVSSize", "MEDIUM")]), "").unwrap().shards, 4);
    }
}
