//! From `tracing` events to lines: collect the fields, name the component, write once.

use std::io::Write;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::fields::Fields;
use crate::{Colour, Format, human, json};

/// Crates whose records an operator reads under the name of the part they work in. The others go by their own name.
const COMPONENTS: [(&str, &str); 14] = [
    ("amko_translate", "amko"),
    ("avi_client", "client"),
    ("controller_api", "controller"),
    ("dns_answer", "engine"),
    ("dns_server", "engine"),
    ("gslb", "engine"),
    ("health", "engine"),
    ("health_probe", "engine"),
    ("k8s_watch", "watch"),
    ("objects", "controller"),
    ("se_snapshot", "controller"),
    ("service_engine", "engine"),
    ("store", "controller"),
    ("store_embedded", "controller"),
];

/// The time of a record and the zone a human line shows it in.
#[derive(Debug, Clone)]
pub struct Clock {
    now: fn() -> Timestamp,
    zone: TimeZone,
}

/// Writes every event it is shown as one line, with the fields of the spans around it.
#[derive(Debug)]
pub struct Layer<W> {
    format: Format,
    colour: Colour,
    clock: Clock,
    writer: W,
}

/// One event, ready to be written.
pub(crate) struct Record<'a> {
    pub(crate) time: Timestamp,
    pub(crate) zone: &'a TimeZone,
    pub(crate) level: Level,
    pub(crate) component: String,
    pub(crate) target: &'a str,
    pub(crate) fields: &'a Fields,
}

impl Clock {
    /// The machine's clock and time zone.
    #[must_use]
    pub fn system() -> Self {
        Self { now: Timestamp::now, zone: TimeZone::system() }
    }

    /// A clock of one's own: `now` for every record, shown in `zone`.
    #[must_use]
    pub fn new(now: fn() -> Timestamp, zone: TimeZone) -> Self {
        Self { now, zone }
    }
}

impl<W> Layer<W> {
    /// A layer that writes to `writer`, one write per record.
    pub fn new(format: Format, colour: Colour, clock: Clock, writer: W) -> Self {
        Self { format, colour, clock, writer }
    }

    fn line(&self, record: &Record<'_>) -> String {
        match self.format {
            Format::Human => human::line(record, self.colour),
            Format::Json => json::line(record),
        }
    }
}

impl<S, W> tracing_subscriber::Layer<S> for Layer<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'w> MakeWriter<'w> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &tracing::span::Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(outer) = span.extensions().get::<Fields>() {
                fields.inherit(outer);
            }
        }
        let target = fields.log_target.as_deref().unwrap_or_else(|| event.metadata().target());
        let record = Record {
            time: (self.clock.now)(),
            zone: &self.clock.zone,
            level: *event.metadata().level(),
            component: component(target),
            target,
            fields: &fields,
        };
        let line = self.line(&record);
        // A closed terminal must not stop the program that tries to tell it something.
        let _ = self.writer.make_writer_for(event.metadata()).write_all(line.as_bytes());
    }
}

/// Short name of the part a target belongs to: its crate, or the part that crate works in.
fn component(target: &str) -> String {
    let krate = target.split("::").next().unwrap_or(target);
    match COMPONENTS.iter().find(|(name, _)| *name == krate) {
        Some((_, part)) => (*part).to_owned(),
        None => krate.replace('_', "-"),
    }
}
