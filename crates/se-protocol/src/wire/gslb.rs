//! GSLB services, pools and members.

use model::{PoolPriority, Ttl, Weight, gslb};

use super::{
    ConvertError, DownResponse, FallbackIp, GslbMember, GslbPool, GslbService, HealthProxy, Location, MemberAlgorithm,
    MonitorScope, Nothing, PoolAlgorithm, SiteQuorum, all, down_response::Kind, ip_from_bytes, ip_to_bytes,
    name_from_text, names_from_text, names_to_text, narrow, required, v4_from_bytes, v6_from_bytes,
};

impl From<&gslb::GslbService> for GslbService {
    fn from(service: &gslb::GslbService) -> Self {
        let gslb::GslbService {
            uuid,
            name,
            tenant,
            enabled,
            domain_names,
            wildcard_match,
            ttl,
            num_dns_ip,
            pool_algorithm,
            pools,
            down_response,
            health_monitors,
            monitor_scope,
            controller_health,
            use_client_subnet,
            min_members,
            resolve_cname,
            topology_policies,
            site_quorum,
        } = service;
        Self {
            uuid: uuid.clone(),
            name: name.clone(),
            tenant: tenant.clone(),
            enabled: *enabled,
            domain_names: names_to_text(domain_names),
            wildcard_match: *wildcard_match,
            ttl_s: ttl.map(Ttl::get),
            num_dns_ip: num_dns_ip.map(u32::from),
            pool_algorithm: PoolAlgorithm::from(*pool_algorithm).into(),
            pools: pools.iter().map(GslbPool::from).collect(),
            down_response: Some(down_response.into()),
            health_monitors: health_monitors.clone(),
            monitor_scope: MonitorScope::from(*monitor_scope).into(),
            controller_health: *controller_health,
            ignores_client_subnet: !use_client_subnet,
            min_members: u32::from(*min_members),
            resolve_cname: *resolve_cname,
            topology_policies: *topology_policies,
            site_quorum: site_quorum.map(|it| SiteQuorum { needed: it.needed.into(), active: it.active.into() }),
        }
    }
}

impl TryFrom<GslbService> for gslb::GslbService {
    type Error = ConvertError;
    fn try_from(message: GslbService) -> Result<Self, ConvertError> {
        let GslbService {
            uuid,
            name,
            tenant,
            enabled,
            domain_names,
            wildcard_match,
            ttl_s,
            num_dns_ip,
            pool_algorithm,
            pools,
            down_response,
            health_monitors,
            monitor_scope,
            controller_health,
            ignores_client_subnet,
            min_members,
            resolve_cname,
            topology_policies,
            site_quorum,
        } = message;
        let quorum = |it: SiteQuorum| -> Result<_, ConvertError> {
            let (needed, active) = (narrow("needed", it.needed)?, narrow("active", it.active)?);
            Ok(gslb::SiteQuorum { needed, active })
        };
        Ok(Self {
            uuid,
            name,
            tenant,
            enabled,
            domain_names: names_from_text(domain_names)?,
            wildcard_match,
            ttl: ttl_s.map(|ttl| Ttl::try_from(u64::from(ttl))).transpose()?,
            num_dns_ip: num_dns_ip.map(|count| narrow("num_dns_ip", count)).transpose()?,
            pool_algorithm: PoolAlgorithm::known(pool_algorithm)?,
            pools: all(pools)?,
            down_response: required("down_response", down_response)?.try_into()?,
            health_monitors,
            monitor_scope: MonitorScope::known(monitor_scope)?,
            controller_health,
            use_client_subnet: !ignores_client_subnet,
            min_members: narrow("min_members", min_members)?,
            resolve_cname,
            topology_policies,
            site_quorum: site_quorum.map(quorum).transpose()?,
        })
    }
}

impl From<&gslb::GslbPool> for GslbPool {
    fn from(pool: &gslb::GslbPool) -> Self {
        let gslb::GslbPool {
            name,
            priority,
            enabled,
            algorithm,
            min_health_monitors_up,
            members,
            fallback_algorithm,
            hash_prefix_v4,
            hash_prefix_v6,
        } = pool;
        Self {
            name: name.clone(),
            priority: u32::from(priority.get()),
            enabled: *enabled,
            algorithm: MemberAlgorithm::from(*algorithm).into(),
            min_health_monitors_up: *min_health_monitors_up,
            members: members.iter().map(GslbMember::from).collect(),
            fallback_algorithm: fallback_algorithm.map(|algorithm| MemberAlgorithm::from(algorithm).into()),
            hash_prefix_v4: hash_prefix_v4.map(u32::from),
            hash_prefix_v6: hash_prefix_v6.map(u32::from),
        }
    }
}

impl TryFrom<GslbPool> for gslb::GslbPool {
    type Error = ConvertError;
    fn try_from(message: GslbPool) -> Result<Self, ConvertError> {
        let GslbPool {
            name,
            priority,
            enabled,
            algorithm,
            min_health_monitors_up,
            members,
            fallback_algorithm,
            hash_prefix_v4,
            hash_prefix_v6,
        } = message;
        Ok(Self {
            name,
            priority: PoolPriority::try_from(u64::from(priority))?,
            enabled,
            algorithm: MemberAlgorithm::known(algorithm)?,
            min_health_monitors_up,
            members: all(members)?,
            fallback_algorithm: fallback_algorithm.map(MemberAlgorithm::known).transpose()?,
            hash_prefix_v4: hash_prefix_v4.map(|bits| narrow("hash_prefix_v4", bits)).transpose()?,
            hash_prefix_v6: hash_prefix_v6.map(|bits| narrow("hash_prefix_v6", bits)).transpose()?,
        })
    }
}

