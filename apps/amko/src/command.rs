//! `meridian amko`, and its verbs.

use crate::AmkoArgs;
use crate::plan::PlanArgs;
use crate::status::StatusArgs;

/// The operator, or a question about it.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct AmkoCommand {
    #[command(flatten)]
    args: AmkoArgs,

    #[command(subcommand)]
    verb: Option<AmkoVerb>,
}

/// A question about the operator; answered, not run.
#[derive(Debug, clap::Subcommand)]
pub enum AmkoVerb {
    /// Say what the operator would write, and why; write nothing
    Plan(Box<PlanArgs>),
    /// Show what a running operator serves, what it leaves out, and why
    Status(StatusArgs),
}

impl AmkoCommand {
    /// The question that is asked, or the arguments of an operator that is to run.
    #[must_use]
    pub fn split(self) -> (AmkoArgs, Option<AmkoVerb>) {
        (self.args, self.verb)
    }
}

impl AmkoVerb {
    /// Answers: what to print.
    ///
    /// # Errors
    /// What is asked about cannot be read.
    pub async fn run(self) -> anyhow::Result<String> {
        match self {
            Self::Plan(plan) => plan.run().await,
            Self::Status(status) => status.run().await,
        }
    }
}
