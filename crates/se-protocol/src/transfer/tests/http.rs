//! L7 virtual services and registrations: any of them travel whole, and what did not change is shared.

mod any;

use model::{
    dns::{RecordData, RecordOrder, Registration},
    http::{
        Certificate, Child, HostMatch, HttpObjects, PolicySet, RequestMatch, SecurityAction, SecurityRule,
        VirtualService,
    },
    testing::{domain, http_pool, pool_group, virtual_host, virtual_service},
};

use super::*;
use crate::resource::DecodeError;

/// Number and seed of each child, in order.
type Family = Vec<(u8, u8)>;

/// What a random history is made of: numbers of objects to the seeds of their content.
#[derive(Debug, Clone, Default)]
struct HttpWorld {
    certificates: BTreeMap<u8, u8>,
    policies: BTreeMap<u8, u8>,
    services: BTreeMap<u8, (u8, Family)>,
    pools: BTreeMap<u8, u8>,
    registrations: BTreeMap<u8, u8>,
}

fn histories() -> impl Strategy<Value = Vec<HttpWorld>> {
    let few = |most: u8| prop::collection::btree_map(0..most, 0..3u8, 0..usize::from(most));
    // Each child has one parent.
    let children = prop::collection::vec((0..12u8, 0..3u8, 0..3u8), 0..12);
    let world = (few(3), few(3), few(3), children, few(3), few(3)).prop_map(
        |(certificates, policies, services, children, pools, registrations)| {
            let mut services: BTreeMap<u8, (u8, Family)> =
                services.into_iter().map(|(number, seed)| (number, (seed, Vec::new()))).collect();
            let mut seen = Vec::new();
            for (number, seed, parent) in children {
                if let Some((_, family)) = services.get_mut(&parent).filter(|_| !seen.contains(&number)) {
                    seen.push(number);
                    family.push((number, seed));
                }
            }
            HttpWorld { certificates, policies, services, pools, registrations }
        },
    );
    prop::collection::vec(world, 1..8)
}

impl HttpWorld {
    fn certificates(&self) -> Vec<Arc<Certificate>> {
        let certificate = |(number, seed): (&u8, &u8)| Certificate {
            uuid: format!("sslkeyandcertificate-{number}"),
            name: format!("c{number}"),
            chain_pem: format!("chain {seed}"),
            key_pem: format!("key {seed}"),
        };
        self.certificates.iter().map(certificate).map(Arc::new).collect()
    }

    fn policies(&self) -> Vec<Arc<PolicySet>> {
        let rule = |seed: u8| SecurityRule {
            name: format!("rule {seed}"),
            matches: RequestMatch::default(),
            action: SecurityAction::RedirectToHttps { port: u16::from(seed) },
        };
        let policy = |(number, seed): (&u8, &u8)| PolicySet {
            uuid: format!("httppolicyset-{number}"),
            name: "p".into(),
            security: vec![rule(*seed)],
            request: vec![],
        };
        self.policies.iter().map(policy).map(Arc::new).collect()
    }

    fn objects(&self) -> HttpObjects {
        let (certificates, policies) = (self.certificates(), self.policies());
        let child = |&(number, seed): &(u8, u8)| {
            let mut host = virtual_host(&format!("child-{number}"), None);
            host.enabled = seed != 1;
            host.policies = policies.iter().skip(seed.into()).cloned().collect();
            Arc::new(Child { host, matches: vec![HostMatch { host: format!("h{number}.example.com"), rules: vec![] }] })
        };
        let service = |(number, (seed, children)): (&u8, &(u8, Family))| {
            let mut service = virtual_service(&format!("{number}"), "192.0.2.1:80".parse().unwrap(), None);
            service.ports[0].tls = *seed == 1;
            service.host.policies = policies.iter().rev().take((*seed).into()).cloned().collect();
            service.certificates = certificates.iter().skip((*seed).into()).rev().cloned().collect();
            VirtualService { children: children.iter().map(child).collect(), ..service }
        };
        let pools = self.pools.iter().map(|(number, seed)| (format!("{number}"), *seed));
        let pools: Vec<_> = pools.collect();
        HttpObjects {
            services: self.services.iter().map(service).map(Arc::new).collect(),
            pools: pools
                .iter()
                .map(|(name, seed)| Arc::new(http_pool(name, &[("192.0.2.7:80".parse().unwrap(), *seed)])))
                .collect(),
            pool_groups: pools
                .iter()
                .map(|(name, seed)| Arc::new(pool_group(name, &[(name.as_str(), (*seed).into(), 1)])))
                .collect(),
        }
    }

