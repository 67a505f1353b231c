//! A disk without room, under the controller's data and under the engine's: each says so, answers go on, and what did not
//! fit is made up for when there is room.

use serde_json::Value;

use crate::lone::{Lone, SHOP, gslb_service};

/// A small file system for the directory of `part`; root of a user namespace may mount it.
fn small(part: &str, kib: u32) -> String {
    format!("mkdir {part} && mount -t tmpfs -o size={kib}k,mode=0700 tmpfs {part}")
}

/// A controller with DNS set up, and an engine that answers; `part` has a disk of its own.
fn start(part: &str, kib: u32) -> Option<Lone> {
    let mut lone = Lone::start_after(&small(part, kib))?;
    lone.start_controller("controller");
    lone.make_token("controller", "engine");
    lone.start_engine("engine");
    lone.set_up_dns("controller");
    lone.wait_for_answers();
    Some(lone)
}

/// Takes all the room that is left under `part`.
fn fill(lone: &Lone, part: &str) {
    let file = lone.path(&format!("{part}/ballast"));
    // It ends when the disk is full, which is what it is for.
    let _ = lone.enter("dd").args(["if=/dev/zero", &format!("of={file}"), "bs=1k", "status=none"]).output().unwrap();
}

fn free(lone: &Lone, part: &str) {
    assert!(lone.enter("rm").arg(lone.path(&format!("{part}/ballast"))).status().unwrap().success());
}

fn write(lone: &Lone, number: usize) -> (u16, Value) {
    let body = gslb_service(&format!("new-{number}.avi.example.com"), "127.0.0.3");
    lone.rest("controller", "POST", "/api/gslbservice", Some(&body))
}

#[test]
fn a_full_disk_under_the_store_refuses_writes_in_words_and_everything_else_goes_on() {
    let Some(mut lone) = start("controller", 16 * 1024) else { return };
    fill(&lone, "controller");
    // The log of writes has some room of its own left.
    let mut number = 0;
    let mut refusal = (0, Value::Null);
    lone.wait("a write that is refused", || {
        number += 1;
        refusal = write(&lone, number);
        refusal.0 != 201
    });
    let (status, said) = &refusal;
    assert_eq!(*status, 503, "{said}");
    let told = said["error"].as_str().unwrap();
    assert!(told.contains("disk is full and nothing was written: free some space"), "{told}");
    let file = lone.path("controller/controller.db");
    let log = lone.log("controller");
    let named = format!("{file}: the disk is full: free some space, the store goes on by itself");
    assert!(log.contains(&named), "{log}");

    // Reading goes on, also with a login of its own; so do answers, and what was acknowledged is there.
    let (status, listed) = lone.rest("controller", "GET", "/api/gslbservice?page_size=1000", None);
    assert_eq!((status, listed["count"].as_u64()), (200, Some(u64::try_from(number).unwrap())), "{listed}");
    let refused = format!("new-{number}.avi.example.com");
    assert!(!listed.to_string().contains(&refused), "{listed}");
    lone.assert_answers();
    let before = format!("new-{}.avi.example.com", number - 1);
    if number > 1 {
        lone.wait("the last that was written", || lone.dig(&before) == "127.0.0.3");
    }

    // A controller that starts now says what it lacks, or runs.
    free(&lone, "controller");
    lone.wait("a write that succeeds", || write(&lone, number).0 == 201);
    lone.wait("its answer", || lone.dig(&refused) == "127.0.0.3");
    lone.assert_answers();
    lone.stop("controller");
    lone.start_controller("controller");
    let (_, listed) = lone.rest("controller", "GET", "/api/gslbservice?page_size=1000", None);
    assert_eq!(listed["count"].as_u64(), Some(u64::try_from(number + 1).unwrap()), "{listed}");
}

#[test]
fn a_controller_that_finds_its_disk_full_says_so_and_starts_when_there_is_room() {
    let Some(mut lone) = start("controller", 16 * 1024) else { return };
    lone.stop("controller");
    fill(&lone, "controller");
    let data = lone.path("controller");
    let said = lone.refusal(&["controller", "--data", &data, "--listen", crate::lone::CONTROLLER]);
    assert!(said.contains(&data), "{said}");
    assert!(said.contains("is full: free some space") || said.contains("No space left on device"), "{said}");
    lone.assert_answers();
    free(&lone, "controller");
    lone.start_controller("controller");
    assert_eq!(write(&lone, 1).0, 201);
    lone.wait("its answer", || lone.dig("new-1.avi.example.com") == "127.0.0.3");
}

#[test]
fn a_full_disk_under_the_engine_is_told_and_made_up_for() {
    let Some(mut lone) = start("engine", 256) else { return };
    fill(&lone, "engine");
    // The engine takes what is new, whether it can keep it or not.
    let mut number = 0;
    lone.wait("the engine's word", || {
        number += 1;
        assert_eq!(write(&lone, number).0, 201);
        let name = format!("new-{number}.avi.example.com");
        lone.wait("its answer", || lone.dig(&name) == "127.0.0.3");
        lone.log("engine").contains("snapshot not kept on disk")
    });
    let log = lone.log("engine");
    assert!(log.contains(&lone.path("engine")) && log.contains("No space left on device"), "{log}");
    lone.assert_answers();

    // Nothing changes any more, and still it is made up for: the next start, without the controller, has all of it.
    free(&lone, "engine");
    lone.wait("the engine's word", || lone.log("engine").contains("snapshots are kept on disk again"));
    lone.stop("controller");
    lone.stop("engine");
    lone.start_engine("engine");
    lone.wait_for_answers();
    assert_eq!(lone.dig(&format!("new-{number}.avi.example.com")), "127.0.0.3");
    assert_eq!(lone.dig(SHOP.0), SHOP.1);
}

#[test]
fn an_engine_that_starts_on_a_full_disk_answers_with_what_it_kept() {
    let Some(mut lone) = start("engine", 256) else { return };
    let kept = lone.path("engine/checkpoint");
    lone.wait("the snapshot to be kept", || lone.enter("test").args(["-s", &kept]).status().unwrap().success());
    lone.stop("engine");
    lone.stop("controller");
    fill(&lone, "engine");
    lone.start_engine("engine");
    lone.wait_for_answers();
    lone.assert_answers();
    lone.start_controller("controller");
    assert_eq!(write(&lone, 1).0, 201);
    lone.wait("its answer", || lone.dig("new-1.avi.example.com") == "127.0.0.3");
    lone.assert_answers();
}
