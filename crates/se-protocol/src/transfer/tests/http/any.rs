//! Any L7 virtual services, with every field at random; what they refer to is there.

use model::{
    FullLogs, LogGroup, LogPolicy,
    http::{
        Algorithm, FailAction, ForwardedFor, ForwardedForUpdate, HeaderEdit, HeaderMatch, HeaderValue, HttpProfile,
        IpMatch, LocalResponse, Membership, PathMatch, PathRule, Pool, PoolGroup, PoolGroupMember, Redirect,
        RequestAction, RequestRule, Server, ServicePort, StringCriterion, Target, UriPart, VirtualHost,
    },
};
use prop::{collection::vec, option, sample::select};

use super::*;

fn text() -> impl Strategy<Value = String> + Clone {
    "[a-zA-Z0-9/*. ]{0,6}"
}

fn ip() -> impl Strategy<Value = IpAddr> {
    any::<IpAddr>()
}

fn span() -> impl Strategy<Value = Duration> {
    any::<u32>().prop_map(|us| Duration::from_micros(u64::from(us) * 1_000))
}

fn membership() -> impl Strategy<Value = Membership> {
    select(vec![Membership::In, Membership::NotIn])
}

fn criterion() -> impl Strategy<Value = StringCriterion> {
    use StringCriterion::{BeginsWith, Contains, EndsWith, Equals, Exists, Regex};
    select(vec![BeginsWith, Contains, EndsWith, Equals, Exists, Regex])
}

fn target() -> impl Strategy<Value = Target> {
    prop_oneof![text().prop_map(Target::Pool), text().prop_map(Target::PoolGroup)]
}

fn redirect() -> impl Strategy<Value = Redirect> {
    let part = prop_oneof![
        text().prop_map(UriPart::Text),
        any::<(u16, u16)>().prop_map(|(first, last)| UriPart::HostLabels(first, last)),
        any::<(u16, u16)>().prop_map(|(first, last)| UriPart::PathSegments(first, last)),
    ];
    (any::<bool>(), any::<Option<u16>>(), vec(part.clone(), 0..3), vec(part, 0..3), any::<bool>(), any::<u16>())
        .prop_map(|(https, port, host, path, keep_query, status)| Redirect {
            https,
            port,
            host,
            path,
            keep_query,
            status,
        })
}

fn response() -> impl Strategy<Value = LocalResponse> {
    (any::<u16>(), option::of((text(), any::<Vec<u8>>()))).prop_map(|(status, file)| LocalResponse { status, file })
}

fn header_match() -> impl Strategy<Value = HeaderMatch> {
    (text(), criterion(), any::<bool>(), any::<bool>(), vec(text(), 0..3)).prop_map(
        |(header, criterion, negated, case_sensitive, values)| HeaderMatch {
            header,
            criterion,
            negated,
            case_sensitive,
            values,
        },
    )
}

fn request_match() -> impl Strategy<Value = RequestMatch> {
    let path = (criterion(), any::<bool>(), any::<bool>(), any::<bool>(), vec(text(), 0..3)).prop_map(
        |(criterion, negated, case_sensitive, decoded, values)| PathMatch {
            criterion,
            negated,
            case_sensitive,
            decoded,
            values,
        },
    );
    let client_ip = (membership(), vec((ip(), ip()), 0..3));
    let client_ip = client_ip.prop_map(|(membership, ranges)| IpMatch { membership, ranges });
    (
        option::of(client_ip),
        option::of((membership(), any::<Vec<u16>>())),
        any::<Option<bool>>(),
        option::of((membership(), vec(text(), 0..3))),
        option::of(path),
        option::of(header_match()),
        vec(header_match(), 0..3),
    )
        .prop_map(|(client_ip, port, https, method, path, host, headers)| RequestMatch {
            client_ip,
            port,
            https,
            method,
            path,
            host,
            headers,
        })
}

fn header_edit() -> impl Strategy<Value = HeaderEdit> {
    let value = prop_oneof![
        text().prop_map(HeaderValue::Text),
        text().prop_map(HeaderValue::Header),
        select(vec![HeaderValue::ClientIp, HeaderValue::ServiceIp, HeaderValue::ServicePort]),
    ];
    prop_oneof![
        (text(), value.clone()).prop_map(|(name, value)| HeaderEdit::Add(name, value)),
        (text(), value).prop_map(|(name, value)| HeaderEdit::Replace(name, value)),
        text().prop_map(HeaderEdit::Remove),
    ]
}

