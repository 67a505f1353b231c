//! The body that a client gets, and what happens when it ends.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::access::Ending;
use crate::exchange::{Exchange, ExchangeError};
use crate::finish::Finish;
use crate::worker::Worker;

/// Body of a response. The request's record is written when it is dropped.
pub(crate) struct ResponseBody {
    kind: Kind,
    finish: Option<Box<Finish>>,
}

enum Kind {
    Whole(Bytes),
    Stream { exchange: Box<Exchange>, worker: Rc<Worker>, keep_alive: bool },
    Ended,
}

impl ResponseBody {
    /// A body that is there.
    pub(crate) fn whole(octets: Bytes, finish: Box<Finish>) -> Self {
        Self { kind: if octets.is_empty() { Kind::Ended } else { Kind::Whole(octets) }, finish: Some(finish) }
    }

    /// No body; the record is somebody else's.
    pub(crate) fn none() -> Self {
        Self { kind: Kind::Ended, finish: None }
    }

    /// A body that comes from a server.
    pub(crate) fn stream(exchange: Box<Exchange>, worker: Rc<Worker>, keep_alive: bool, finish: Box<Finish>) -> Self {
        Self { kind: Kind::Stream { exchange, worker, keep_alive }, finish: Some(finish) }
    }

    fn poll_stream(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let Kind::Stream { exchange, worker, .. } = &mut self.kind else { return Poll::Ready(None) };
        let Some(finish) = &mut self.finish else { return Poll::Ready(None) };
        match exchange.poll_data(cx, &worker.timer) {
            Poll::Ready(Ok(Some(data))) => {
                finish.response_octets += data.len() as u64;
                // hyper does not ask again once a body has the length that was told.
                if exchange.rest() == Some(0) {
                    self.end();
                }
                Poll::Ready(Some(Ok(Frame::data(data))))
            }
            Poll::Ready(Ok(None)) => {
                self.end();
                Poll::Ready(None)
            }
            Poll::Ready(Err(error)) => {
                finish.ending = ending_of(&error);
                self.kind = Kind::Ended;
                // hyper closes the client's connection: it has to see that the body is not whole.
                Poll::Ready(Some(Err(io::Error::other(error))))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// The body is whole: what it came from is free.
    fn end(&mut self) {
        if let Kind::Stream { exchange, worker, keep_alive } = std::mem::replace(&mut self.kind, Kind::Ended)
            && let Some(finish) = &mut self.finish
        {
            finish.ending = Ending::Complete;
            finish.give_back(*exchange, &worker, keep_alive);
        }
    }
}

/// How a request ends when its exchange does.
pub(crate) fn ending_of(error: &ExchangeError) -> Ending {
    match error {
        ExchangeError::ServerClosed | ExchangeError::Broken(_) => Ending::ServerClosed,
        ExchangeError::BadHead(_) | ExchangeError::BadBody(_) => Ending::BadResponse,
        ExchangeError::ServerTimeout => Ending::ServerTimeout,
        ExchangeError::ClientTimeout => Ending::ClientTimeout,
        ExchangeError::ClientBody(error) if is_breach(error) => Ending::BadBody,
        ExchangeError::ClientBody(_) => Ending::ClientClosed,
        ExchangeError::BodyTooLarge => Ending::BodyTooLarge,
    }
}

/// Whether a client's body ended because it broke the rules, not because the client left.
fn is_breach(error: &hyper::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<h2::Error>() {
            return error.is_library();
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData);
        }
        source = error.source();
    }
    false
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match std::mem::replace(&mut self.kind, Kind::Ended) {
            Kind::Whole(octets) => {
                if let Some(finish) = &mut self.finish {
                    finish.response_octets += octets.len() as u64;
                }
                Poll::Ready(Some(Ok(Frame::data(octets))))
            }
            Kind::Ended => Poll::Ready(None),
            stream @ Kind::Stream { .. } => {
                self.kind = stream;
                self.poll_stream(cx)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.kind, Kind::Ended)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Whole(octets) => SizeHint::with_exact(octets.len() as u64),
            Kind::Ended => SizeHint::with_exact(0),
            Kind::Stream { exchange, .. } => exchange.rest().map_or_else(SizeHint::new, SizeHint::with_exact),
        }
    }
}
