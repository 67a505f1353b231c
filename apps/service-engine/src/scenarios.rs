//! The scenarios of `tests/scenarios`: objects as clients write them, members that go and come, and what is answered.
//!
//! Each goes the whole way but for sockets and clocks: objects to a snapshot, the snapshot over the wire and back, compiled
//! as an engine does, asked with the bytes of queries, and explained.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use dns_answer::{Knowledge, Limit, View, answer, explain};
use geo::{Format, Table};
use gslb::{Advance, Slots};
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query};
use hickory_proto::rr::rdata::opt::{ClientSubnet, EdnsCode, EdnsOption};
use hickory_proto::rr::{DNSClass, Name, RData, RecordType};
use model::{DomainName, Revision, Version};
use se_protocol::explain::DnsQuestion;
use se_protocol::transfer::{Assembler, parts};
use se_protocol::{GeoChunk, GeoDatabase, PortOffset, Snapshot, Stamped};
use se_snapshot::{AskedName, Memo, Object, Resolved, build};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::view::Compiled;

const NAME: &str = "app.example.com";

/// One file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    /// What it shows.
    about: String,
    /// A geo database in CSV.
    #[serde(default)]
    geo: String,
    /// What names resolve to.
    #[serde(default)]
    resolved: BTreeMap<String, IpAddr>,
    /// Fields of the Gslb.
    #[serde(default)]
    gslb: Map<String, Value>,
    /// Fields of the DNS profile.
    #[serde(default)]
    profile: Map<String, Value>,
    /// Fields of DNS policies, and of policies of topology.
    #[serde(default)]
    policies: Vec<Map<String, Value>>,
    #[serde(default)]
    topology: Vec<Map<String, Value>>,
    /// Fields of the GSLB service; it answers `app.example.com` unless it says so otherwise.
    service: Map<String, Value>,
    steps: Vec<Step>,
}

/// What happens next.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    /// Addresses of members that go down, or up.
    #[serde(default)]
    down: Vec<IpAddr>,
    #[serde(default)]
    up: Vec<IpAddr>,
    /// Type to ask for.
    ask: Option<String>,
    name: Option<String>,
    /// Who asks.
    #[serde(default = "anyone")]
    from: IpAddr,
    /// Client subnet that a resolver tells.
    subnet: Option<String>,
    #[serde(default)]
    tcp: bool,
    /// Data of the answer's records, in order; `{}` is no packet.
    expect: Option<Vec<String>>,
    /// Data of the additional section.
    additional: Option<Vec<String>>,
    /// How often each comes, of as many queries as that is in all.
    counts: Option<BTreeMap<String, usize>>,
    rcode: Option<String>,
    ttl: Option<u32>,
    /// Scope of the client subnet.
    scope: Option<u8>,
    no_packet: Option<bool>,
    /// Part of the explanation.
    because: Option<String>,
}

fn anyone() -> IpAddr {
    [192, 0, 2, 200].into()
}

#[test]
fn every_scenario_is_answered_as_it_says() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios");
    let mut files: Vec<_> = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    assert!(files.len() >= 8, "{files:?}");
    for file in files {
        let label = file.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).unwrap();
        let scenario: Scenario = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{label}: {error}"));
        assert!(!scenario.about.is_empty(), "{label}");
        play(&label, &scenario);
    }
}

fn play(label: &str, scenario: &Scenario) {
    let compiled = Compiled::new(arrived(label, scenario), None);
    assert_eq!(compiled.problems, [], "{label}");
    let (_, view) = compiled.views.first().unwrap_or_else(|| panic!("{label}: no DNS virtual service"));
    let slots: BTreeMap<IpAddr, u32> = compiled
        .snapshot
        .gslb_services
        .iter()
        .zip(&compiled.services)
        .flat_map(|(service, compiled)| {
            let members = service.pools.iter().flat_map(|pool| &pool.members).map(|member| member.ip);
            members.zip(compiled.first_slot..)
        })
        .collect();
    slots.values().for_each(|slot| compiled.slots.set(*slot, true));
    for (number, step) in (1..).zip(&scenario.steps) {
        let at = format!("{label}, step {number}");
        set(&slots, &compiled.slots, &step.down, false, &at);
        set(&slots, &compiled.slots, &step.up, true, &at);
        if let Some(qtype) = &step.ask {
            ask(view, step, qtype, &at);
        }
    }
}

#[track_caller]
fn set(slots: &BTreeMap<IpAddr, u32>, health: &Slots, members: &[IpAddr], up: bool, at: &str) {
    for member in members {
        health.set(*slots.get(member).unwrap_or_else(|| panic!("{at}: no member {member}")), up);
    }
}

