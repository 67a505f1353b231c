//! The table of avi-api 5.5 row by row, then what must hold in every world.

use proptest::prelude::*;

use super::*;

const UP: Option<Health> = Some(Health::Up { fails: 1 });
const DOWN: Option<Health> = Some(Health::Down { passes: 1 });
const NEW: Option<Health> = Some(Health::Unknown { fails: 1 });
const UNSUPPORTED: Option<Health> = None;

/// A combination as plain values; monitors are named m0, m1 …, and those that are down were refused.
#[derive(Debug, Clone)]
struct World {
    enabled: bool,
    min: Option<u32>,
    monitors: Vec<Option<Health>>,
    control_plane: Option<State>,
    before: State,
}

impl World {
    fn verdict(&self) -> Verdict {
        let names: Vec<String> = (0..self.monitors.len()).map(|index| format!("m{index}")).collect();
        let refused = Failure::new(FailureCode::ConnectionRefused, "");
        let monitors: Vec<MonitorInput<'_>> = names
            .iter()
            .zip(&self.monitors)
            .map(|(name, health)| MonitorInput {
                name,
                health: *health,
                failure: (*health == DOWN).then_some(&refused),
            })
            .collect();
        combine(&MemberInputs {
            enabled: self.enabled,
            min_health_monitors_up: self.min,
            monitors: &monitors,
            before: self.before,
            control_plane: self.control_plane,
            control_plane_awaited: false,
        })
    }
}

#[track_caller]
fn check(min: Option<u32>, monitors: &[Option<Health>], control_plane: Option<State>, state: State, reason: &str) {
    let world = World { enabled: true, min, monitors: monitors.to_vec(), control_plane, before: State::Unknown };
    let verdict = world.verdict();
    assert_eq!((verdict.state, verdict.reason.to_string().as_str()), (state, reason), "{world:?}");
}

#[test]
fn a_disabled_member_is_disabled_whatever_its_monitors_say() {
    for monitors in [vec![], vec![UP], vec![DOWN]] {
        let world = World { enabled: false, min: None, monitors, control_plane: Some(State::Up), before: State::Up };
        assert_eq!(world.verdict(), Verdict { state: State::Disabled, reason: Reason::Disabled });
    }
    assert_eq!(Reason::Disabled.to_string(), "disabled");
}

#[test]
fn a_member_nobody_watches_is_up() {
    check(None, &[], None, State::Up, "no monitor applies");
    check(Some(2), &[], None, State::Up, "no monitor applies");
}

#[test]
fn one_monitor_alone_decides() {
    for min in [None, Some(0), Some(1), Some(2)] {
        check(min, &[UP], None, State::Up, "1 of 1 required monitors pass");
        check(min, &[DOWN], None, State::Down, "0 of 1 required monitors pass: m0 CONNECTION_REFUSED");
        check(min, &[NEW], None, State::Unknown, "no verdict yet");
        check(min, &[UNSUPPORTED], None, State::Unknown, "no verdict: m0 is of a type that is not probed");
    }
}

#[test]
fn a_member_that_was_up_stays_up_until_its_new_monitors_have_a_verdict() {
    let with = |before, monitors: &[Option<Health>]| {
        let monitors = monitors.to_vec();
        World { enabled: true, min: Some(2), monitors, control_plane: None, before }.verdict()
    };
    let held = with(State::Up, &[NEW]);
    assert_eq!(held.state, State::Up);
    assert_eq!(held.reason.to_string(), "up before, no verdict of m0 yet");
    assert_eq!(with(State::Down, &[NEW]).state, State::Unknown);
    assert_eq!(with(State::Unknown, &[NEW]).state, State::Unknown);
    assert_eq!(with(State::Up, &[DOWN]).state, State::Down);
    // Nobody will ever give a verdict here, so there is nothing to wait for.
    assert_eq!(with(State::Up, &[None]).state, State::Unknown);
}

#[test]
fn the_control_plane_alone_decides() {
    for min in [None, Some(0), Some(1), Some(2)] {
        check(min, &[], Some(State::Up), State::Up, "1 of 1 required monitors pass");
        check(min, &[], Some(State::Down), State::Down, "0 of 1 required monitors pass: control plane OPER_DOWN");
        check(
            min,
            &[],
            Some(State::Disabled),
            State::Down,
            "0 of 1 required monitors pass: control plane OPER_DISABLED",
        );
        check(min, &[], Some(State::Unknown), State::Unknown, "no verdict yet");
    }
}

