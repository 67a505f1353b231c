//! What clients saw while links went and came: answers per DNS server, and pages through the resolver.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// What `watch.py` prints; times are seconds since its start.
#[derive(Deserialize)]
pub(crate) struct Seen {
    marks: BTreeMap<String, f64>,
    answers: BTreeMap<String, Vec<(f64, Vec<String>)>>,
    /// Begin, end and what came.
    pages: Vec<(f64, f64, String)>,
}

/// Pages asked for between two marks.
pub(crate) struct Pages {
    pub(crate) asked: usize,
    pub(crate) failed: usize,
    /// Seconds from the first mark to the last request that failed.
    pub(crate) last_failure: f64,
}

impl Seen {
    pub(crate) fn of(seen: Value) -> Self {
        serde_json::from_value(seen).unwrap()
    }

    /// Seconds from a mark to the last answer with this address before the `end` mark.
    #[track_caller]
    pub(crate) fn last_answer(&self, server: &str, address: &str, begin: &str, end: &str) -> f64 {
        let times = self.answers_with(server, address, begin, end);
        times.last().unwrap_or_else(|| panic!("{server} never answered {address} between {begin} and {end}"))
    }

    /// Seconds from a mark to the first answer with this address before the `end` mark.
    #[track_caller]
    pub(crate) fn first_answer(&self, server: &str, address: &str, begin: &str, end: &str) -> f64 {
        let mut times = self.answers_with(server, address, begin, end);
        times.next().unwrap_or_else(|| panic!("{server} never answered {address} between {begin} and {end}"))
    }

    fn answers_with(&self, server: &str, address: &str, begin: &str, end: &str) -> impl Iterator<Item = f64> {
        let (begin, end) = (self.marks[begin], self.marks[end]);
        let within = self.answers[server].iter().filter(move |(at, _)| (begin..end).contains(at));
        within.filter(move |(_, addresses)| addresses.iter().any(|it| it == address)).map(move |(at, _)| at - begin)
    }

    /// How many queries between two marks a server left without an answer.
    pub(crate) fn unanswered(&self, server: &str, begin: &str, end: &str) -> usize {
        let (begin, end) = (self.marks[begin], self.marks[end]);
        self.answers[server].iter().filter(|(at, found)| (begin..end).contains(at) && found.is_empty()).count()
    }

    pub(crate) fn pages(&self, begin: &str, end: &str) -> Pages {
        let (begin, end) = (self.marks[begin], self.marks[end]);
        let asked: Vec<_> = self.pages.iter().filter(|(at, ..)| (begin..end).contains(at)).collect();
        let failed: Vec<f64> =
            asked.iter().filter(|(.., came)| came.starts_with("curl ")).map(|(at, ..)| at - begin).collect();
        Pages { asked: asked.len(), failed: failed.len(), last_failure: failed.last().copied().unwrap_or_default() }
    }

    /// Seconds between two marks.
    pub(crate) fn between(&self, begin: &str, end: &str) -> f64 {
        self.marks[end] - self.marks[begin]
    }
}