    fn snapshot(&self, revision: u64) -> Arc<Snapshot> {
        let registration = |(number, seed): (&u8, &u8)| Registration {
            // One name is the beginning of another.
            name: domain(["app", "app-a", "app.a"][usize::from(number % 3)]),
            data: match seed {
                0 => RecordData::Name(domain("other.example.com")),
                _ => RecordData::Addresses(vec![[192, 0, 2, *seed].into()]),
            },
            ttl: Ttl::try_from(30).unwrap(),
            addresses_max: (*seed > 1).then_some(1),
            order: if *seed == 1 { RecordOrder::RoundRobin } else { RecordOrder::ConsistentHash },
            vs_vip: format!("vsvip-{number}"),
            virtual_services: [format!("virtualservice-{number}")].into(),
            only_while_up: *seed == 1,
        };
        let mut registrations: Vec<_> = self.registrations.iter().map(registration).map(Arc::new).collect();
        registrations.sort_by(|a, b| (&a.name, &a.vs_vip).cmp(&(&b.name, &b.vs_vip)));
        let without = Arc::unwrap_or_clone(World::default().snapshot(revision));
        Arc::new(Snapshot { http: self.objects(), registrations, ..without })
    }
}

proptest! {
    #[test]
    fn deltas_lead_to_the_full_http_services(worlds in histories()) {
        let mut assembler = Assembler::default();
        let mut sent: Option<Stamped> = None;
        for (revision, world) in worlds.iter().enumerate() {
            let snapshot = world.snapshot(revision as u64);
            let next = Stamped::encode(Arc::clone(&snapshot), sent.as_ref()).unwrap();
            let arrived = feed(&mut assembler, parts(sent.as_ref(), &next)).unwrap().unwrap();
            prop_assert_eq!(arrived.snapshot(), &snapshot);
            prop_assert_eq!(&*arrived, &Stamped::encode(snapshot, None).unwrap());
            sent = Some(next);
        }
    }

    #[test]
    fn any_http_services_travel_whole(http in any::objects(), registrations in any::registrations()) {
        let without = Arc::unwrap_or_clone(World::default().snapshot(1));
        let snapshot = Arc::new(Snapshot { http, registrations, ..without });
        let sent = Stamped::encode(Arc::clone(&snapshot), None).unwrap();
        let arrived = feed(&mut Assembler::default(), parts(None, &sent)).unwrap().unwrap();
        prop_assert_eq!(arrived.snapshot(), &snapshot);
    }

    #[test]
    fn resources_that_are_nearly_right_never_panic(
        http in any::objects(),
        registrations in any::registrations(),
        which in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
        flip in any::<(prop::sample::Index, u8)>(),
    ) {
        let without = Arc::unwrap_or_clone(World::default().snapshot(1));
        let sent = Stamped::encode(Arc::new(Snapshot { http, registrations, ..without }), None).unwrap();
        let (mut puts, _) = sent.resources().changes_since(&ResourceSet::default());
        let wire::Resource { key, body } = puts.swap_remove(which.index(puts.len()));
        let mut body = body.to_vec();
        body.truncate(cut.index(body.len() + 1));
        if !body.is_empty() {
            let place = flip.0.index(body.len());
            body[place] ^= flip.1;
        }
        for previous in [None, Some(&sent)] {
            let mut set = sent.resources().clone();
            set.put(key.clone().unwrap().into(), body.clone().into());
            let _ = Stamped::decode(version("a", 2), set.clone(), previous);
            set.remove(&key.clone().unwrap().into());
            let _ = Stamped::decode(version("a", 2), set, previous);
        }
    }
}

/// A parent with so many children, and another virtual service with a certificate and rules.
fn large(children: u8) -> HttpWorld {
    HttpWorld {
        certificates: [(0, 0)].into(),
        policies: [(0, 0), (1, 0)].into(),
        services: [(0, (0, (0..children).map(|number| (number, 0)).collect())), (1, (1, Vec::new()))].into(),
        pools: (0..5).map(|number| (number, 1)).collect(),
        registrations: [(0, 1)].into(),
    }
}

