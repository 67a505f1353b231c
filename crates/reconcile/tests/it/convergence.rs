//! Over random worlds: a plan, carried out, leaves nothing to do, and touches nothing foreign.

use proptest::prelude::*;
use reconcile::{ObjectType, Ownership, Wanted};
use serde_json::json;

use crate::controller::{Controller, monitor, owner, service};

/// One service: number, members with ratios, kind of its monitor, and a TTL.
type Spec = (u8, Vec<(u8, u32)>, bool, Option<u32>);

fn world() -> impl Strategy<Value = Vec<Spec>> {
    let members = prop::collection::btree_map(0..5u8, 1..20u32, 1..4).prop_map(|map| map.into_iter().collect());
    let spec = (0..4u8, members, any::<bool>(), prop::option::of(1..100u32));
    prop::collection::vec(spec, 0..4).prop_map(|mut specs| {
        specs.sort_by_key(|spec| spec.0);
        specs.dedup_by_key(|spec| spec.0);
        specs
    })
}

fn wanted(specs: &[Spec]) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for (number, members, is_http, ttl) in specs {
        let (name, hm) = (format!("svc{number}"), format!("amko--{number}"));
        let members: Vec<_> = members.iter().map(|(host, ratio)| (format!("10.0.{number}.{host}"), *ratio)).collect();
        let members: Vec<_> = members.iter().map(|(address, ratio)| (address.as_str(), *ratio)).collect();
        wanted.push(monitor(&hm, &name, if *is_http { "HTTP" } else { "TCP" }, 80));
        let mut service = service(&name, &members, &[&hm]);
        if let Some(ttl) = ttl {
            service.draft["ttl"] = (*ttl).into();
        }
        wanted.push(service);
    }
    wanted
}

proptest! {
    #[test]
    fn a_plan_carried_out_leaves_nothing_to_do(
        before in world(), after in world(), foreign in prop::collection::btree_set(0..4u8, 0..3), tuned in 0..4u8,
    ) {
        let mut start = wanted(&before);
        for number in &foreign {
            for object in &mut start {
                if object.unit.service == format!("svc{number}") {
                    match object.key.kind {
                        ObjectType::GslbService => object.draft["created_by"] = "amko-other".into(),
                        ObjectType::HealthMonitor => object.draft["markers"] = json!([]),
                    }
                }
            }
        }
        let mut controller = Controller::with(&start);
        let made_for = format!("svc{tuned}");
        let objects = controller.observed.objects.iter();
        let tuned: Vec<_> = objects.filter(|(_, object)| object.service.as_deref() == Some(&made_for)).map(|(key, _)| key.clone()).collect();
        for key in tuned {
            controller.edit(key.kind, &key.name, |body| body["send_interval"] = 1.into());
        }
        let theirs = |controller: &Controller| -> Vec<_> {
            let objects = controller.observed.objects.iter();
            let foreign = objects.filter(|(key, object)| {
                key.kind == ObjectType::GslbService
                    && owner().ownership(key.kind, object) != Ownership::Ours
            });
            foreign.map(|(key, object)| (key.clone(), object.clone())).collect()
        };
        let untouched = theirs(&controller);
        let wanted = wanted(&after);
        let plan = controller.plan(&wanted);
        controller.apply(&plan);
        prop_assert_eq!(untouched, theirs(&controller));
        let again = controller.plan(&wanted);
        prop_assert!(again.steps.is_empty(), "{}", again);
        prop_assert_eq!(again.conflicts, plan.conflicts);
    }
}
