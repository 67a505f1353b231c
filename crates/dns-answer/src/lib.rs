//! A DNS query to its answer: zones, GSLB names, names of virtual services, negative answers, explanations.
//!
//! A [`View`] is everything one DNS virtual service answers from. [`answer`] takes the bytes of a query and writes the
//! bytes of the answer; [`explain`] takes a question in words and tells every step. Both go through the same
//! resolution (`resolve.rs`), which decides; the rest renders. [`answer_telling`] also tells what it did, for logs
//! (`account.rs`). No sockets, no clock. Covers avi-api 4.5 steps 1, 2, 4 (a GSLB service comes before a record of a virtual
//! service: with an operator in each cluster both have the name of the application), 6, 7, sections 4.3, 4.4, 4.6, 4.7
//! and 5.6; RFC 1035, 2181 §5.2 and §9, 2308, 4592, 6891, 8020.
#![warn(missing_docs)]

mod account;
mod answer;
mod explain;
mod policy;
mod records;
mod resolve;
mod table;
mod view;

pub use account::{Account, Arrival, Told};
pub use answer::{Limit, answer, answer_telling};
pub use explain::{ExplainError, Knowledge, explain};
pub use records::Records;
pub use table::{Table, TableProblem};
pub use view::View;