fn next(previous: &Stamped, snapshot: Snapshot) -> (Stamped, Arc<Stamped>, Vec<String>) {
    let sent = Stamped::encode(Arc::new(snapshot), Some(previous)).unwrap();
    let parts = parts(Some(previous), &sent);
    let touched = parts.iter().flat_map(|part| match part {
        Part::Chunk(chunk) => {
            let puts = chunk.puts.iter().filter_map(|put| put.key.clone()).map(|key| format!("+{}", key.id));
            puts.chain(chunk.deletes.iter().map(|key| format!("-{}", key.id))).collect::<Vec<_>>()
        }
        Part::Begin(_) | Part::Commit(_) => vec![],
    });
    let touched = touched.collect();
    let mut assembler = Assembler::new(Some(Arc::new(previous.clone())));
    let arrived = feed(&mut assembler, parts).unwrap().unwrap();
    (sent, arrived, touched)
}

fn changed(previous: &Stamped, change: impl FnOnce(&mut Snapshot)) -> Snapshot {
    let mut snapshot = Snapshot::clone(previous.snapshot());
    snapshot.version.revision.0 += 1;
    change(&mut snapshot);
    snapshot
}

#[test]
fn child_of_many_travels_alone_and_the_others_are_shared() {
    let base = Stamped::encode(large(200).snapshot(1), None).unwrap();
    let snapshot = changed(&base, |snapshot| {
        let service = Arc::make_mut(&mut snapshot.http.services[0]);
        Arc::make_mut(&mut service.children[70]).host.enabled = false;
    });
    let (_, arrived, touched) = next(&base, snapshot);
    assert_eq!(touched, ["+virtualservice-child-70"]);
    let (before, now) = (&base.snapshot().http, &arrived.snapshot().http);
    let kept = before.services[0].children.iter().zip(&now.services[0].children);
    let kept: Vec<bool> = kept.map(|(before, now)| Arc::ptr_eq(before, now)).collect();
    assert_eq!(kept.iter().position(|same| !same), Some(70));
    assert_eq!(kept.iter().filter(|same| !**same).count(), 1);
    assert!(!now.services[0].children[70].host.enabled);
    assert!(Arc::ptr_eq(&before.services[1], &now.services[1]));
    assert!(Arc::ptr_eq(&before.services[0].certificates[0], &now.services[0].certificates[0]));
    assert!(Arc::ptr_eq(&before.pools[0], &now.pools[0]) && Arc::ptr_eq(&before.pool_groups[0], &now.pool_groups[0]));
    assert!(Arc::ptr_eq(&base.snapshot().registrations[0], &arrived.snapshot().registrations[0]));
}

#[test]
fn parent_of_five_thousand_hosts_fits_its_messages_and_one_change_is_small() {
    let mut parent = virtual_service("parent", "192.0.2.1:80".parse().unwrap(), None);
    let host = |number| model::testing::child(&format!("{number:05}"), &format!("app{number}.example.com"), None);
    parent.children = (0..5_000).map(host).collect();
    let http = HttpObjects { services: vec![Arc::new(parent)], ..HttpObjects::default() };
    let without = Arc::unwrap_or_clone(World::default().snapshot(1));
    let base = Stamped::encode(Arc::new(Snapshot { http, ..without }), None).unwrap();
    for part in parts(None, &base) {
        if let Part::Chunk(chunk) = part {
            assert!(chunk.encoded_len() <= crate::MESSAGE_BYTES_MAX);
        }
    }
    let snapshot = changed(&base, |snapshot| {
        let parent = Arc::make_mut(&mut snapshot.http.services[0]);
        Arc::make_mut(&mut parent.children[2_500]).host.enabled = false;
    });
    let sent = Stamped::encode(Arc::new(snapshot), Some(&base)).unwrap();
    let bytes: usize = parts(Some(&base), &sent)
        .iter()
        .map(|part| match part {
            Part::Begin(begin) => begin.encoded_len(),
            Part::Chunk(chunk) => chunk.encoded_len(),
            Part::Commit(commit) => commit.encoded_len(),
        })
        .sum();
    assert!(bytes < 1_000, "{bytes}");
}

