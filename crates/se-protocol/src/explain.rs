//! A hypothetical query and every step of its answer.

use std::net::IpAddr;

use model::Version;
use serde::{Deserialize, Serialize};

/// Asks what the engine would answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsQuestion {
    /// Name asked for.
    pub name: String,
    /// Type asked for: `A`, `AAAA`, `SOA`, `NS`, `ANY`, … or `TYPE123`.
    pub qtype: String,
    /// Address of the client.
    pub client: Option<IpAddr>,
}

/// What the engine would answer now, and why. Asking does not advance a weighted cursor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DnsExplanation {
    /// The question as understood.
    pub question: DnsQuestion,
    /// DNS virtual service that was asked (uuid and name).
    pub dns_service: String,
    /// Version of the snapshot.
    pub version: Version,
    /// Steps in the order taken.
    pub steps: Vec<Step>,
    /// Members of the GSLB service that was reached, if one was.
    pub members: Vec<MemberVerdict>,
    /// The answer.
    pub answer: DnsAnswerText,
}

/// Why a question was not explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum ExplainRefusal {
    /// The question makes no sense; the text says why and what to do.
    #[error("{0}")]
    Question(String),
    /// No engine can tell now; the text says why.
    #[error("no service engine can explain this now: {0}")]
    Unavailable(String),
}

/// One step of the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Short name of the step: `parse`, `lookup`, `pool`, `member`, `ttl`, `answer` ….
    pub step: String,
    /// What was found, in a sentence.
    pub outcome: String,
}

/// Why a member was or was not answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberVerdict {
    /// Pool name.
    pub pool: String,
    /// Address.
    pub ip: IpAddr,
    /// Share within the pool.
    pub weight: u8,
    /// Whether its address is in the answer.
    pub chosen: bool,
    /// Why, in a sentence.
    pub reason: String,
}

/// The answer in presentation form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsAnswerText {
    /// `NOERROR`, `NXDOMAIN`, … or `no packet` when the query is dropped.
    pub rcode: String,
    /// Records of the answer section, `name ttl class type data`.
    pub answer: Vec<String>,
    /// Records of the authority section.
    pub authority: Vec<String>,
}