impl From<&gslb::GslbMember> for GslbMember {
    fn from(member: &gslb::GslbMember) -> Self {
        let gslb::GslbMember {
            ip,
            public_ip,
            fqdn,
            location,
            weight,
            enabled,
            cluster_uuid,
            vs_uuid,
            hostname,
            preference_order,
            proxies,
        } = member;
        Self {
            ip: ip_to_bytes(ip),
            weight: u32::from(weight.get()),
            enabled: *enabled,
            cluster_uuid: cluster_uuid.clone(),
            vs_uuid: vs_uuid.clone(),
            hostname: hostname.clone(),
            preference_order: Some(u32::from(*preference_order)),
            public_ip: public_ip.as_ref().map(ip_to_bytes),
            fqdn: fqdn.as_ref().map(ToString::to_string),
            location: match location {
                gslb::MemberLocation::OfAddress => None,
                gslb::MemberLocation::At(at) => Some(Location { latitude: at.latitude(), longitude: at.longitude() }),
            },
            proxies: proxies.iter().map(HealthProxy::from).collect(),
        }
    }
}

impl TryFrom<GslbMember> for gslb::GslbMember {
    type Error = ConvertError;
    fn try_from(message: GslbMember) -> Result<Self, ConvertError> {
        let GslbMember {
            ip,
            weight,
            enabled,
            cluster_uuid,
            vs_uuid,
            hostname,
            preference_order,
            public_ip,
            fqdn,
            location,
            proxies,
        } = message;
        let at = |Location { latitude, longitude }| {
            model::Location::new(latitude, longitude).map_err(|_| ConvertError::Encoding("location"))
        };
        Ok(Self {
            ip: ip_from_bytes(&ip)?,
            weight: Weight::try_from(u64::from(weight))?,
            enabled,
            cluster_uuid,
            vs_uuid,
            hostname,
            preference_order: narrow("preference_order", preference_order.unwrap_or(1))?,
            public_ip: public_ip.as_ref().map(ip_from_bytes).transpose()?,
            fqdn: fqdn.map(name_from_text).transpose()?,
            location: location.map(at).transpose()?.map_or(gslb::MemberLocation::OfAddress, gslb::MemberLocation::At),
            proxies: proxies.into_iter().map(gslb::HealthProxy::from).collect(),
        })
    }
}

impl From<&gslb::HealthProxy> for HealthProxy {
    fn from(gslb::HealthProxy { site, name }: &gslb::HealthProxy) -> Self {
        Self { site: site.clone(), name: name.clone() }
    }
}

impl From<HealthProxy> for gslb::HealthProxy {
    fn from(HealthProxy { site, name }: HealthProxy) -> Self {
        Self { site, name }
    }
}

impl From<&gslb::DownResponse> for DownResponse {
    fn from(response: &gslb::DownResponse) -> Self {
        let kind = match response {
            gslb::DownResponse::None => Kind::None(Nothing {}),
            gslb::DownResponse::AllRecords => Kind::AllRecords(Nothing {}),
            gslb::DownResponse::FallbackIp { v4, v6 } => Kind::FallbackIp(FallbackIp {
                v4: v4.map(|ip| ip_to_bytes(&ip.into())),
                v6: v6.map(|ip| ip_to_bytes(&ip.into())),
            }),
            gslb::DownResponse::Empty => Kind::Empty(Nothing {}),
            gslb::DownResponse::Cname(name) => Kind::Cname(name.to_string()),
        };
        Self { kind: Some(kind) }
    }
}

impl TryFrom<DownResponse> for gslb::DownResponse {
    type Error = ConvertError;
    fn try_from(message: DownResponse) -> Result<Self, ConvertError> {
        Ok(match required("down_response", message.kind)? {
            Kind::None(Nothing {}) => Self::None,
            Kind::AllRecords(Nothing {}) => Self::AllRecords,
            Kind::FallbackIp(FallbackIp { v4, v6 }) => Self::FallbackIp {
                v4: v4.as_ref().map(v4_from_bytes).transpose()?,
                v6: v6.as_ref().map(v6_from_bytes).transpose()?,
            },
            Kind::Empty(Nothing {}) => Self::Empty,
            Kind::Cname(name) => Self::Cname(name_from_text(name)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use model::testing;

    use super::*;

    #[test]
    fn what_an_earlier_release_kept_is_read_with_the_defaults_of_later_fields() {
        let service =
            testing::service("app.example.com", vec![testing::pool(10, vec![testing::member("192.0.2.1", 1)])]);
        let mut kept = GslbService::from(&service);
        assert!(!kept.ignores_client_subnet, "absent on the wire where it is the default");
        kept.pools[0].members[0].preference_order = None;
        assert_eq!(gslb::GslbService::try_from(kept), Ok(service));
    }
}