#[test]
fn a_member_that_only_the_control_plane_knows_stays_up_while_no_controller_tells() {
    let with = |before, control_plane_awaited, health: &[Option<Health>]| {
        let monitors: Vec<MonitorInput<'_>> =
            health.iter().map(|health| MonitorInput { name: "m0", health: *health, failure: None }).collect();
        let control_plane = Some(State::Unknown);
        let monitors = &monitors[..];
        let min_health_monitors_up = Some(2);
        combine(&MemberInputs {
            enabled: true,
            min_health_monitors_up,
            monitors,
            before,
            control_plane,
            control_plane_awaited,
        })
    };
    let held = with(State::Up, true, &[]);
    assert_eq!((held.state, held.reason.to_string().as_str()), (State::Up, "up before, no controller tells its state"));
    assert_eq!(with(State::Up, true, &[UNSUPPORTED]).state, State::Up);
    // It was not up; a controller is there and does not know; a monitor says no.
    assert_eq!(with(State::Down, true, &[]).state, State::Unknown);
    assert_eq!(with(State::Up, false, &[]).state, State::Unknown);
    assert_eq!(with(State::Up, true, &[DOWN]).state, State::Down);
}

#[test]
fn two_asked_for_means_monitor_and_control_plane() {
    let two = Some(2);
    check(two, &[UP], Some(State::Up), State::Up, "2 of 2 required monitors pass");
    check(two, &[UP], Some(State::Down), State::Down, "1 of 2 required monitors pass: control plane OPER_DOWN");
    check(two, &[DOWN], Some(State::Up), State::Down, "1 of 2 required monitors pass: m0 CONNECTION_REFUSED");
    check(two, &[DOWN], Some(State::Down), State::Down, "0 of 2 required monitors pass: m0 CONNECTION_REFUSED");
    // Unknown: a dead controller, or a virtual service it does not know.
    check(two, &[UP], Some(State::Unknown), State::Up, "1 of 1 required monitors pass");
    check(two, &[DOWN], Some(State::Unknown), State::Down, "0 of 1 required monitors pass: m0 CONNECTION_REFUSED");
    check(two, &[NEW], Some(State::Unknown), State::Unknown, "no verdict yet");
    check(two, &[NEW], Some(State::Up), State::Up, "1 of 1 required monitors pass");
    check(two, &[NEW], Some(State::Down), State::Down, "0 of 1 required monitors pass: control plane OPER_DOWN");
}

#[test]
fn fewer_asked_for_than_there_are_is_enough() {
    check(Some(1), &[UP, DOWN], None, State::Up, "1 of 1 required monitors pass");
    check(Some(1), &[UP, UP], None, State::Up, "1 of 1 required monitors pass");
    check(Some(2), &[UP, DOWN, UP], Some(State::Down), State::Up, "2 of 2 required monitors pass");
    check(Some(2), &[UP, DOWN, DOWN], None, State::Down, "1 of 2 required monitors pass: m1 CONNECTION_REFUSED");
    check(Some(0), &[DOWN, UP], None, State::Up, "1 of 1 required monitors pass");
    check(Some(0), &[DOWN, DOWN], None, State::Down, "0 of 1 required monitors pass: m0 CONNECTION_REFUSED");
}

#[test]
fn what_has_no_verdict_lowers_what_is_asked_for() {
    check(Some(3), &[UP, NEW], Some(State::Unknown), State::Up, "1 of 1 required monitors pass");
    check(Some(3), &[UP, UNSUPPORTED], Some(State::Up), State::Up, "2 of 2 required monitors pass");
    check(Some(3), &[DOWN, NEW], None, State::Down, "0 of 1 required monitors pass: m0 CONNECTION_REFUSED");
}

#[test]
fn unset_means_all() {
    check(None, &[UP, UP], Some(State::Up), State::Up, "3 of 3 required monitors pass");
    check(None, &[UP, DOWN], None, State::Down, "1 of 2 required monitors pass: m1 CONNECTION_REFUSED");
    check(None, &[UP], Some(State::Down), State::Down, "1 of 2 required monitors pass: control plane OPER_DOWN");
    check(None, &[UP], Some(State::Unknown), State::Up, "1 of 1 required monitors pass");
}

#[test]
fn unset_waits_for_every_probed_monitor() {
    check(None, &[UP, NEW], None, State::Unknown, "1 of 2 required monitors pass: m1 has no verdict yet");
    check(None, &[NEW], Some(State::Up), State::Unknown, "1 of 2 required monitors pass: m0 has no verdict yet");
    check(None, &[NEW, DOWN], None, State::Down, "0 of 2 required monitors pass: m1 CONNECTION_REFUSED");
    check(None, &[UP, UNSUPPORTED], None, State::Up, "1 of 1 required monitors pass");
}

