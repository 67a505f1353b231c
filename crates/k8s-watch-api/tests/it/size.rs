//! Very many objects.

use std::time::Instant;

use futures::{StreamExt, stream};
use k8s_crds::Kind;
use k8s_watch_api::MEMBER_KINDS;

use crate::changes::ingress;
use crate::clusters::{CROWDED, clusters, create, namespace};
use crate::reader::Reader;

const MANY: usize = 5_000;
/// What listing them may cost at its peak, over what was used before: five times what is kept.
const PEAK_MAX_KIB: u64 = 128 * 1024;

/// A line of `/proc/self/status`, in KiB.
fn memory(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "what is noted here is a time")]
async fn thousands_of_ingresses_are_listed_in_pages() {
    let Some(clusters) = clusters().await else { return };
    let client = clusters.client(CROWDED).await;
    create(&client, "/api/v1/namespaces", namespace("crowd")).await;
    let begin = Instant::now();
    let all = "/apis/networking.k8s.io/v1/namespaces/crowd/ingresses";
    let make = |number: usize| create(&client, all, ingress(&format!("i{number}"), &format!("h{number}.example.com")));
    stream::iter(0..MANY).map(make).buffer_unordered(32).for_each(async |_| ()).await;
    let created = begin.elapsed();

    std::fs::write("/proc/self/clear_refs", "5").unwrap(); // the peak counts from now
    let (before, begin) = (memory("VmRSS"), Instant::now());
    let mut reader = Reader::start(CROWDED, clusters.access(CROWDED), MEMBER_KINDS);
    reader.until_reset().await;
    let (listed, peak, after) = (begin.elapsed(), memory("VmHWM") - before, memory("VmRSS").saturating_sub(before));
    let ingresses = reader.objects.keys().filter(|key| key.kind == Kind::Ingress).count();
    eprintln!(
        "{MANY} Ingresses: created in {created:.1?}, listed in {listed:.2?}, peak {} MiB, kept {} MiB",
        peak / 1024,
        after / 1024
    );
    assert_eq!((ingresses, reader.problems.len()), (MANY, 0));
    assert!(peak < PEAK_MAX_KIB, "{peak} KiB");

    create(&client, all, ingress("last", "last.example.com")).await;
    reader.until(|reader| reader.has(Kind::Ingress, "crowd", "last")).await;
    assert_eq!(reader.resets, 1);
}
