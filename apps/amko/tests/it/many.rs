//! Thousands of hosts at once.

use std::time::Duration;

use crate::setting::{Setting, ingress, policy};

const HOSTS: usize = 2_000;
/// Longest wait for all of them to be written.
const PATIENCE: Duration = Duration::from_secs(300);

#[tokio::test]
async fn an_edit_among_thousands_of_writes_is_served_first_and_looks_stay_few() {
    let setting = Setting::hello().await;
    let before = setting.amko().progress().borrow().looks;
    let host = |number: usize| format!("z-{number:04}.avi.iberia.local");
    // All come with the next watch: a channel holds fewer.
    setting.leader().hang_up();
    for number in 0..HOSTS {
        let address = format!("10.1.{}.{}", number / 200, number % 200 + 1);
        setting.leader().apply(ingress(&format!("z-{number:04}"), &host(number), &address));
    }
    let there = |s: &Setting| s.controller.count("gslbservice");
    setting.until("the first of them", |s| there(s) > 20).await;
    setting.leader().apply(policy([6, 3, 1]));
    setting.until_members(&["127.10.23.40*1", "127.10.25.40*6", "127.10.26.40*3"]).await;
    let meanwhile = there(&setting);
    assert!(meanwhile < HOSTS, "the edit waited for all that are new");

    let mut progress = setting.amko().progress();
    let all = progress.wait_for(|progress| progress.is_synced && progress.services == HOSTS + 1);
    tokio::time::timeout(PATIENCE, all).await.unwrap().unwrap();
    assert_eq!(there(&setting), HOSTS + 1);
    let (written, refused) = setting.amko().writes();
    let looks = setting.amko().progress().borrow().looks - before;
    assert!(written > 2 * HOSTS as u64 && refused == 0, "{written} {refused}");
    assert!(looks < written / 20, "{looks} looks for {written} writes");
}
