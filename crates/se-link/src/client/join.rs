//! How an engine becomes known to a controller.

use std::{path::Path, time::Duration};

use se_protocol::wire::JoinRequest;
use tonic::{Code, Status};

use super::{
    Identity,
    alert::Alert,
    dial::{self, DialError},
};
use crate::{
    JoinToken,
    certificate::{fingerprint, request},
    clock::wall_now,
    generated::link_client::LinkClient,
    private_file::{self, FileError},
    token::from_hex,
};

/// Longest wait for the controller's answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// Why an engine did not join.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// Known without asking.
    #[error("the join token has expired; make a new one on the controller")]
    Expired,
    /// The token is malformed.
    #[error("the join token's field {0} is malformed")]
    Token(&'static str),
    /// No connection to any controller; the last one's reason.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The controller refused.
    #[error("the controller does not let this engine in: {0}")]
    Refused(String),
    /// The controller failed or broke off.
    #[error("asking the controller to join")]
    Call(#[source] Box<Status>),
    /// The controller's answer makes no sense.
    #[error("the controller's answer is malformed: {0}")]
    Answer(&'static str),
    /// A key could not be made.
    #[error("making the engine's key")]
    Key(#[source] rcgen::Error),
    /// TLS refused its configuration.
    #[error("preparing TLS")]
    Tls(#[source] rustls::Error),
    /// The identity could not be kept.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Trades a token for an identity and puts it into `dir`, in place of any before. The private key never leaves the
/// engine, and the secret goes to nobody but the controller that the token names.
///
/// # Errors
/// [`JoinError`]; after [`JoinError::Call`] or [`JoinError::File`] the token may be used up.
pub async fn join(token: &JoinToken, dir: &Path, name: &str) -> Result<Identity, JoinError> {
    if token.is_expired(wall_now()) {
        return Err(JoinError::Expired);
    }
    let expected = token.fingerprint().ok_or(JoinError::Token("authority_sha256"))?;
    let secret = from_hex(&token.secret).ok_or(JoinError::Token("secret"))?;
    // Before the token is used up.
    private_file::make_dir(dir)?;
    let (key, certificate_request) = request(name).map_err(JoinError::Key)?;
    let channel = dial_any(token, expected).await?;
    let message = JoinRequest {
        token_id: token.id.clone(),
        secret: secret.into(),
        certificate_request: certificate_request.into(),
        name: name.to_owned(),
    };
    let mut client = LinkClient::new(channel);
    let answered = tokio::time::timeout(ANSWER_WITHIN, client.join(message)).await;
    let answer = answered
        .unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer within 30 s")))
        .map_err(|status| match status.code() {
            Code::PermissionDenied | Code::InvalidArgument => JoinError::Refused(status.message().to_owned()),
            _ => JoinError::Call(Box::new(status)),
        })?
        .into_inner();
    if fingerprint(&answer.authority) != expected {
        return Err(JoinError::Answer("another authority"));
    }
    let identity = Identity::new(
        name.to_owned(),
        token.controllers.clone(),
        answer.certificate.to_vec(),
        key.serialize_der(),
        answer.authority.to_vec(),
    )
    .filter(|identity| identity.engine_uuid == answer.engine_uuid)
    .map(|identity| identity.got_with(&token.id))
    .ok_or(JoinError::Answer("the certificate is not for this engine"))?;
    identity.save(dir)?;
    Ok(identity)
}

async fn dial_any(token: &JoinToken, fingerprint: [u8; 32]) -> Result<tonic::transport::Channel, JoinError> {
    let mut last = JoinError::Token("controllers");
    for controller in &token.controllers {
        let tls = dial::pinned(fingerprint).map_err(JoinError::Tls)?;
        match dial::dial(controller, tls, &Alert::default()).await {
            Ok(channel) => return Ok(channel),
            Err(error) => last = error.into(),
        }
    }
    Err(last)
}
