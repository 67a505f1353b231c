use std::sync::Arc;

use model::{Revision, Version, gslb::GslbService};
use se_protocol::PortOffset;
use serde_json::{Map, Value, json};

use super::*;
use crate::{Memo, Object, build};

struct World {
    /// The fields of two services.
    services: [Map<String, Value>; 2],
    memo: Memo,
}

impl World {
    /// One service with these members, and another with an address.
    fn new(members: Value) -> Self {
        let service = |members: Value| {
            let Value::Object(fields) =
                json!({"domain_names": ["a.example.com"], "groups": [{"name": "p", "members": members}]})
            else {
                unreachable!("an object was given")
            };
            fields
        };
        let other = service(json!([{"ip": {"addr": "192.0.2.99"}}]));
        Self { services: [service(members), other], memo: Memo::default() }
    }

    /// Both services and the problems, with these names.
    fn build(&mut self, names: &[(&str, bool, Resolved)]) -> (Vec<Arc<GslbService>>, Vec<String>) {
        let names: Names = names.iter().map(|(name, v6, resolved)| (asked(name, *v6), resolved.clone())).collect();
        let objects = ["gslbservice-1", "gslbservice-2"].into_iter().zip(&self.services).map(|(uuid, fields)| Object {
            kind: "gslbservice",
            uuid,
            name: uuid,
            tenant: "admin",
            fields,
            created_us: 0,
            modified_us: 0,
            revision: 1,
        });
        let version = Version { incarnation: "i".into(), term: 0, revision: Revision(1) };
        let memo = std::mem::take(&mut self.memo).with_names(Arc::new(names));
        let (snapshot, problems, memo) = build(objects, version, PortOffset::NONE, memo);
        self.memo = memo;
        let of_services = problems.iter().map(ToString::to_string).filter(|it| it.contains("gslbservice-"));
        (snapshot.gslb_services, of_services.collect())
    }
}

fn asked(name: &str, v6: bool) -> AskedName {
    AskedName { name: DomainName::parse(name).unwrap(), v6 }
}

fn to(ip: &str) -> Resolved {
    Resolved::To(ip.parse().unwrap())
}

fn members(service: &GslbService) -> Vec<String> {
    service.pools[0].members.iter().map(|member| member.ip.to_string()).collect()
}

#[test]
fn a_member_known_by_its_name_has_the_address_that_the_name_resolves_to() {
    let mut world =
        World::new(json!([{"fqdn": "CDN.example.net"}, {"fqdn": "v6.example.net", "resolve_fqdn_to_v6": true},
        {"fqdn": "both.example.net", "ip": {"addr": "192.0.2.3"}}, {"fqdn": "off.example.net", "enabled": false}]));
    let (services, problems) = world.build(&[]);
    // Until it is asked for, there is nothing to say.
    assert_eq!((members(&services[0]), problems), (vec!["192.0.2.3".to_owned()], vec![]));
    let wanted: Vec<_> = world.memo.names_asked().into_iter().collect();
    assert_eq!(
        wanted,
        [asked("both.example.net", false), asked("cdn.example.net", false), asked("v6.example.net", true)]
    );

    let names = [("cdn.example.net", false, to("192.0.2.1")), ("v6.example.net", true, to("2001:db8::1"))];
    let (resolved, problems) = world.build(&names);
    assert_eq!(
        (members(&resolved[0]), problems),
        (vec!["192.0.2.1".into(), "2001:db8::1".into(), "192.0.2.3".into()], vec![])
    );
    assert_eq!(resolved[0].pools[0].members[0].fqdn.as_ref().unwrap().as_str(), "cdn.example.net");
    assert!(Arc::ptr_eq(&services[1], &resolved[1]), "a service without names is not made again");
    assert!(Arc::ptr_eq(&resolved[0], &world.build(&names).0[0]), "nor one whose names resolve to the same");

    let (moved, _) =
        world.build(&[("cdn.example.net", false, to("192.0.2.7")), ("both.example.net", false, to("192.0.2.8"))]);
    assert_eq!(members(&moved[0]), ["192.0.2.7", "192.0.2.8"]);
}

#[test]
fn a_name_that_does_not_resolve_is_told_and_its_member_is_left_out() {
    let mut world =
        World::new(json!([{"fqdn": "cdn.example.net"}, {"fqdn": "both.example.net", "ip": {"addr": "192.0.2.3"}}, {}]));
    let failed = Resolved::Failed("there is no such name".into());
    let (services, problems) =
        world.build(&[("cdn.example.net", false, failed.clone()), ("both.example.net", false, failed)]);
    assert_eq!(members(&services[0]), ["192.0.2.3"]);
    let of = "GslbService gslbservice-1, groups[0].members";
    assert_eq!(
        problems,
        [
            format!("{of}[0].fqdn: `cdn.example.net` does not resolve: there is no such name; the member is left out"),
            format!(
                "{of}[1].fqdn: `both.example.net` does not resolve: there is no such name; the address in `ip` is used"
            ),
            format!("{of}[2].ip: no address; the member is skipped"),
        ]
    );
}