/// Every world of up to three monitors, four kinds of verdict each, five of the control plane, five thresholds.
#[test]
fn every_small_world_follows_the_rule() {
    const KINDS: [Option<Health>; 4] = [UP, DOWN, NEW, UNSUPPORTED];
    let planes = [None, Some(State::Up), Some(State::Down), Some(State::Disabled), Some(State::Unknown)];
    let mut monitor_sets = vec![vec![]];
    for length in 1..=3 {
        let longer: Vec<Vec<_>> = monitor_sets
            .iter()
            .filter(|set: &&Vec<_>| set.len() == length - 1)
            .flat_map(|set| KINDS.map(|kind| [set.as_slice(), &[kind]].concat()))
            .collect();
        monitor_sets.extend(longer);
    }
    let mut worlds = 0;
    for monitors in &monitor_sets {
        for control_plane in planes {
            for min in [None, Some(0), Some(1), Some(2), Some(3)] {
                let world =
                    World { enabled: true, min, monitors: monitors.clone(), control_plane, before: State::Unknown };
                assert_eq!(world.verdict().state, rule(&world), "{world:?}");
                worlds += 1;
            }
        }
    }
    assert_eq!(worlds, (1 + 4 + 16 + 64) * 5 * 5);
}

/// avi-api 5.5 once more, as one reads it there.
fn rule(world: &World) -> State {
    let control_plane = world.control_plane;
    if world.monitors.is_empty() && control_plane.is_none() {
        return State::Up;
    }
    let count = |kind| world.monitors.iter().filter(|monitor| **monitor == kind).count();
    let passing = count(UP) + usize::from(control_plane == Some(State::Up));
    let failing = count(DOWN) + usize::from(matches!(control_plane, Some(State::Down | State::Disabled)));
    if passing + failing == 0 {
        return State::Unknown;
    }
    if let Some(min) = world.min {
        let enough = passing >= (passing + failing).min(min as usize) && passing >= 1;
        return if enough { State::Up } else { State::Down };
    }
    match (failing, count(NEW)) {
        (0, 0) => State::Up,
        (0, _) => State::Unknown,
        _ => State::Down,
    }
}

fn health() -> impl Strategy<Value = Option<Health>> {
    prop_oneof![Just(UP), Just(DOWN), Just(NEW), Just(UNSUPPORTED)]
}

fn world() -> impl Strategy<Value = World> {
    let plane =
        prop::option::of(prop_oneof![Just(State::Up), Just(State::Down), Just(State::Unknown), Just(State::Disabled)]);
    (any::<bool>(), prop::option::of(0u32..8), prop::collection::vec(health(), 0..6), plane).prop_map(
        |(enabled, min, monitors, control_plane)| World {
            enabled,
            min,
            monitors,
            control_plane,
            before: State::Unknown,
        },
    )
}

proptest! {
    #[test]
    fn turning_a_pass_into_a_failure_never_brings_a_member_up(world in world(), index in any::<prop::sample::Index>()) {
        let mut worse = world.clone();
        let verdicts = world.monitors.len() + 1;
        match worse.monitors.get_mut(index.index(verdicts)) {
            Some(health) if *health == UP => *health = DOWN,
            Some(_) => {}
            None if world.control_plane == Some(State::Up) => worse.control_plane = Some(State::Down),
            None => {}
        }
        if world.verdict().state != State::Up {
            prop_assert_ne!(worse.verdict().state, State::Up);
        }
    }

    #[test]
    fn asking_for_more_never_brings_a_member_up(world in world(), more in 0u32..8) {
        if let Some(min) = world.min && world.verdict().state != State::Up {
            let stricter = World { min: Some(min + more), ..world };
            prop_assert_ne!(stricter.verdict().state, State::Up);
        }
    }

    #[test]
    fn an_unknown_control_plane_never_takes_down_what_the_monitors_hold_up(world in world()) {
        prop_assume!(!world.monitors.is_empty());
        let alone = World { control_plane: None, ..world.clone() };
        let unknown = World { control_plane: Some(State::Unknown), ..world };
        prop_assert_eq!(alone.verdict(), unknown.verdict());
    }

    #[test]
    fn a_watched_member_is_up_only_with_a_pass(world in world()) {
        let watched = !world.monitors.is_empty() || world.control_plane.is_some();
        let passes = world.monitors.contains(&UP) || world.control_plane == Some(State::Up);
        if watched && world.verdict().state == State::Up {
            prop_assert!(passes);
        }
    }

    #[test]
    fn the_reason_fits_the_state(world in world()) {
        let Verdict { state, reason } = world.verdict();
        let expected = match reason {
            Reason::Disabled => State::Disabled,
            Reason::NoMonitor | Reason::Passing { .. } | Reason::Held(_) | Reason::Unheard => State::Up,
            Reason::NoVerdict | Reason::NotProbed(_) | Reason::Waiting { .. } => State::Unknown,
            Reason::Failing { .. } => State::Down,
            Reason::Voted { .. } | Reason::Alone { .. } => return Err(TestCaseError::fail("nobody else was asked")),
        };
        prop_assert_eq!(state, expected);
    }
}
