//! UDP workers: a thread and a socket each, messages received and sent in batches.
//!
//! The kernel spreads clients over the sockets (`SO_REUSEPORT`). Nothing is allocated after the start.

use std::io::{IoSlice, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{
    ControlMessage, MsgFlags, MultiHeaders, SockaddrIn, SockaddrIn6, SockaddrLike, recvmmsg, sendmmsg,
};
use tracing::{debug, warn};

use crate::stats::WorkerStats;
use crate::{Answer, Stats, Transport};

/// Octets of the longest UDP message received or sent; a longer query is dropped, as no known client sends one.
pub const UDP_MESSAGE_SIZE_MAX: usize = 4096;

/// Messages per system call; measured: 64 brought nothing over 16.
const BATCH: usize = 16;

/// How long a worker waits for a query before it looks whether it has to stop, and for room to send.
pub(crate) const SOCKET_TIMEOUT: Duration = Duration::from_millis(100);

/// Pause after an error of the socket that no query caused, so that a lasting one does not take the core.
const ERROR_PAUSE: Duration = Duration::from_millis(10);

type Messages = [[u8; UDP_MESSAGE_SIZE_MAX]; BATCH];

/// One thread's part: its socket, its counters, the flag that ends it.
pub(crate) struct Worker<A> {
    pub(crate) socket: UdpSocket,
    pub(crate) answer: Arc<A>,
    pub(crate) stats: Arc<WorkerStats>,
    pub(crate) stop: Arc<AtomicBool>,
}

impl<A: Answer> Worker<A> {
    /// Answers until the stop flag is set; that is seen within [`SOCKET_TIMEOUT`].
    pub(crate) fn run(self) {
        match self.socket.local_addr() {
            Ok(SocketAddr::V6(_)) => self.serve::<SockaddrIn6>(),
            _ => self.serve::<SockaddrIn>(),
        }
        debug!("DNS worker stopped");
    }

    fn serve<P: Peer>(&self) {
        let mut queries: Box<Messages> = Box::new([[0; UDP_MESSAGE_SIZE_MAX]; BATCH]);
        let mut replies = Replies::<P>::new();
        let mut headers = MultiHeaders::<P>::preallocate(BATCH, None);
        while !self.stop.load(Ordering::Relaxed) {
            let mut batch = Stats::default();
            if let Err(errno) = self.receive(&mut queries, &mut headers, &mut replies, &mut batch) {
                self.pause_after(errno, &mut batch);
            }
            replies.send(&self.socket, &mut batch);
            self.stats.add(batch);
        }
    }

    /// Waits for one query, takes all that are there, and answers them into `replies`.
    fn receive<P: Peer>(
        &self,
        queries: &mut Messages,
        headers: &mut MultiHeaders<P>,
        replies: &mut Replies<P>,
        batch: &mut Stats,
    ) -> nix::Result<()> {
        let mut slices = queries.each_mut().map(|query| [IoSliceMut::new(query)]);
        let received = recvmmsg(self.socket.as_raw_fd(), headers, slices.iter_mut(), MsgFlags::MSG_WAITFORONE, None)?;
        for message in received {
            let (Some(peer), false) = (message.address, message.flags.contains(MsgFlags::MSG_TRUNC)) else {
                batch.queries += 1;
                batch.dropped += 1;
                continue;
            };
            let query = message.iovs().next().unwrap_or_default();
            replies.push(peer, |out| {
                self.stats.ask(batch, self.answer.as_ref(), query, peer.to_std(), Transport::Udp, out)
            });
        }
        Ok(())
    }

    #[cold]
    fn pause_after(&self, errno: Errno, batch: &mut Stats) {
        match errno {
            // Nothing came in time, or a signal did.
            Errno::EAGAIN | Errno::EINTR => {}
            // ICMP about an answer that was sent: the client's affair.
            Errno::ECONNREFUSED | Errno::EHOSTUNREACH | Errno::ENETUNREACH => batch.errors += 1,
            _ => {
                batch.errors += 1;
                warn!(reason = %errno, "receiving DNS queries failed");
                std::thread::sleep(ERROR_PAUSE);
            }
        }
    }
}

/// Answers of one batch, to be sent together.
struct Replies<P> {
    messages: Box<Messages>,
    lengths: [usize; BATCH],
    peers: [Option<P>; BATCH],
    count: usize,
    headers: MultiHeaders<P>,
}

impl<P: Peer> Replies<P> {
    fn new() -> Self {
        Self {
            messages: Box::new([[0; UDP_MESSAGE_SIZE_MAX]; BATCH]),
            lengths: [0; BATCH],
            peers: [None; BATCH],
            count: 0,
            headers: MultiHeaders::preallocate(BATCH, None),
        }
    }

    /// Lets `write` fill the next message; kept when it returns a length.
    #[inline]
    fn push(&mut self, peer: P, write: impl FnOnce(&mut [u8]) -> Option<usize>) {
        let at = self.count;
        // A batch has as many replies as queries at most.
        if let Some(message) = self.messages.get_mut(at)
            && let Some(length) = write(message)
        {
            (self.lengths[at], self.peers[at]) = (length, Some(peer));
            self.count += 1;
        }
    }

    /// Sends all, passing over those that the kernel refuses.
    fn send(&mut self, socket: &UdpSocket, batch: &mut Stats) {
        let mut first = 0;
        while first < self.count {
            let rest = first..self.count;
            let mut slices = [[IoSlice::new(&[])]; BATCH];
            for (slice, at) in slices.iter_mut().zip(rest.clone()) {
                *slice = [IoSlice::new(&self.messages[at][..self.lengths[at]])];
            }
            let control: [ControlMessage<'_>; 0] = [];
            let sent = sendmmsg(
                socket.as_raw_fd(),
                &mut self.headers,
                &slices[..rest.len()],
                &self.peers[rest],
                control,
                MsgFlags::empty(),
            );
            match sent.map(Iterator::count) {
                Ok(count) if count > 0 => {
                    batch.answers += u64::try_from(count).unwrap_or(0);
                    first += count;
                }
                Err(Errno::EINTR) => {}
                // No room for the whole time-out: who asked has given up or will ask again.
                Err(Errno::EAGAIN) => {
                    batch.errors += u64::try_from(self.count - first).unwrap_or(0);
                    break;
                }
                // The first one cannot be sent (no route, a filter, port 0): its client's affair.
                Ok(_) | Err(_) => {
                    batch.errors += 1;
                    first += 1;
                }
            }
        }
        self.count = 0;
    }
}

/// Address of a client as the kernel writes it; one family per socket keeps it small.
trait Peer: SockaddrLike + Copy {
    fn to_std(&self) -> SocketAddr;
}

impl Peer for SockaddrIn {
    fn to_std(&self) -> SocketAddr {
        SocketAddr::V4((*self).into())
    }
}

impl Peer for SockaddrIn6 {
    fn to_std(&self) -> SocketAddr {
        SocketAddr::V6((*self).into())
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn an_answer_that_cannot_be_sent_does_not_hold_up_the_others() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let SocketAddr::V4(reachable) = client.local_addr().unwrap() else { panic!("an IPv4 socket") };
        let port_0 = SockaddrIn::from(std::net::SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));
        let mut replies = Replies::new();
        for (octet, peer) in (0..).zip([reachable.into(), port_0, port_0, reachable.into(), port_0]) {
            replies.push(peer, |out| {
                out[0] = octet;
                Some(1)
            });
        }
        replies.push(port_0, |_| None);
        let mut batch = Stats::default();
        replies.send(&socket, &mut batch);
        assert_eq!((batch.answers, batch.errors, replies.count), (2, 3, 0));
        let mut received = [0xff; 2];
        client.recv(&mut received[..1]).unwrap();
        client.recv(&mut received[1..]).unwrap();
        assert_eq!(received, [0, 3]);
    }
}
