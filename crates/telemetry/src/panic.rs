//! A panic as a record: where, and what it said.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;

/// Log every panic with its location. Where `RUST_BACKTRACE` asks for one, the earlier hook still prints the trace.
pub(crate) fn install_hook() {
    let earlier = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        log(info);
        if Backtrace::capture().status() == BacktraceStatus::Captured {
            earlier(info);
        }
    }));
}

fn log(info: &PanicHookInfo<'_>) {
    let location = info.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    tracing::error!(
        target: "panic",
        %location,
        thread = thread.name().unwrap_or("unnamed"),
        reason = info.payload_as_str().unwrap_or("a value that is no text"),
        "a task panicked: this is a bug, please report it"
    );
}
