//! Parcels: records cut into chunks and put together again.
//!
//! Records are made while chunks are taken, so a base of all objects is never in memory a second time.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use prost::Message as _;
use site_replication::{BATCH_MAX, Entry, Mark, Message, Revision, State, Stored, Term};

use super::message::{
    entry, held, mark, moment, stored, term, to_entry, to_held, to_mark, to_moment, to_stored, to_term,
};
use super::record::Kind;
use super::state::{records, to_members, to_service, to_told};
use super::{Chunk, Garbage, Record, Request, Response, response};
use crate::state::Told;
use crate::wire;

/// Bytes in a chunk. What is urgent waits for one of them; at 1 Mbit/s that is half a second.
pub(crate) const CHUNK_BYTES: usize = 64 * 1024;
/// Bytes of one record, so of one object or one request.
pub(crate) const RECORD_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Records of a parcel.
const RECORDS_MAX: u64 = 2_000_000;
/// Bytes of a parcel.
const PARCEL_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;
/// Parcels that are under way at once from one site.
const PARCELS_MAX: usize = 64;

/// What is to be sent.
pub(crate) enum Outbound {
    Message(Message),
    State(Told),
    Request { id: u64, body: Bytes },
    Response { id: u64, result: Result<Bytes, String> },
}

/// What came.
#[derive(Debug, PartialEq)]
pub(crate) enum Inbound {
    Message(Message),
    State(Told),
    Request { id: u64, body: Bytes },
    Response { id: u64, result: Result<Bytes, String> },
}

/// Makes chunks of a parcel.
pub(crate) struct Encoder {
    parcel: u64,
    head: Option<Kind>,
    rest: Rest,
    buffer: BytesMut,
}

/// Records after the head.
enum Rest {
    None,
    Entries(std::vec::IntoIter<Arc<Entry>>),
    Objects(std::vec::IntoIter<Stored>),
    State(std::vec::IntoIter<Kind>),
}

/// A record is larger than [`RECORD_BYTES_MAX`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("an object, or a request, of {bytes} bytes; at most {RECORD_BYTES_MAX} are sent to another site")]
pub(crate) struct TooLarge {
    bytes: usize,
}

impl Encoder {
    pub(crate) fn new(parcel: u64, content: Outbound) -> Self {
        let (head, rest) = match content {
            Outbound::Message(message) => parts(message),
            Outbound::State(told) => {
                let (head, records) = records(told);
                (Kind::State(head), Rest::State(records.into_iter()))
            }
            Outbound::Request { id, body } => (Kind::Request(Request { id, body }), Rest::None),
            Outbound::Response { id, result } => {
                let result = Some(match result {
                    Ok(body) => response::Result::Body(body),
                    Err(words) => response::Result::Failure(words),
                });
                (Kind::Response(Response { id, result }), Rest::None)
            }
        };
        Self { parcel, head: Some(head), rest, buffer: BytesMut::new() }
    }

    /// The next chunk; not to be called after the last one.
    ///
    /// # Errors
    /// [`TooLarge`]; the parcel cannot be sent, and what went before has to be ended with an empty last chunk.
    pub(crate) fn chunk(&mut self) -> Result<Chunk, TooLarge> {
        let mut ended = false;
        while self.buffer.len() < CHUNK_BYTES {
            let Some(kind) = self.head.take().or_else(|| self.rest.next()) else {
                ended = true;
                break;
            };
            let record = Record { kind: Some(kind) };
            let bytes = record.encoded_len();
            if bytes > RECORD_BYTES_MAX {
                return Err(TooLarge { bytes });
            }
            // The only error is a full buffer, and this one grows.
            record.encode_length_delimited(&mut self.buffer).unwrap_or_default();
        }
        let cut = self.buffer.len().min(CHUNK_BYTES);
        let bytes = self.buffer.split_to(cut).freeze();
        Ok(Chunk { parcel: self.parcel, bytes, last: ended && self.buffer.is_empty() })
    }

    /// Ends a parcel that cannot be completed; the other end drops it.
    pub(crate) fn broken(&self) -> Chunk {
        Chunk { parcel: self.parcel, bytes: Bytes::new(), last: true }
    }
}

impl Rest {
    fn next(&mut self) -> Option<Kind> {
        match self {
            Self::None => None,
            Self::Entries(entries) => entries.next().map(|it| Kind::Entry(entry(&it))),
            Self::Objects(objects) => objects.next().map(|it| Kind::Stored(stored(&it))),
            Self::State(records) => records.next(),
        }
    }
}

