//! Whatever changed, a table compiled with the one before is the table compiled from scratch.

use std::collections::BTreeMap;

use model::testing;
use proptest::prelude::*;

use super::*;

fn shown(table: &Table) -> (BTreeMap<&[u8], String>, String, Vec<*const Service>) {
    let names = &table.names;
    let nodes = names.nodes.iter().map(|(name, node)| (&**name, format!("{node:?}"))).collect();
    let rest = format!("{:?} {:?} {:?} {:?}", names.zones, names.problems, table.profile, table.name);
    (nodes, rest, table.services.iter().map(Arc::as_ptr).collect())
}

proptest! {
    #[test]
    fn the_table_before_changes_nothing(
        steps in prop::collection::vec((0..6_u8, prop::option::weighted(0.8, 0..8_u8), 0..8_u8), 1..20)
    ) {
        let mut configs: BTreeMap<u8, Arc<GslbService>> = BTreeMap::new();
        let mut previous: Option<Table> = None;
        for (number, seed, dns_seed) in steps {
            match seed {
                Some(seed) => {
                    let members = vec![testing::member("192.0.2.1", u64::from(seed) + 1)];
                    let name = format!("app{}.avi.iberia.local", if seed == 7 { 0 } else { number });
                    let mut service = testing::service(&name, vec![testing::pool(10, members)]);
                    service.enabled = seed != 6;
                    service.wildcard_match = seed == 5;
                    configs.insert(number, Arc::new(service));
                }
                None => drop(configs.remove(&number)),
            }
            let mut dns = testing::dns_service("avi.iberia.local");
            dns.profile.edns = dns_seed > 2;
            let domains = [testing::domain(if dns_seed == 0 { "iberia.local" } else { "avi.iberia.local" })];
            let compiled: Vec<Arc<Service>> =
                configs.values().map(|service| Arc::new(Service::compile(service, 0, None, &gslb::Surroundings::default()))).collect();
            let pairs: Vec<(&Arc<GslbService>, &Arc<Service>)> = configs.values().zip(&compiled).collect();
            let (table, problems) = Table::compile(&dns, &domains, &pairs, previous.as_ref());
            let (expected, all_problems) = Table::compile(&dns, &domains, &pairs, None);
            prop_assert_eq!(problems, all_problems);
            prop_assert_eq!(shown(&table), shown(&expected));
            previous = Some(table);
        }
    }
}

#[test]
fn another_weight_leaves_the_names_alone() {
    let dns = testing::dns_service("avi.iberia.local");
    let compile = |weight, previous: Option<&Table>| {
        let members = vec![testing::member("192.0.2.1", weight)];
        let service = Arc::new(testing::service("app.avi.iberia.local", vec![testing::pool(10, members)]));
        let compiled = Arc::new(Service::compile(&service, 0, None, &gslb::Surroundings::default()));
        Table::compile(&dns, &[testing::domain("avi.iberia.local")], &[(&service, &compiled)], previous).0
    };
    let before = compile(1, None);
    let after = compile(2, Some(&before));
    assert!(Arc::ptr_eq(&before.names, &after.names));
}
