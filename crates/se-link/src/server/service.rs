//! The two calls: join, and connect.

use std::{sync::Arc, time::Duration};

use se_protocol::{
    MemberStates,
    wire::{FromController, FromEngine, JoinRequest, JoinResponse},
};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{Request, Response, Status, Streaming};

use super::{Authority, accept::Peer, authority::RedeemError, engines::Registry, groups::GroupFeeds, session};
use crate::{certificate::chain, clock::wall_now, generated::link_server::Link};

/// Messages on their way to one engine; when full, its session waits, and nobody else.
const OUTBOUND_MAX: usize = 4;
/// Longest name of an engine.
const NAME_CHARS_MAX: usize = 255;

pub(super) struct LinkService {
    pub(super) authority: Arc<Authority>,
    pub(super) registry: Arc<Registry>,
    pub(super) feeds: Arc<GroupFeeds>,
    pub(super) member_states: watch::Receiver<Arc<MemberStates>>,
    pub(super) certificate_lifetime: Duration,
    pub(super) stop: CancellationToken,
    pub(super) sessions: TaskTracker,
}

#[tonic::async_trait]
impl Link for LinkService {
    async fn join(&self, request: Request<JoinRequest>) -> Result<Response<JoinResponse>, Status> {
        let peer = peer(&request)?;
        let (authority, lifetime) = (Arc::clone(&self.authority), self.certificate_lifetime);
        // It waits for the disk.
        let joined = tokio::task::spawn_blocking(move || admit(&authority, lifetime, &request.into_inner())).await;
        let joined = joined.map_err(|_| Status::internal("joining ended badly"))?;
        match joined {
            Ok(Joined { name, group, response }) => {
                tracing::info!(engine = response.engine_uuid, name, group, client = %peer.address, "engine joined");
                Ok(Response::new(response))
            }
            Err(status) => {
                tracing::warn!(client = %peer.address, reason = status.message(), "engine not let in");
                Err(status)
            }
        }
    }

    type ConnectStream = ReceiverStream<Result<FromController, Status>>;

    async fn connect(&self, request: Request<Streaming<FromEngine>>) -> Result<Response<Self::ConnectStream>, Status> {
        let Peer { address, engine } = peer(&request)?;
        let Some(uuid) = engine else {
            return Err(Status::unauthenticated("an engine needs the certificate that joining gave it"));
        };
        if self.authority.is_revoked(&uuid) {
            tracing::warn!(engine = uuid, client = %address, "revoked engine refused");
            return Err(session::revoked());
        }
        let (outbound, messages) = mpsc::channel(OUTBOUND_MAX);
        let group = self.authority.group_of(&uuid);
        let feeds = session::Feeds { stamped: self.feeds.subscribe(&group), member_states: self.member_states.clone() };
        let session = session::Session {
            uuid,
            group,
            address,
            authority: Arc::clone(&self.authority),
            registry: Arc::clone(&self.registry),
            feeds,
            certificate_lifetime: self.certificate_lifetime,
            stop: self.stop.clone(),
        };
        self.sessions.spawn(session.run(request.into_inner(), outbound));
        Ok(Response::new(ReceiverStream::new(messages)))
    }
}

fn peer<T>(request: &Request<T>) -> Result<Peer, Status> {
    request.extensions().get::<Peer>().cloned().ok_or_else(|| Status::internal("a connection without a peer"))
}

struct Joined {
    name: String,
    group: String,
    response: JoinResponse,
}

/// Uses the token up, then signs.
fn admit(authority: &Authority, lifetime: Duration, request: &JoinRequest) -> Result<Joined, Status> {
    let now = wall_now();
    let name: String = request.name.chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect();
    let uuid = format!("se-{}", uuid::Uuid::new_v4());
    // A request that cannot be signed does not cost the token.
    let certificate = authority
        .issue(&uuid, &request.certificate_request, lifetime, now)
        .map_err(|error| Status::invalid_argument(format!("the certificate request is malformed: {error}")))?;
    let group = authority.redeem(&request.token_id, &request.secret, now).map_err(|error| match &error {
        RedeemError::Unknown | RedeemError::Used | RedeemError::Expired => Status::permission_denied(error.to_string()),
        RedeemError::File(_) => Status::unavailable(chain(&error)),
    })?;
    authority.put_into(&group, &uuid).map_err(|error| Status::unavailable(chain(&error)))?;
    let response = JoinResponse {
        engine_uuid: uuid,
        certificate: certificate.to_vec().into(),
        authority: authority.certificate().to_vec().into(),
    };
    Ok(Joined { name, group, response })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use tokio::sync::watch;
    use tonic::Code;

    use super::*;
    use crate::{
        Server, ServerConfig,
        certificate::fingerprint,
        client::{
            alert::Alert,
            dial::{dial, pinned},
        },
        generated::link_client::LinkClient,
    };

    #[tokio::test]
    async fn stream_without_a_certificate_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let authority = Arc::new(Authority::open(dir.path(), wall_now()).unwrap());
        let config = ServerConfig::new(TcpListener::bind("127.0.0.1:0").unwrap());
        let (snapshots, states) = (watch::Sender::new(None), watch::Sender::default());
        let server = Server::start(config, Arc::clone(&authority), snapshots.subscribe(), states.subscribe()).unwrap();
        let tls = pinned(fingerprint(authority.certificate())).unwrap();
        let channel = dial(&server.local_addr().to_string(), tls, &Alert::default()).await.unwrap();
        let mut client = LinkClient::new(channel);
        let status = client.connect(tokio_stream::empty()).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated);
        assert!(server.engines().borrow().0.is_empty());
        let malformed = JoinRequest { token_id: "../x".into(), ..Default::default() };
        assert_eq!(client.join(malformed).await.unwrap_err().code(), Code::InvalidArgument);
    }
}