fn parts(message: Message) -> (Kind, Rest) {
    let head = match message {
        Message::Append { term: of, after, entries, committed, shown, sent } => {
            let head = wire::Append {
                term: Some(term(&of)),
                after: Some(mark(&after)),
                committed: committed.0,
                shown: shown.0,
                sent: Some(moment(sent)),
                entries: entries.len() as u64,
            };
            return (Kind::Append(head), Rest::Entries(entries.into_iter()));
        }
        Message::Base { term: of, mark: at, state, sent } => {
            let objects: Vec<Stored> = state.objects().cloned().collect();
            let head = wire::Base {
                term: Some(term(&of)),
                mark: Some(mark(&at)),
                sent: Some(moment(sent)),
                objects: objects.len() as u64,
                newest_us: state.newest_us(),
            };
            return (Kind::Base(head), Rest::Objects(objects.into_iter()));
        }
        Message::Answer { term: of, sent, held: it } => {
            Kind::Answer(wire::Answer { term: Some(term(&of)), sent: Some(moment(sent)), held: Some(held(&it)) })
        }
        Message::Ask { term: of, last, trial, instead_of } => Kind::Ask(wire::Ask {
            term: Some(term(&of)),
            last: Some(mark(&last)),
            trial,
            instead_of: instead_of.as_ref().map(term),
        }),
        Message::Grant { term: of, trial } => Kind::Grant(wire::Grant { term: Some(term(&of)), trial }),
        Message::HandOver { term: of } => Kind::HandOver(wire::HandOver { term: Some(term(&of)) }),
    };
    (head, Rest::None)
}

/// Puts the parcels of one connection together.
#[derive(Default)]
pub(crate) struct Parcels {
    open: BTreeMap<u64, Open>,
}

#[derive(Default)]
struct Open {
    buffer: BytesMut,
    bytes: u64,
    /// How many records are to come after the head.
    wanted: u64,
    part: Part,
}

/// What is known of a parcel.
#[derive(Default)]
enum Part {
    #[default]
    Nothing,
    /// Of a later release: passed over.
    Unknown,
    Whole(Inbound),
    Append {
        term: Term,
        after: Mark,
        committed: Revision,
        shown: Revision,
        sent: std::time::Duration,
        entries: Vec<Arc<Entry>>,
    },
    Base {
        term: Term,
        mark: Mark,
        sent: std::time::Duration,
        newest_us: u64,
        objects: Vec<Stored>,
    },
    State(Told),
}

impl Parcels {
    /// Takes a chunk in; the parcel when it was the last one. `None` also for what this release does not know.
    ///
    /// # Errors
    /// [`Garbage`], never [`Garbage::Unknown`]; nothing more is to be read from this end.
    pub(crate) fn take(&mut self, chunk: Chunk) -> Result<Option<Inbound>, Garbage> {
        if !self.open.contains_key(&chunk.parcel) && self.open.len() >= PARCELS_MAX {
            return Err(Garbage::TooMuch { what: "parcels at once", max: PARCELS_MAX as u64 });
        }
        let last = chunk.last;
        let open = self.open.entry(chunk.parcel).or_default();
        open.bytes = open.bytes.saturating_add(chunk.bytes.len() as u64);
        if open.bytes > PARCEL_BYTES_MAX {
            return Err(Garbage::TooMuch { what: "bytes in a parcel", max: PARCEL_BYTES_MAX });
        }
        if !matches!(open.part, Part::Unknown) {
            open.buffer.extend_from_slice(&chunk.bytes);
            open.read()?;
        }
        if !last {
            return Ok(None);
        }
        // A parcel that ends early was given up by its sender.
        Ok(self.open.remove(&chunk.parcel).and_then(Open::close))
    }
}

impl Open {
    fn read(&mut self) -> Result<(), Garbage> {
        while let Some(record) = next_record(&mut self.buffer)? {
            match self.put(record) {
                Err(Garbage::Unknown) => {
                    self.part = Part::Unknown;
                    self.buffer = BytesMut::new();
                }
                other => other?,
            }
        }
        Ok(())
    }

    fn put(&mut self, record: Record) -> Result<(), Garbage> {
        let kind = match (record.kind, &self.part) {
            (_, Part::Unknown) => return Ok(()),
            (None, Part::Nothing) => return Err(Garbage::Unknown),
            (Some(head), Part::Nothing) => return self.head(head),
            (kind, _) => kind,
        };
        self.wanted = self.wanted.checked_sub(1).ok_or(Garbage::OutOfPlace("record"))?;
        match (&mut self.part, kind) {
            (Part::Append { entries, .. }, Some(Kind::Entry(it))) => entries.push(Arc::new(to_entry(it)?)),
            (Part::Base { objects, .. }, Some(Kind::Stored(it))) => objects.push(to_stored(it)?),
            // A kind of object that this release does not know.
            (Part::State(_), None) => {}
            (Part::State(told), Some(Kind::VirtualService(it))) => {
                told.there.virtual_services.extend([to_service(it)?]);
            }
            (Part::State(told), Some(Kind::DnsService(it))) => told.there.dns_services.extend([to_service(it)?]),
            (Part::State(told), Some(Kind::GslbMembers(it))) => told.there.gslb_members.extend([to_members(it)?]),
            (_, None) => return Err(Garbage::Unknown),
            _ => return Err(Garbage::OutOfPlace("record")),
        }
        Ok(())
    }