fn policy_set() -> impl Strategy<Value = PolicySet> {
    let security = prop_oneof![
        select(vec![SecurityAction::Allow, SecurityAction::CloseConnection]),
        response().prop_map(SecurityAction::Respond),
        any::<u16>().prop_map(|port| SecurityAction::RedirectToHttps { port }),
    ];
    let security = (text(), request_match(), security);
    let security = security.prop_map(|(name, matches, action)| SecurityRule { name, matches, action });
    let action = prop_oneof![
        redirect().prop_map(RequestAction::Redirect),
        target().prop_map(RequestAction::Select),
        response().prop_map(RequestAction::Respond),
    ];
    let request = (text(), request_match(), vec(header_edit(), 0..3), option::of(action));
    let request =
        request.prop_map(|(name, matches, header_edits, action)| RequestRule { name, matches, header_edits, action });
    (text(), vec(security, 0..3), vec(request, 0..3)).prop_map(|(name, security, request)| PolicySet {
        uuid: String::new(),
        name,
        security,
        request,
    })
}

fn profile() -> impl Strategy<Value = HttpProfile> {
    use ForwardedForUpdate::{Add, Append, Replace};
    let forwarded_for = (text(), select(vec![Replace, Append, Add]));
    let forwarded_for = option::of(forwarded_for.prop_map(|(header, update)| ForwardedFor { header, update }));
    let spans = (span(), span(), span(), span());
    let sizes = any::<(u32, u32, u64, u16, u32, u32)>();
    (any::<(bool, bool, bool, bool)>(), forwarded_for, spans, sizes).prop_map(
        |((multiplex_connections, forwarded_proto, http_to_https, websockets), forwarded_for, spans, sizes)| {
            HttpProfile {
                multiplex_connections,
                forwarded_for,
                forwarded_proto,
                http_to_https,
                websockets,
                header_timeout: spans.0,
                body_timeout: spans.1,
                keepalive_timeout: spans.2,
                post_accept_timeout: spans.3,
                header_size_max: sizes.0,
                head_size_max: sizes.1,
                body_size_max: sizes.2,
                header_count_max: sizes.3,
                response_head_size_max: sizes.4,
                keepalive_requests_max: sizes.5,
            }
        },
    )
}

fn logs() -> impl Strategy<Value = LogPolicy> {
    let full = any::<Option<(u32, Option<i64>)>>();
    let full = full.prop_map(|full| full.map(|(per_s, until_us)| FullLogs { per_s, until_us }));
    let group = (text(), any::<u32>(), any::<u32>()).prop_map(|(uuid, significant_per_s, non_significant_per_s)| {
        LogGroup { uuid, significant_per_s, non_significant_per_s }
    });
    (any::<u32>(), full, group).prop_map(|(significant_per_s, full, group)| LogPolicy {
        significant_per_s,
        full,
        group,
    })
}

/// Without uuid; its policy sets are among `policies`.
fn host(policies: &[Arc<PolicySet>]) -> impl Strategy<Value = VirtualHost> + use<> {
    let policies = prop::sample::subsequence(policies.to_vec(), 0..=policies.len()).prop_shuffle();
    (text(), text(), any::<(bool, u32)>(), profile(), policies, logs(), option::of(target())).prop_map(
        |(name, tenant, (enabled, pools_up_min), profile, policies, logs, target)| VirtualHost {
            uuid: String::new(),
            name,
            tenant,
            enabled,
            profile,
            policies,
            logs,
            target,
            pools_up_min,
        },
    )
}

fn child(policies: &[Arc<PolicySet>]) -> impl Strategy<Value = Child> + use<> {
    let rule = (text(), request_match()).prop_map(|(name, matches)| PathRule { name, matches });
    let matches = (text(), vec(rule, 0..2)).prop_map(|(host, rules)| HostMatch { host, rules });
    (host(policies), vec(matches, 0..2)).prop_map(|(host, matches)| Child { host, matches })
}

fn service(
    policies: &[Arc<PolicySet>],
    certificates: &[Arc<Certificate>],
) -> impl Strategy<Value = VirtualService> + use<> {
    let port = any::<(u16, u16, bool, bool)>();
    let port = port.prop_map(|(port, listen_port, tls, http2)| ServicePort { port, listen_port, tls, http2 });
    let certificates = prop::sample::subsequence(certificates.to_vec(), 0..=certificates.len()).prop_shuffle();
    (host(policies), vec(ip(), 0..3), vec(port, 0..3), certificates, vec(child(policies).prop_map(Arc::new), 0..4))
        .prop_map(|(host, addresses, ports, certificates, children)| VirtualService {
            host,
            addresses,
            ports,
            certificates,
            children,
        })
}

