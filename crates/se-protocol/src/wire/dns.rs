//! DNS virtual services, and the records that virtual services own.

use model::{Ttl, dns};

use super::{
    Addresses, ConvertError, DnsProfile, DnsVirtualService, DomainNames, ErrorResponse, FullLogs, LogGroup, LogPolicy,
    RecordOrder, Registration, Zone, all, ip_from_bytes, ip_to_bytes, name_from_text, names_from_text, names_to_text,
    narrow, registration::Data, required,
};

impl From<&dns::DnsVirtualService> for DnsVirtualService {
    fn from(service: &dns::DnsVirtualService) -> Self {
        let dns::DnsVirtualService {
            uuid,
            name,
            enabled,
            addresses,
            ports,
            profile,
            gslb_domains,
            rules,
            topology,
            logs,
        } = service;
        Self {
            uuid: uuid.clone(),
            name: name.clone(),
            enabled: *enabled,
            addresses: addresses.iter().map(ip_to_bytes).collect(),
            ports: ports.iter().copied().map(u32::from).collect(),
            profile: Some(profile.into()),
            gslb_domains: gslb_domains.as_deref().map(|names| DomainNames { names: names_to_text(names) }),
            logs: Some(logs.into()),
            rules: rules.iter().map(Into::into).collect(),
            topology: topology.iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<DnsVirtualService> for dns::DnsVirtualService {
    type Error = ConvertError;
    fn try_from(message: DnsVirtualService) -> Result<Self, ConvertError> {
        let DnsVirtualService { uuid, name, enabled, addresses, ports, profile, gslb_domains, logs, rules, topology } =
            message;
        Ok(Self {
            uuid,
            name,
            enabled,
            addresses: addresses.iter().map(ip_from_bytes).collect::<Result<_, _>>()?,
            ports: ports.into_iter().map(|port| narrow("port", port)).collect::<Result<_, _>>()?,
            profile: required("profile", profile)?.try_into()?,
            gslb_domains: gslb_domains.map(|domains| names_from_text(domains.names)).transpose()?,
            rules: all(rules)?,
            topology: all(topology)?,
            // An older controller, or checkpoint, says nothing of them.
            logs: logs.map(model::LogPolicy::from).unwrap_or_default(),
        })
    }
}

impl From<&model::LogPolicy> for LogPolicy {
    fn from(model::LogPolicy { significant_per_s, full, group }: &model::LogPolicy) -> Self {
        let model::LogGroup { uuid, significant_per_s: group_significant, non_significant_per_s } = group;
        Self {
            significant_per_s: *significant_per_s,
            full: full.map(|model::FullLogs { per_s, until_us }| FullLogs { per_s, until_us }),
            group: Some(LogGroup {
                uuid: uuid.clone(),
                significant_per_s: *group_significant,
                non_significant_per_s: *non_significant_per_s,
            }),
        }
    }
}

impl From<LogPolicy> for model::LogPolicy {
    fn from(LogPolicy { significant_per_s, full, group }: LogPolicy) -> Self {
        let group = group.map(|LogGroup { uuid, significant_per_s, non_significant_per_s }| model::LogGroup {
            uuid,
            significant_per_s,
            non_significant_per_s,
        });
        Self {
            significant_per_s,
            full: full.map(|FullLogs { per_s, until_us }| model::FullLogs { per_s, until_us }),
            group: group.unwrap_or_default(),
        }
    }
}

impl From<&dns::DnsProfile> for DnsProfile {
    fn from(profile: &dns::DnsProfile) -> Self {
        let dns::DnsProfile { num_dns_ip, ttl, zones, negative_ttl, on_error, aaaa_empty_response, edns, over_tcp } =
            profile;
        Self {
            num_dns_ip: u32::from(*num_dns_ip),
            ttl_s: ttl.get(),
            zones: zones.iter().map(Zone::from).collect(),
            negative_ttl_s: negative_ttl.get(),
            on_error: ErrorResponse::from(*on_error).into(),
            aaaa_empty_response: *aaaa_empty_response,
            edns: *edns,
            over_tcp: *over_tcp,
        }
    }
}

impl TryFrom<DnsProfile> for dns::DnsProfile {
    type Error = ConvertError;
    fn try_from(message: DnsProfile) -> Result<Self, ConvertError> {
        let DnsProfile { num_dns_ip, ttl_s, zones, negative_ttl_s, on_error, aaaa_empty_response, edns, over_tcp } =
            message;
        Ok(Self {
            num_dns_ip: narrow("num_dns_ip", num_dns_ip)?,
            ttl: Ttl::try_from(u64::from(ttl_s))?,
            zones: all(zones)?,
            negative_ttl: Ttl::try_from(u64::from(negative_ttl_s))?,
            on_error: ErrorResponse::known(on_error)?,
            aaaa_empty_response,
            edns,
            over_tcp,
        })
    }
}

impl From<&dns::Zone> for Zone {
    fn from(dns::Zone { apex, name_server, admin_email }: &dns::Zone) -> Self {
        Self {
            apex: apex.to_string(),
            name_server: name_server.as_ref().map(ToString::to_string),
            admin_email: admin_email.clone(),
        }
    }
}

impl TryFrom<Zone> for dns::Zone {
    type Error = ConvertError;
    fn try_from(Zone { apex, name_server, admin_email }: Zone) -> Result<Self, ConvertError> {
        Ok(Self { apex: name_from_text(apex)?, name_server: name_server.map(name_from_text).transpose()?, admin_email })
    }
}

impl From<&dns::Registration> for Registration {
    fn from(registration: &dns::Registration) -> Self {
        let dns::Registration { name, data, ttl, addresses_max, order, vs_vip, virtual_services, only_while_up } =
            registration;
        let data = match data {
            dns::RecordData::Addresses(ips) => {
                Data::Addresses(Addresses { ips: ips.iter().map(ip_to_bytes).collect() })
            }
            dns::RecordData::Name(target) => Data::Target(target.to_string()),
        };
        Self {
            name: name.to_string(),
            data: Some(data),
            ttl_s: ttl.get(),
            addresses_max: addresses_max.map(u32::from),
            order: RecordOrder::from(*order).into(),
            vs_vip: vs_vip.clone(),
            virtual_services: virtual_services.iter().cloned().collect(),
            only_while_up: *only_while_up,
        }
    }
}

impl TryFrom<Registration> for dns::Registration {
    type Error = ConvertError;
    fn try_from(message: Registration) -> Result<Self, ConvertError> {
        let Registration { name, data, ttl_s, addresses_max, order, vs_vip, virtual_services, only_while_up } = message;
        let data = match required("data", data)? {
            Data::Addresses(Addresses { ips }) => {
                dns::RecordData::Addresses(ips.iter().map(ip_from_bytes).collect::<Result<_, _>>()?)
            }
            Data::Target(target) => dns::RecordData::Name(name_from_text(target)?),
        };
        Ok(Self {
            name: name_from_text(name)?,
            data,
            ttl: Ttl::try_from(u64::from(ttl_s))?,
            addresses_max: addresses_max.map(|most| narrow("addresses_max", most)).transpose()?,
            order: RecordOrder::known(order)?,
            vs_vip,
            virtual_services: virtual_services.into_iter().collect(),
            only_while_up,
        })
    }
}