    fn head(&mut self, head: Kind) -> Result<(), Garbage> {
        let whole = |message| Part::Whole(Inbound::Message(message));
        self.part = match head {
            Kind::Append(it) => {
                self.wanted = limited(it.entries, "entries in a batch", BATCH_MAX as u64)?;
                Part::Append {
                    term: to_term(it.term)?,
                    after: to_mark(it.after)?,
                    committed: Revision(it.committed),
                    shown: Revision(it.shown),
                    sent: to_moment(it.sent)?,
                    entries: Vec::new(),
                }
            }
            Kind::Base(it) => {
                self.wanted = limited(it.objects, "objects", RECORDS_MAX)?;
                Part::Base {
                    term: to_term(it.term)?,
                    mark: to_mark(it.mark)?,
                    sent: to_moment(it.sent)?,
                    newest_us: it.newest_us,
                    objects: Vec::new(),
                }
            }
            Kind::Answer(it) => {
                let (term, sent) = (to_term(it.term)?, to_moment(it.sent)?);
                whole(Message::Answer { term, sent, held: to_held(it.held)? })
            }
            Kind::Ask(it) => whole(Message::Ask {
                term: to_term(it.term)?,
                last: to_mark(it.last)?,
                trial: it.trial,
                instead_of: it.instead_of.map(|term| to_term(Some(term))).transpose()?,
            }),
            Kind::Grant(it) => whole(Message::Grant { term: to_term(it.term)?, trial: it.trial }),
            Kind::HandOver(it) => whole(Message::HandOver { term: to_term(it.term)? }),
            Kind::State(it) => {
                self.wanted = limited(it.records, "records of a state", RECORDS_MAX)?;
                Part::State(to_told(it))
            }
            Kind::Request(it) => Part::Whole(Inbound::Request { id: it.id, body: it.body }),
            Kind::Response(it) => {
                let result = match it.result.ok_or(Garbage::Unknown)? {
                    response::Result::Body(body) => Ok(body),
                    response::Result::Failure(words) => Err(words),
                };
                Part::Whole(Inbound::Response { id: it.id, result })
            }
            Kind::Entry(_) | Kind::Stored(_) | Kind::VirtualService(_) | Kind::DnsService(_) | Kind::GslbMembers(_) => {
                return Err(Garbage::OutOfPlace("record"));
            }
        };
        Ok(())
    }

    fn close(self) -> Option<Inbound> {
        if self.wanted > 0 || !self.buffer.is_empty() {
            return None;
        }
        match self.part {
            Part::Nothing | Part::Unknown => None,
            Part::Whole(whole) => Some(whole),
            Part::Append { term, after, committed, shown, sent, entries } => {
                Some(Inbound::Message(Message::Append { term, after, entries, committed, shown, sent }))
            }
            Part::Base { term, mark, sent, newest_us, objects } => {
                let state = Arc::new(State::new(objects, newest_us));
                Some(Inbound::Message(Message::Base { term, mark, state, sent }))
            }
            Part::State(told) => Some(Inbound::State(told)),
        }
    }
}

fn limited(count: u64, what: &'static str, max: u64) -> Result<u64, Garbage> {
    if count > max { Err(Garbage::TooMuch { what, max }) } else { Ok(count) }
}

/// The record at the front of the buffer, once it is there as a whole.
fn next_record(buffer: &mut BytesMut) -> Result<Option<Record>, Garbage> {
    let mut ahead = &buffer[..];
    let length = match prost::decode_length_delimiter(&mut ahead) {
        Ok(length) => length,
        // A varint has ten bytes at most.
        Err(_) if buffer.len() < 10 => return Ok(None),
        Err(_) => return Err(Garbage::NotProto),
    };
    if length > RECORD_BYTES_MAX {
        return Err(Garbage::TooMuch { what: "bytes in a record", max: RECORD_BYTES_MAX as u64 });
    }
    if ahead.len() < length {
        return Ok(None);
    }
    let prefix = buffer.len() - ahead.len();
    buffer.advance(prefix);
    let record = buffer.split_to(length).freeze();
    Record::decode(record).map(Some).map_err(|_| Garbage::NotProto)
}

#[cfg(test)]
mod tests;