fn pool() -> impl Strategy<Value = Pool> {
    let server = (ip(), any::<u16>(), text(), any::<bool>(), any::<u8>());
    let server = server.prop_map(|(ip, port, hostname, enabled, ratio)| Server { ip, port, hostname, enabled, ratio });
    let fail_action = prop_oneof![
        select(vec![FailAction::ServiceUnavailable, FailAction::CloseConnection]),
        response().prop_map(FailAction::Respond),
        redirect().prop_map(FailAction::Redirect),
    ];
    let algorithm = select(vec![Algorithm::RoundRobin, Algorithm::LeastConnections]);
    let numbers = any::<(bool, Option<u32>, bool, u32, u32, u32)>();
    let spans = (span(), span(), span());
    (text(), algorithm, vec(server, 0..4), vec(text(), 0..3), numbers, spans, fail_action).prop_map(
        |(name, algorithm, servers, health_monitors, numbers, spans, fail_action)| Pool {
            uuid: String::new(),
            name,
            enabled: numbers.0,
            algorithm,
            servers,
            health_monitors,
            monitors_up_min: numbers.1,
            servers_up_min: numbers.5,
            passive_health: numbers.2,
            connections_per_server_max: numbers.3,
            response_timeout: spans.0,
            idle_timeout: spans.1,
            connection_lifetime: spans.2,
            requests_per_connection_max: numbers.4,
            fail_action,
        },
    )
}

fn group() -> impl Strategy<Value = PoolGroup> {
    let member = (text(), any::<u16>(), any::<u32>());
    let member = member.prop_map(|(pool, ratio, priority)| PoolGroupMember { pool, ratio, priority });
    (text(), vec(member, 0..3), any::<u16>()).prop_map(|(name, members, servers_min)| PoolGroup {
        uuid: String::new(),
        name,
        members,
        servers_min,
    })
}

/// The objects with the uuids `kind-0`, `kind-1`, and so on.
fn numbered<T>(objects: Vec<T>, kind: &str, uuid: impl Fn(&mut T) -> &mut String) -> Vec<Arc<T>> {
    let number = |(number, mut object): (usize, T)| {
        *uuid(&mut object) = format!("{kind}-{number}");
        Arc::new(object)
    };
    objects.into_iter().enumerate().map(number).collect()
}

/// Objects in the order of their uuids. A policy set or certificate that nothing refers to does not travel.
pub(super) fn objects() -> impl Strategy<Value = HttpObjects> {
    let certificate = (text(), text(), text()).prop_map(|(name, chain_pem, key_pem)| Certificate {
        uuid: String::new(),
        name,
        chain_pem,
        key_pem,
    });
    let referred = (vec(policy_set(), 0..3), vec(certificate, 0..3)).prop_flat_map(|(policies, certificates)| {
        let policies = numbered(policies, "httppolicyset", |it| &mut it.uuid);
        let certificates = numbered(certificates, "sslkeyandcertificate", |it| &mut it.uuid);
        vec(service(&policies, &certificates), 0..4)
    });
    (referred, vec(pool(), 0..3), vec(group(), 0..3)).prop_map(|(mut services, pools, pool_groups)| {
        // Children are named after their number among all, backwards.
        let children = services.iter_mut().rev().flat_map(|service| service.children.iter_mut().rev());
        for (number, child) in children.enumerate() {
            Arc::make_mut(child).host.uuid = format!("virtualservice-child-{number:02}");
        }
        HttpObjects {
            services: numbered(services, "virtualservice", |it| &mut it.host.uuid),
            pools: numbered(pools, "pool", |it| &mut it.uuid),
            pool_groups: numbered(pool_groups, "poolgroup", |it| &mut it.uuid),
        }
    })
}

pub(super) fn registrations() -> impl Strategy<Value = Vec<Arc<Registration>>> {
    let name = || "[a-z]{1,3}([-.][a-z]{1,3}){0,2}".prop_map(|text| domain(&text));
    let data = prop_oneof![vec(ip(), 0..3).prop_map(RecordData::Addresses), name().prop_map(RecordData::Name)];
    let order = select(vec![RecordOrder::RoundRobin, RecordOrder::ConsistentHash]);
    let owners = prop::collection::btree_set(text(), 1..3);
    let registration = (name(), data, 0..86_400u64, any::<Option<u8>>(), order, "[a-c]", owners, any::<bool>());
    let registration =
        registration.prop_map(|(name, data, ttl, addresses_max, order, vs_vip, virtual_services, only_while_up)| {
            Registration {
                name,
                data,
                ttl: Ttl::try_from(ttl).unwrap(),
                addresses_max,
                order,
                vs_vip,
                virtual_services,
                only_while_up,
            }
        });
    vec(registration, 0..6).prop_map(|mut registrations| {
        registrations.sort_by(|a, b| (&a.name, &a.vs_vip).cmp(&(&b.name, &b.vs_vip)));
        registrations.dedup_by(|a, b| (&a.name, &a.vs_vip) == (&b.name, &b.vs_vip));
        registrations.into_iter().map(Arc::new).collect()
    })
}
