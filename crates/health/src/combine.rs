//! One verdict on a GSLB member, from its monitors and the control plane: avi-api 5.5.
//!
//! | `min_health_monitors_up` | Up when |
//! |---|---|
//! | N | at least min(N, verdicts) pass; what has no verdict is left out of the count |
//! | unset | all pass; a probed monitor without a verdict is waited for |
//!
//! In both cases at least one verdict must pass when any monitor applies. The control plane counts as one monitor when
//! it has a verdict; unknown, it has none, so a dead controller never takes down what the data plane holds up. A monitor
//! of a type that is not probed has no verdict either, and nobody waits for it. A member that has nothing but the control
//! plane keeps being up while its engine has no controller to ask; one whose site the controller cannot see does not.

use std::fmt;

use se_protocol::State;

use crate::{Failure, FailureCode, Health};

/// What counts for one member.
#[derive(Debug, Clone, Copy)]
pub struct MemberInputs<'a> {
    /// Administrative switch of member, pool and service together.
    pub enabled: bool,
    /// Passing monitors asked for; all when `None`. Avi: `GslbPool.min_health_monitors_up`.
    pub min_health_monitors_up: Option<u32>,
    /// Monitors that apply to the member, in the order of the service.
    pub monitors: &'a [MonitorInput<'a>],
    /// State so far. A member that was up stays up while monitors that are new to it have no verdict yet: replacing
    /// the monitors of a healthy service, or starting the engine again, must not take its name away until the first
    /// probe.
    pub before: State,
    /// State of the member's virtual service; `None` when it does not count, `Unknown` when it counts but nobody knows.
    pub control_plane: Option<State>,
    /// Whether an unknown control plane is so because no controller tells at present, or not all yet.
    pub control_plane_awaited: bool,
}

/// One monitor's say.
#[derive(Debug, Clone, Copy)]
pub struct MonitorInput<'a> {
    /// Name, for the reason.
    pub name: &'a str,
    /// Verdict on the member; `None` when the monitor's type is not probed.
    pub health: Option<Health>,
    /// Last failure, for the reason.
    pub failure: Option<&'a Failure>,
}

/// State of a member, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// `Unknown` is not answered, like `Down`.
    pub state: State,
    /// Why. Prints as a sentence.
    pub reason: Reason,
}

/// Why a member is in its state. Prints as a sentence, for example `1 of 1 required monitors pass`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Switched off by the administrator.
    Disabled,
    /// Up because nothing watches it.
    NoMonitor,
    /// Nothing that watches it has a verdict yet.
    NoVerdict,
    /// Its monitors are all of types that are not probed; the first one's name.
    NotProbed(String),
    /// Up.
    Passing {
        /// Verdicts that pass.
        passing: usize,
        /// Verdicts that must pass.
        required: usize,
    },
    /// Unknown because a monitor is still waited for.
    Waiting {
        /// Verdicts that pass.
        passing: usize,
        /// Verdicts that must pass.
        required: usize,
        /// First monitor without a verdict.
        monitor: String,
    },
    /// Up, because it was before its monitors changed or the engine started, and they have no verdict yet; the first of
    /// them.
    Held(String),
    /// Up, because it was before the engine lost its controller, and nothing else watches it.
    Unheard,
    /// Down.
    Failing {
        /// Verdicts that pass.
        passing: usize,
        /// Verdicts that must pass.
        required: usize,
        /// First verdict that does not.
        cause: Cause,
    },
    /// As a quorum of sites perceives it.
    Voted {
        /// Why it is perceived as it is here.
        here: Box<Reason>,
        /// What is perceived here.
        perceived: State,
        /// Sites that perceive it down.
        down: usize,
        /// Sites with a verdict.
        heard: usize,
        /// Sites that have to perceive it down.
        needed: usize,
    },
    /// As perceived here, since too few sites are heard for a quorum.
    Alone {
        /// Why.
        here: Box<Reason>,
        /// Sites with a verdict.
        heard: usize,
        /// Sites that have to have one.
        needed: usize,
    },
}

/// The verdict that is missing for a member to be up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// A monitor's.
    Monitor {
        /// Name of the monitor.
        name: String,
        /// Its last failure; `None` when it is not at hand.
        code: Option<FailureCode>,
    },
    /// The control plane's, with what it says.
    ControlPlane(State),
}

/// Makes one verdict on a member. Pure: same inputs, same verdict.
#[must_use]
pub fn combine(inputs: &MemberInputs<'_>) -> Verdict {
    if !inputs.enabled {
        return Verdict { state: State::Disabled, reason: Reason::Disabled };
    }
    if inputs.monitors.is_empty() && inputs.control_plane.is_none() {
        return Verdict { state: State::Up, reason: Reason::NoMonitor };
    }
    let count = Count::of(inputs);
    let verdict = judge(count, inputs);
    match inputs.monitors.iter().find(|monitor| monitor.is_waited_for()) {
        Some(monitor) if inputs.before == State::Up && verdict.state == State::Unknown => {
            Verdict { state: State::Up, reason: Reason::Held(monitor.name.to_owned()) }
        }
        None if inputs.before == State::Up && verdict.state == State::Unknown && inputs.awaits_control_plane() => {
            Verdict { state: State::Up, reason: Reason::Unheard }
        }
        _ => verdict,
    }
}