fn ask(view: &View, step: &Step, qtype: &str, at: &str) {
    let name = step.name.as_deref().unwrap_or(NAME);
    if let Some(because) = &step.because {
        let question = DnsQuestion { name: name.into(), qtype: qtype.into(), client: Some(asker(step)) };
        let explained = explain(view, &question, &NoBooks).unwrap();
        let steps = explained.steps.iter().map(|step| format!("{}: {}", step.step, step.outcome));
        let members = explained.members.iter().map(|member| format!("{}: {}", member.ip, member.reason));
        let told = steps.chain(members).collect::<Vec<_>>().join("\n");
        assert!(told.contains(because), "{at}: `{because}` is not in\n{told}");
        if step.subnet.is_none() && step.expect.is_some() {
            let data = |record: &String| record.rsplit(' ').next().unwrap().trim_end_matches('.').to_owned();
            let answer: Vec<String> = explained.answer.answer.iter().map(data).collect();
            assert_eq!(Some(&answer), step.expect.as_ref(), "{at}: the explanation is another answer\n{told}");
        }
    }
    let query = query(name, qtype, step.subnet.as_deref());
    if let Some(counts) = &step.counts {
        let mut seen = BTreeMap::new();
        for _ in 0..counts.values().sum() {
            let reply = reply(view, &query, step).unwrap_or_else(|| panic!("{at}: no packet"));
            *seen.entry(data(&reply.answers).join(" ")).or_insert(0_usize) += 1;
        }
        assert_eq!(&seen, counts, "{at}");
        return;
    }
    let reply = reply(view, &query, step);
    assert_eq!(reply.is_none(), step.no_packet.unwrap_or(false), "{at}: {reply:?}");
    let Some(reply) = reply else { return };
    if let Some(expected) = &step.expect {
        assert_eq!(&data(&reply.answers), expected, "{at}");
    }
    if let Some(expected) = &step.additional {
        assert_eq!(&data(&reply.additionals), expected, "{at}");
    }
    if let Some(rcode) = &step.rcode {
        assert_eq!(&format!("{:?}", reply.metadata.response_code).to_uppercase(), rcode, "{at}");
    }
    if let Some(ttl) = step.ttl {
        assert!(reply.answers.iter().all(|record| record.ttl == ttl), "{at}: {:?}", reply.answers);
    }
    if let Some(expected) = step.scope {
        let option = reply.edns.as_ref().and_then(|edns| edns.option(EdnsCode::Subnet).cloned());
        let Some(EdnsOption::Subnet(subnet)) = option else { panic!("{at}: no client subnet in {reply:?}") };
        assert_eq!(subnet.scope_prefix(), expected, "{at}");
    }
}

/// Who asks, as an explanation has it: without a resolver between.
fn asker(step: &Step) -> IpAddr {
    let subnet = step.subnet.as_deref().and_then(|subnet| subnet.split('/').next());
    subnet.map_or(step.from, |ip| ip.parse().unwrap())
}

fn data(records: &[hickory_proto::rr::Record]) -> Vec<String> {
    let data = |record: &hickory_proto::rr::Record| match &record.data {
        RData::CNAME(name) => name.to_string().trim_end_matches('.').to_owned(),
        other => other.to_string(),
    };
    records.iter().map(data).collect()
}

fn query(name: &str, qtype: &str, subnet: Option<&str>) -> Vec<u8> {
    let mut message = Message::new(4711, MessageType::Query, OpCode::Query);
    let qtype: RecordType = qtype.parse().unwrap();
    let mut question = Query::query(Name::from_ascii(format!("{name}.")).unwrap(), qtype);
    question.set_query_class(DNSClass::IN);
    message.add_query(question);
    let mut edns = Edns::new();
    edns.set_max_payload(1232).set_version(0);
    if let Some((ip, prefix)) = subnet.and_then(|subnet| subnet.split_once('/')) {
        let subnet = ClientSubnet::new(ip.parse().unwrap(), prefix.parse().unwrap(), 0);
        edns.options_mut().insert(EdnsOption::Subnet(subnet));
    }
    message.edns = Some(edns);
    message.to_vec().unwrap()
}

fn reply(view: &View, query: &[u8], step: &Step) -> Option<Message> {
    let mut out = [0; 4096];
    let limit = if step.tcp { Limit::Tcp } else { Limit::Udp };
    let length = answer(view, query, step.from, limit, &mut out, &mut Advance)?;
    Some(Message::from_vec(&out[..length]).unwrap())
}

