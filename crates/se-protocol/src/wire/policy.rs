//! Rules of DNS policies.

use model::{dns, http::IpMatch};

use super::{
    ClientMatch, ConvertError, DnsRespond, DnsRule, LocationMatch, Membership, Nothing, QueryNameMatch, QueryTypeMatch,
    SelectSites, StringCriterion,
    clients::{ranges_from_wire, ranges_to_wire},
    dns_rule::Action,
    narrow, required,
};

impl From<&dns::DnsRule> for DnsRule {
    fn from(rule: &dns::DnsRule) -> Self {
        let dns::DnsRule { policy, name, client, query_name, query_type, over_tcp, location, action } = rule;
        Self {
            policy: policy.clone(),
            name: name.clone(),
            client: client.as_ref().map(|dns::ClientMatch { addresses, use_subnet }| ClientMatch {
                membership: Membership::from(addresses.membership).into(),
                ranges: ranges_to_wire(&addresses.ranges),
                use_subnet: *use_subnet,
            }),
            query_name: query_name.as_ref().map(|dns::NameMatch { criterion, negated, values }| QueryNameMatch {
                criterion: StringCriterion::from(*criterion).into(),
                negated: *negated,
                values: values.clone(),
            }),
            query_type: query_type.as_ref().map(|(membership, types)| QueryTypeMatch {
                membership: Membership::from(*membership).into(),
                types: types.iter().copied().map(u32::from).collect(),
            }),
            over_tcp: *over_tcp,
            location: location.as_ref().map(|dns::LocationMatch { membership, name, tag, use_subnet }| LocationMatch {
                membership: Membership::from(*membership).into(),
                name: name.clone(),
                tag: tag.clone(),
                use_subnet: *use_subnet,
            }),
            action: Some(action.into()),
        }
    }
}

impl TryFrom<DnsRule> for dns::DnsRule {
    type Error = ConvertError;
    fn try_from(message: DnsRule) -> Result<Self, ConvertError> {
        let DnsRule { policy, name, client, query_name, query_type, over_tcp, location, action } = message;
        Ok(Self {
            policy,
            name,
            client: client.map(TryInto::try_into).transpose()?,
            query_name: query_name.map(TryInto::try_into).transpose()?,
            query_type: query_type.map(types).transpose()?,
            over_tcp,
            location: location.map(TryInto::try_into).transpose()?,
            action: required("action", action)?.try_into()?,
        })
    }
}

impl TryFrom<ClientMatch> for dns::ClientMatch {
    type Error = ConvertError;
    fn try_from(ClientMatch { membership, ranges, use_subnet }: ClientMatch) -> Result<Self, ConvertError> {
        let addresses = IpMatch { membership: Membership::known(membership)?, ranges: ranges_from_wire(&ranges)? };
        Ok(Self { addresses, use_subnet })
    }
}

impl TryFrom<QueryNameMatch> for dns::NameMatch {
    type Error = ConvertError;
    fn try_from(QueryNameMatch { criterion, negated, values }: QueryNameMatch) -> Result<Self, ConvertError> {
        Ok(Self { criterion: StringCriterion::known(criterion)?, negated, values })
    }
}

impl TryFrom<LocationMatch> for dns::LocationMatch {
    type Error = ConvertError;
    fn try_from(LocationMatch { membership, name, tag, use_subnet }: LocationMatch) -> Result<Self, ConvertError> {
        Ok(Self { membership: Membership::known(membership)?, name, tag, use_subnet })
    }
}

fn types(
    QueryTypeMatch { membership, types }: QueryTypeMatch,
) -> Result<(model::http::Membership, Vec<u16>), ConvertError> {
    let types = types.into_iter().map(|rtype| narrow("types", rtype)).collect::<Result<_, _>>()?;
    Ok((Membership::known(membership)?, types))
}

impl From<&dns::DnsAction> for Action {
    fn from(action: &dns::DnsAction) -> Self {
        match action {
            dns::DnsAction::Allow => Self::Allow(Nothing {}),
            dns::DnsAction::Drop => Self::Drop(Nothing {}),
            dns::DnsAction::Respond { rcode, authoritative, truncated } => Self::Respond(DnsRespond {
                rcode: u32::from(*rcode),
                authoritative: *authoritative,
                truncated: *truncated,
            }),
            dns::DnsAction::SelectSites { sites, names, is_preferred } => Self::SelectSites(SelectSites {
                sites: sites.clone(),
                names: names.clone(),
                is_preferred: *is_preferred,
            }),
        }
    }
}

impl TryFrom<Action> for dns::DnsAction {
    type Error = ConvertError;
    fn try_from(message: Action) -> Result<Self, ConvertError> {
        Ok(match message {
            Action::Allow(Nothing {}) => Self::Allow,
            Action::Drop(Nothing {}) => Self::Drop,
            Action::Respond(DnsRespond { rcode, authoritative, truncated }) => {
                Self::Respond { rcode: narrow("rcode", rcode)?, authoritative, truncated }
            }
            Action::SelectSites(SelectSites { sites, names, is_preferred }) => {
                Self::SelectSites { sites, names, is_preferred }
            }
        })
    }
}