impl MemberInputs<'_> {
    fn awaits_control_plane(&self) -> bool {
        self.control_plane == Some(State::Unknown) && self.control_plane_awaited
    }
}

fn judge(count: Count, inputs: &MemberInputs<'_>) -> Verdict {
    if count.verdicts == 0 {
        return Verdict { state: State::Unknown, reason: reason_for_no_verdict(inputs) };
    }
    match inputs.min_health_monitors_up {
        Some(min) => at_least(usize::try_from(min).unwrap_or(usize::MAX), count, inputs),
        None => all(count, inputs),
    }
}

fn at_least(min: usize, count: Count, inputs: &MemberInputs<'_>) -> Verdict {
    let Count { passing, verdicts, .. } = count;
    let required = min.min(verdicts).max(1); // one must pass, even when none is asked for
    if passing >= required {
        Verdict { state: State::Up, reason: Reason::Passing { passing, required } }
    } else {
        failing(passing, required, inputs)
    }
}

fn all(count: Count, inputs: &MemberInputs<'_>) -> Verdict {
    let Count { passing, verdicts, waited_for } = count;
    let required = verdicts + waited_for;
    if passing < verdicts {
        return failing(passing, required, inputs);
    }
    match inputs.monitors.iter().find(|monitor| monitor.is_waited_for()) {
        Some(monitor) => {
            let reason = Reason::Waiting { passing, required, monitor: monitor.name.to_owned() };
            Verdict { state: State::Unknown, reason }
        }
        None => Verdict { state: State::Up, reason: Reason::Passing { passing, required } },
    }
}

fn failing(passing: usize, required: usize, inputs: &MemberInputs<'_>) -> Verdict {
    let monitor = inputs.monitors.iter().find(|monitor| monitor.state() == State::Down);
    let cause = match monitor {
        Some(monitor) => Cause::Monitor { name: monitor.name.to_owned(), code: monitor.failure.map(|f| f.code) },
        None => Cause::ControlPlane(inputs.control_plane.unwrap_or(State::Unknown)),
    };
    Verdict { state: State::Down, reason: Reason::Failing { passing, required, cause } }
}

fn reason_for_no_verdict(inputs: &MemberInputs<'_>) -> Reason {
    match inputs.monitors.first() {
        Some(first) if inputs.monitors.iter().all(|monitor| monitor.health.is_none()) => {
            Reason::NotProbed(first.name.to_owned())
        }
        _ => Reason::NoVerdict,
    }
}

/// Verdicts on one member, counted.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    /// Those that pass.
    passing: usize,
    /// All, the control plane's included when it has one.
    verdicts: usize,
    /// Probed monitors that have none yet.
    waited_for: usize,
}

impl Count {
    fn of(inputs: &MemberInputs<'_>) -> Self {
        let mut count = Self::default();
        for monitor in inputs.monitors {
            count.add(monitor.state());
            count.waited_for += usize::from(monitor.is_waited_for());
        }
        if let Some(control_plane) = inputs.control_plane {
            count.add(control_plane);
        }
        count
    }

    fn add(&mut self, state: State) {
        match state {
            State::Up => {
                self.passing += 1;
                self.verdicts += 1;
            }
            // A virtual service that was switched off says no, like one that is down.
            State::Down | State::Disabled => self.verdicts += 1,
            State::Unknown => {}
        }
    }
}

impl MonitorInput<'_> {
    fn state(&self) -> State {
        self.health.map_or(State::Unknown, Health::state)
    }

    fn is_waited_for(&self) -> bool {
        matches!(self.health, Some(Health::Unknown { .. }))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disabled => f.write_str("disabled"),
            Self::NoMonitor => f.write_str("no monitor applies"),
            Self::NoVerdict => f.write_str("no verdict yet"),
            Self::Held(monitor) => write!(f, "up before, no verdict of {monitor} yet"),
            Self::Unheard => f.write_str("up before, no controller tells its state"),
            Self::NotProbed(monitor) => write!(f, "no verdict: {monitor} is of a type that is not probed"),
            Self::Passing { passing, required } => {
                write!(f, "{} of {required} required monitors pass", passing.min(required))
            }
            Self::Waiting { passing, required, monitor } => {
                write!(f, "{passing} of {required} required monitors pass: {monitor} has no verdict yet")
            }
            Self::Failing { passing, required, cause } => {
                write!(f, "{passing} of {required} required monitors pass: {cause}")
            }
            Self::Voted { here, perceived, down, heard, needed } => {
                write!(f, "{down} of {heard} sites perceive it down, {needed} take it down; here ")?;
                write!(f, "{}: {here}", perceived.as_avi())
            }
            Self::Alone { here, heard, needed } => {
                write!(f, "{here}; this site alone, the quorum is of {needed} and {heard} heard")
            }
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Monitor { name, code: Some(code) } => write!(f, "{name} {}", code.as_avi()),
            Self::Monitor { name, code: None } => write!(f, "{name} fails"),
            Self::ControlPlane(state) => write!(f, "control plane {}", state.as_avi()),
        }
    }
}

#[cfg(test)]
mod tests;