/// The snapshot that arrives at an engine.
fn arrived(label: &str, scenario: &Scenario) -> Arc<Snapshot> {
    let stored = objects(scenario);
    let objects = stored.iter().map(|(kind, uuid, fields)| Object {
        kind,
        uuid,
        name: fields.get("name").and_then(Value::as_str).unwrap_or(uuid),
        tenant: "admin",
        fields,
        created_us: 0,
        modified_us: 0,
        revision: 1,
    });
    let version = Version { incarnation: "i".into(), term: 0, revision: Revision(1) };
    let resolved = scenario.resolved.iter().map(|(name, ip)| {
        let asked = AskedName { name: DomainName::parse(name).unwrap(), v6: ip.is_ipv6() };
        (asked, Resolved::To(*ip))
    });
    let memo = Memo::default().with_names(Arc::new(resolved.collect()));
    let (mut snapshot, problems, _) = build(objects, version, PortOffset::NONE, memo);
    assert_eq!(problems, [], "{label}");
    if !scenario.geo.is_empty() {
        let bytes = Table::compile(Format::Csv, scenario.geo.as_bytes()).unwrap().encode();
        let checksum = "0".repeat(64);
        snapshot.clients.geo_chunks = GeoChunk::cut(&checksum, &bytes);
        snapshot.clients.geo_databases = vec![GeoDatabase { checksum, chunks: 1, name: label.to_owned() }];
    }
    let stamped = Stamped::encode(Arc::new(snapshot), None).unwrap();
    let mut assembler = Assembler::default();
    let arrived = parts(None, &stamped).into_iter().filter_map(|part| assembler.take(part).unwrap()).last().unwrap();
    assert_eq!(arrived.snapshot(), stamped.snapshot(), "{label}");
    Arc::clone(arrived.snapshot())
}

/// The scenario's objects, and what every world has.
fn objects(scenario: &Scenario) -> Vec<(String, String, Map<String, Value>)> {
    let mut all: Vec<(&str, String, Value)> = Vec::new();
    let mut refer = |kind: &'static str, policies: &[Map<String, Value>]| -> Vec<Value> {
        let refer = |(number, policy): (usize, &Map<String, Value>)| {
            let uuid = format!("dnspolicy-{kind}-{number}");
            let reference = json!({"dns_policy_ref": format!("/api/dnspolicy/{uuid}"), "index": number});
            all.push(("dnspolicy", uuid, policy.clone().into()));
            reference
        };
        policies.iter().enumerate().map(refer).collect()
    };
    let (policies, topology) = (refer("policy", &scenario.policies), refer("topology", &scenario.topology));
    let mut profile = json!({"num_dns_ip": 1, "ttl": 30, "negative_caching_ttl": 30, "edns": true,
        "domain_names": ["example.com"], "error_response": "DNS_ERROR_RESPONSE_ERROR"});
    let mut gslb = json!({"name": "Default", "dns_configs": [{"domain_name": "example.com"}],
        "sites": [{"cluster_uuid": "cluster-here", "name": "here"}]});
    let mut service = json!({"name": NAME, "domain_names": [NAME]});
    for (object, fields) in
        [(&mut profile, &scenario.profile), (&mut gslb, &scenario.gslb), (&mut service, &scenario.service)]
    {
        object.as_object_mut().unwrap().extend(fields.clone());
    }
    // The DNS virtual service is at a site of which no scenario has to speak.
    let own =
        json!({"cluster_uuid": "cluster-dns", "name": "dns", "dns_vses": [{"dns_vs_uuid": "virtualservice-dns"}]});
    gslb["sites"].as_array_mut().unwrap().push(own);
    all.extend([
        ("cluster", "cluster-dns".into(), json!({"name": "cluster"})),
        (
            "applicationprofile",
            "applicationprofile-dns".into(),
            json!({"type": "APPLICATION_PROFILE_TYPE_DNS", "dns_service_profile": profile}),
        ),
        (
            "virtualservice",
            "virtualservice-dns".into(),
            json!({"name": "dns", "enabled": true,
            "application_profile_ref": "applicationprofile-dns", "services": [{"port": 53, "port_range_end": 53}],
            "vip": [{"vip_id": "0", "ip_address": {"addr": "127.0.0.1", "type": "V4"}}],
            "dns_policies": policies, "topology_policies": topology}),
        ),
        ("gslb", "gslb-1".into(), gslb),
        ("gslbservice", "gslbservice-1".into(), service),
    ]);
    let stored = |(kind, uuid, fields): (&str, String, Value)| match fields {
        Value::Object(fields) => (kind.to_owned(), uuid, fields),
        other => panic!("{other}"),
    };
    all.into_iter().map(stored).collect()
}

/// Books in which nothing is written.
struct NoBooks;

impl Knowledge for NoBooks {
    fn of_member(&self, _: &str, _: &str, _: IpAddr) -> Option<String> {
        None
    }

    fn of_virtual_service(&self, _: &str) -> Option<String> {
        None
    }
}
