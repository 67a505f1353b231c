//! Questions on their way down, explanations on their way up.

use super::{
    ConvertError, DnsAnswerText, DnsExplanation, DnsQuestion, MemberVerdict, Step, all, explain_answer::Outcome,
    ip_from_bytes, ip_to_bytes, narrow, required, version,
};
use crate::explain;

impl From<&explain::DnsQuestion> for DnsQuestion {
    fn from(explain::DnsQuestion { name, qtype, client }: &explain::DnsQuestion) -> Self {
        Self { name: name.clone(), qtype: qtype.clone(), client: client.as_ref().map(ip_to_bytes) }
    }
}

impl TryFrom<DnsQuestion> for explain::DnsQuestion {
    type Error = ConvertError;
    fn try_from(DnsQuestion { name, qtype, client }: DnsQuestion) -> Result<Self, ConvertError> {
        Ok(Self { name, qtype, client: client.as_ref().map(ip_from_bytes).transpose()? })
    }
}

impl From<&explain::DnsExplanation> for DnsExplanation {
    fn from(explanation: &explain::DnsExplanation) -> Self {
        let explain::DnsExplanation { question, dns_service, version, steps, members, answer } = explanation;
        let explain::DnsAnswerText { rcode, answer, authority } = answer;
        let step =
            |explain::Step { step, outcome }: &explain::Step| Step { step: step.clone(), outcome: outcome.clone() };
        Self {
            question: Some(question.into()),
            dns_service: dns_service.clone(),
            version: Some(version.into()),
            steps: steps.iter().map(step).collect(),
            members: members.iter().map(MemberVerdict::from).collect(),
            answer: Some(DnsAnswerText { rcode: rcode.clone(), answer: answer.clone(), authority: authority.clone() }),
        }
    }
}

impl TryFrom<DnsExplanation> for explain::DnsExplanation {
    type Error = ConvertError;
    fn try_from(message: DnsExplanation) -> Result<Self, ConvertError> {
        let DnsExplanation { question, dns_service, version: stamp, steps, members, answer } = message;
        let DnsAnswerText { rcode, answer, authority } = required("answer", answer)?;
        Ok(Self {
            question: required("question", question)?.try_into()?,
            dns_service,
            version: version(stamp)?,
            steps: steps.into_iter().map(|Step { step, outcome }| explain::Step { step, outcome }).collect(),
            members: all(members)?,
            answer: explain::DnsAnswerText { rcode, answer, authority },
        })
    }
}

impl From<&explain::MemberVerdict> for MemberVerdict {
    fn from(verdict: &explain::MemberVerdict) -> Self {
        let explain::MemberVerdict { pool, ip, weight, chosen, reason } = verdict;
        Self {
            pool: pool.clone(),
            ip: ip_to_bytes(ip),
            weight: u32::from(*weight),
            chosen: *chosen,
            reason: reason.clone(),
        }
    }
}

impl TryFrom<MemberVerdict> for explain::MemberVerdict {
    type Error = ConvertError;
    fn try_from(message: MemberVerdict) -> Result<Self, ConvertError> {
        let MemberVerdict { pool, ip, weight, chosen, reason } = message;
        Ok(Self { pool, ip: ip_from_bytes(&ip)?, weight: narrow("weight", weight)?, chosen, reason })
    }
}

impl From<&Result<explain::DnsExplanation, explain::ExplainRefusal>> for Outcome {
    fn from(outcome: &Result<explain::DnsExplanation, explain::ExplainRefusal>) -> Self {
        match outcome {
            Ok(explanation) => Self::Explanation(explanation.into()),
            Err(explain::ExplainRefusal::Question(reason)) => Self::BadQuestion(reason.clone()),
            Err(explain::ExplainRefusal::Unavailable(reason)) => Self::Unavailable(reason.clone()),
        }
    }
}

impl TryFrom<Outcome> for Result<explain::DnsExplanation, explain::ExplainRefusal> {
    type Error = ConvertError;
    fn try_from(message: Outcome) -> Result<Self, ConvertError> {
        Ok(match message {
            Outcome::Explanation(explanation) => Ok(explanation.try_into()?),
            Outcome::BadQuestion(reason) => Err(explain::ExplainRefusal::Question(reason)),
            Outcome::Unavailable(reason) => Err(explain::ExplainRefusal::Unavailable(reason)),
        })
    }
}