#[test]
fn child_that_goes_or_comes_changes_one_other() {
    let base = Stamped::encode(large(200).snapshot(1), None).unwrap();
    let gone = changed(&base, |snapshot| {
        Arc::make_mut(&mut snapshot.http.services[0]).children.remove(3);
    });
    let (without, arrived, touched) = next(&base, gone);
    assert_eq!(touched, ["+virtualservice-child-4", "-virtualservice-child-3"]);
    assert_eq!(arrived.snapshot(), without.snapshot());
    let back = changed(&without, |snapshot| {
        let child = Arc::clone(&base.snapshot().http.services[0].children[3]);
        Arc::make_mut(&mut snapshot.http.services[0]).children.insert(0, child);
    });
    let (with, arrived, touched) = next(&without, back);
    assert_eq!(touched, ["+virtualservice-child-0", "+virtualservice-child-3"]);
    assert_eq!(arrived.snapshot(), with.snapshot());
}

#[test]
fn key_of_many_travels_once_and_reaches_all() {
    let mut world = large(3);
    world.services = (0..9).map(|number| (number, (0, Vec::new()))).collect();
    let base = Stamped::encode(world.snapshot(1), None).unwrap();
    world.certificates.insert(0, 5);
    let (_, arrived, touched) = next(&base, Arc::unwrap_or_clone(world.snapshot(2)));
    assert_eq!(touched, ["+sslkeyandcertificate-0"]);
    assert!(arrived.snapshot().http.services.iter().all(|service| service.certificates[0].key_pem == "key 5"));
}

#[test]
fn rules_that_change_reach_children_that_did_not() {
    let mut world = large(3);
    let base = Stamped::encode(world.snapshot(1), None).unwrap();
    world.policies.insert(1, 2);
    let (_, arrived, touched) = next(&base, Arc::unwrap_or_clone(world.snapshot(2)));
    assert_eq!(touched, ["+httppolicyset-1"]);
    assert_eq!(arrived.snapshot(), &world.snapshot(2));
}

#[track_caller]
fn check_refused(change: impl FnOnce(&mut ResourceSet), expected: &str) {
    let base = Stamped::encode(large(3).snapshot(1), None).unwrap();
    let mut set = base.resources().clone();
    change(&mut set);
    for previous in [None, Some(&base)] {
        match Stamped::decode(version("a", 2), set.clone(), previous) {
            Err(DecodeError::Resource { key, source }) => assert_eq!(format!("{key}: {source}"), expected),
            other => panic!("{other:?}"),
        }
    }
}

fn key(kind: wire::ResourceKind, id: &str) -> ResourceKey {
    wire::ResourceKey { kind: kind.into(), id: id.into() }.into()
}

#[test]
fn what_refers_to_nothing_is_refused() {
    use wire::ResourceKind::{Certificate, HttpChild, HttpVirtualService, PolicySet};
    check_refused(
        |set| set.remove(&key(Certificate, "sslkeyandcertificate-0")),
        "virtualservice-0: certificates names sslkeyandcertificate-0, which is not there",
    );
    check_refused(
        |set| set.remove(&key(PolicySet, "httppolicyset-0")),
        "virtualservice-child-0: policies names httppolicyset-0, which is not there",
    );
    check_refused(
        |set| set.remove(&key(HttpVirtualService, "virtualservice-0")),
        "virtualservice-child-0: among the children of virtualservice-0 there is no place for it after ``",
    );
    check_refused(
        |set| set.remove(&key(HttpChild, "virtualservice-child-0")),
        "virtualservice-child-1: among the children of virtualservice-0 there is no place for it after \
         `virtualservice-child-0`",
    );
    let service = model::testing::child("child-2", "h2.example.com", None);
    let twice = wire::http::child_message(&service, "virtualservice-0", "virtualservice-child-0").encode_to_vec();
    check_refused(
        |set| set.put(key(HttpChild, "virtualservice-child-2"), twice.into()),
        "virtualservice-child-2: among the children of virtualservice-0 there is no place for it after \
         `virtualservice-child-0`",
    );
    let other = wire::http::child_message(&service, "virtualservice-0", "virtualservice-child-2").encode_to_vec();
    check_refused(
        |set| set.put(key(HttpChild, "virtualservice-child-9"), other.into()),
        "virtualservice-child-9: not a child of a virtual service",
    );
}

#[test]
fn messages_are_written_without_keys() {
    let mut world = large(1);
    world.certificates.insert(0, 77);
    let stamped = Stamped::encode(world.snapshot(1), None).unwrap();
    let parts = parts(None, &stamped);
    assert!(!format!("{parts:?} {stamped:?}").contains("key 77"));
    let certificate = wire::Certificate::from(&*world.certificates()[0]);
    assert!(!format!("{certificate:?}").contains("key 77"));
}
