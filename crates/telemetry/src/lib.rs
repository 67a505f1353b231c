//! The subscriber of our binaries: two formats, the dictionary of field names, the panic hook.
//!
//! A binary calls [`init`] (standard error) or [`init_to`] (any writer) once, in `main`. Everything else uses the
//! `tracing` macros: a constant message, the facts as fields named in [`field`].
//!
//! - [`Format::Human`] is for an operator's terminal, in local time; the level shows only when it is not `INFO`:
//!   `12:00:01 amko        GSLB service updated  gslb_service=hello  reason="the split changed"`
//! - [`Format::Json`] is one flat object a line, in UTC, with the same fields.
//!
//! Start reading at [`layer`]. Metrics are registered by the component they belong to, never here.
#![warn(missing_docs)]

pub mod field;
mod fields;
mod human;
mod json;
mod layer;
mod panic;

use std::io::IsTerminal;
use std::str::FromStr;

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, reload};

pub use layer::{Clock, Layer};

/// The filter of a binary that was given none: our incident timeline, libraries only when something is wrong.
///
/// `kube_client` tells an error for each try; what is wrong with a cluster is told once, by `k8s_watch_api`.
pub const FILTER_DEFAULT: &str =
    "info,h2=warn,hyper=warn,hyper_util=warn,kube_client=off,notify=error,reqwest=warn,rustls=warn";
/// The same, with our decisions.
pub const FILTER_DEBUG: &str = "debug,h2=warn,hyper=warn,hyper_util=warn,kube_client=info,notify=error,reqwest=warn,\
                                rustls=warn,tower=warn";

/// Changes what is logged while the process runs.
#[derive(Debug, Clone)]
pub struct Filter(reload::Handle<EnvFilter, Registry>);

/// How a record is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// A line for a person: local time, component, message, `name=value` pairs.
    #[default]
    Human,
    /// A line for a machine: one flat JSON object, UTC time (RFC 3339), values with their types.
    Json,
}

/// Whether a human line carries ANSI colours; JSON never does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Escape sequences for a terminal.
    Always,
    /// Plain text.
    Never,
}

/// The subscriber could not be installed.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The filter is not a list of directives such as `info,amko=debug`.
    #[error("the log filter `{filter}` is not a list like `info,amko=debug`")]
    Filter {
        /// As it was given.
        filter: String,
        /// What the parser did not understand.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// The process already has a subscriber.
    #[error("a log subscriber is already installed")]
    AlreadySet(#[source] tracing_subscriber::util::TryInitError),
}

/// A word that names no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a log format; use `human` or `json`")]
pub struct UnknownFormat(String);

/// Install the subscriber and the panic hook; records go to standard error.
///
/// # Errors
/// [`InitError`] when `filter` does not parse or a subscriber is already installed.
pub fn init(format: Format, filter: &str) -> Result<Filter, InitError> {
    init_to(format, Colour::of(&std::io::stderr()), filter, std::io::stderr)
}

/// Install the subscriber and the panic hook; records go to `writer`, for instance `std::io::stdout`.
///
/// # Errors
/// [`InitError`] when `filter` does not parse or a subscriber is already installed.
pub fn init_to<W>(format: Format, colour: Colour, filter: &str, writer: W) -> Result<Filter, InitError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let (directives, handle) = reload::Layer::new(parse(filter)?);
    tracing_subscriber::registry()
        .with(directives)
        .with(Layer::new(format, colour, Clock::system(), writer))
        .try_init()
        .map_err(InitError::AlreadySet)?;
    panic::install_hook();
    Ok(Filter(handle))
}

fn parse(filter: &str) -> Result<EnvFilter, InitError> {
    EnvFilter::try_new(filter).map_err(|source| InitError::Filter { filter: filter.to_owned(), source })
}

impl Filter {
    /// Another filter from now on.
    ///
    /// # Errors
    /// [`InitError::Filter`] when it does not parse; the one before stays.
    pub fn set(&self, filter: &str) -> Result<(), InitError> {
        let directives = parse(filter)?;
        // Fails only when the subscriber is gone, and then nothing is logged at all.
        drop(self.0.reload(directives));
        Ok(())
    }
}

impl Colour {
    /// Colours where `stream` is a terminal and the user did not set `NO_COLOR` (<https://no-color.org>).
    #[must_use]
    pub fn of(stream: &impl IsTerminal) -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if stream.is_terminal() && !refused { Self::Always } else { Self::Never }
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "human" => Ok(Self::Human),
            "json" => Ok(Self::Json),
            _ => Err(UnknownFormat(word.to_owned())),
        }
    }
}
