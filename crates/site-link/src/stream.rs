//! Frames over TLS, each with its length before it.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use prost::Message as _;
use tokio::io::{AsyncRead, AsyncWrite, ReadHalf, WriteHalf};
use tokio::time::timeout;
use tokio_util::codec::{FramedRead, FramedWrite, LengthDelimitedCodec};

use crate::wire::frame::Kind;
use crate::wire::{Frame, Garbage, Goodbye};

/// Bytes of a frame: a chunk and what is around it.
const FRAME_BYTES_MAX: usize = 128 * 1024;
/// Longest words taken from another site, in characters: they are for one line of a log.
const WORDS_MAX: usize = 300;
/// How long a goodbye may take.
const GOODBYE_WITHIN: Duration = Duration::from_millis(200);

/// Why a connection ended, or did not come about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ended {
    /// For people at this site.
    pub(crate) words: String,
    /// Also to be told to the other site.
    pub(crate) tell: bool,
}

impl Ended {
    /// Our doing: the other end hears of it.
    pub(crate) fn ours(words: impl ToString) -> Self {
        Self { words: words.to_string(), tell: true }
    }

    /// Theirs, or the network's: nobody is there to be told.
    pub(crate) fn theirs(words: impl ToString) -> Self {
        Self { words: words.to_string(), tell: false }
    }

    pub(crate) fn broken(error: &io::Error) -> Self {
        // What rustls says of a process that was killed; a page of documentation follows.
        let words = if error.kind() == io::ErrorKind::UnexpectedEof {
            "the other site went away without a word".to_owned()
        } else {
            format!("the connection broke: {error}")
        };
        Self::theirs(words)
    }

    pub(crate) fn garbage(garbage: &Garbage) -> Self {
        Self::ours(format!("what came cannot be read: {garbage}"))
    }
}

/// What is read from.
pub(crate) struct Reader<S>(FramedRead<ReadHalf<S>, LengthDelimitedCodec>);
/// What is written to.
pub(crate) struct Writer<S>(FramedWrite<WriteHalf<S>, LengthDelimitedCodec>);

/// Both halves of a TLS stream.
pub(crate) fn split<S: AsyncRead + AsyncWrite>(stream: S) -> (Reader<S>, Writer<S>) {
    let (read, write) = tokio::io::split(stream);
    let codec = || LengthDelimitedCodec::builder().max_frame_length(FRAME_BYTES_MAX).new_codec();
    (Reader(FramedRead::new(read, codec())), Writer(FramedWrite::new(write, codec())))
}

impl<S: AsyncRead> Reader<S> {
    /// The next frame; frames of later releases are passed over. A goodbye is an end.
    pub(crate) async fn next(&mut self, within: Duration) -> Result<Kind, Ended> {
        loop {
            let bytes = match timeout(within, self.0.next()).await {
                Err(_) => return Err(Ended::ours(format!("nothing was heard for {within:.1?}"))),
                Ok(None) => return Err(Ended::theirs("the other site closed the connection")),
                Ok(Some(Err(error))) if error.kind() == io::ErrorKind::InvalidData => {
                    return Err(Ended::ours("what came cannot be read: a frame that is too long"));
                }
                Ok(Some(Err(error))) => return Err(Ended::broken(&error)),
                Ok(Some(Ok(bytes))) => bytes,
            };
            match Frame::decode(bytes.freeze()).map_err(|_| Ended::garbage(&Garbage::NotProto))?.kind {
                Some(Kind::Goodbye(goodbye)) => {
                    return Err(Ended::theirs(format!("the other site says: {}", line(&goodbye.words))));
                }
                Some(kind) => return Ok(kind),
                None => {}
            }
        }
    }
}

impl<S: AsyncWrite> Writer<S> {
    /// Sends one frame. When this is given up halfway, what follows still makes sense to the other end.
    pub(crate) async fn send(&mut self, kind: Kind) -> Result<(), Ended> {
        let frame = Frame { kind: Some(kind) }.encode_to_vec();
        self.0.send(Bytes::from(frame)).await.map_err(|error| Ended::broken(&error))
    }
}

/// Says why, if that is to be said, and closes. What still comes is read for a moment: a socket that is closed over unread
/// bytes is reset, and the last words are lost.
pub(crate) async fn part<S: AsyncRead + AsyncWrite>(mut reader: Reader<S>, mut writer: Writer<S>, ended: &Ended) {
    let last = async {
        if ended.tell {
            writer.send(Kind::Goodbye(Goodbye { words: ended.words.clone() })).await.unwrap_or_default();
        }
        SinkExt::<Bytes>::close(&mut writer.0).await.unwrap_or_default();
        while let Some(Ok(_)) = reader.0.next().await {}
    };
    timeout(GOODBYE_WITHIN, last).await.unwrap_or_default();
}

/// Words of another site as one line that is not too long.
pub(crate) fn line(words: &str) -> String {
    let mut line: String = words.chars().take(WORDS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if words.chars().nth(WORDS_MAX).is_some() {
        line.push('…');
    }
    line
}
