//! Many services: the time of a look grows with their number, not with its square.

use std::time::{Duration, Instant};

use amko_translate::{Outcome, explain_change};

use crate::world::{World, ingress, selector, split};

const HOSTS: usize = 10_000;
/// Far above what it takes, far below what it took when each service went through all monitors and objects.
const WITHIN: Duration = Duration::from_secs(40);

/// That many hosts in two clusters.
fn world(hosts: usize) -> World {
    let mut world = World::new();
    for number in 0..hosts {
        let (name, host) = (format!("app-{number}"), format!("app-{number}.avi.iberia.local"));
        for (net, cluster) in [(1, "k8s"), (2, "oshift")] {
            let address = format!("10.{net}.{}.{}", number / 200, number % 200 + 1);
            world.put(cluster, ingress(&name, &[(&host, &address)]));
        }
    }
    world
}

fn texts(before: &Outcome, after: &Outcome) -> Vec<String> {
    explain_change(before, after).into_iter().map(|reason| reason.text).collect()
}

#[expect(clippy::disallowed_methods, reason = "the time is what is tested")]
fn now() -> Instant {
    Instant::now()
}

#[test]
fn thousands_of_services_are_translated_and_every_change_of_them_explained() {
    let mut world = world(HOSTS);
    let began = now();
    let before = world.outcome();
    assert_eq!(before.desired.services.len(), HOSTS);
    assert_eq!(texts(&before, &before), [""; 0]);

    world.gdp.spec.traffic_split = vec![split("k8s", 6, 10), split("oshift", 4, 10)];
    let weighted = world.outcome();
    let ratios = texts(&before, &weighted);
    assert_eq!(ratios.len(), 2 * HOSTS, "{:?}", ratios.first());

    world.gdp.spec.match_rules.app_selector = selector("app", "other");
    let none = world.outcome();
    for (old, new, word) in [(&weighted, &none, "left"), (&none, &weighted, "joined")] {
        let texts = texts(old, new);
        assert_eq!(texts.len(), 2 * HOSTS);
        assert!(texts.iter().all(|text| text.contains(word) && text.contains("GlobalDeploymentPolicy")), "{texts:?}");
    }
    assert!(began.elapsed() < WITHIN, "{:?}", began.elapsed());
}
