//! Who may come, and what the others are told.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use se_link::{Authority, Client, Identity, IdentityError, JoinError, OpenError, join};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use crate::harness::{Controller, Engine, HOUR, config, now, snapshot};

#[tokio::test]
async fn wrong_used_and_expired_tokens_are_refused_with_the_reason() {
    let (dir, engine) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let controller = Controller::start(dir.path());
    let refused = async |token: &se_link::JoinToken, words: &str| {
        let error = join(token, engine.path(), "engine-1").await.unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    };

    let good = controller.token();
    let mut wrong = good.clone();
    wrong.secret = "00".repeat(32);
    refused(&wrong, "not known").await;
    let mut unknown = good.clone();
    unknown.id = "00".repeat(16);
    refused(&unknown, "not known").await;

    let identity = join(&good, engine.path(), "engine-1").await.unwrap();
    assert_eq!((&identity.token_id, &Identity::load(engine.path()).unwrap()), (&good.id, &identity));
    refused(&good, "used already").await;

    let expired =
        controller.server.authority().create_token(good.controllers.clone(), "edge", HOUR, now() - 2 * HOUR).unwrap();
    refused(&expired, "expired").await;
    // The engine's own clock may be wrong; the controller's decides.
    let mut claimed = expired.clone();
    claimed.expires_s = u64::MAX;
    refused(&claimed, "expired").await;
}

#[tokio::test]
async fn token_goes_to_nobody_but_its_controller() {
    let dirs = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let (one, other) = (Controller::start(dirs[0].path()), Controller::start(dirs[1].path()));
    let token = one.token_for(other.server.local_addr());
    let error = join(&token, dirs[2].path(), "engine-1").await.unwrap_err();
    assert!(matches!(error, JoinError::Dial(_)) && error.to_string().contains("is not the controller"), "{error}");
}

#[tokio::test]
async fn engine_without_identity_is_told_to_join() {
    let dir = tempfile::tempdir().unwrap();
    let error = Client::open(config(dir.path())).unwrap_err();
    assert!(matches!(error, OpenError::Identity(IdentityError::None)), "{error}");
    std::fs::write(dir.path().join("identity.json"), "{}").unwrap();
    let error = Client::open(config(dir.path())).unwrap_err();
    assert!(matches!(error, OpenError::Identity(IdentityError::Damaged(_))), "{error}");
}

#[tokio::test]
async fn two_engines_do_not_share_a_directory() {
    let (dir, engine_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let controller = Controller::start(dir.path());
    let _engine = Engine::join(engine_dir.path(), &controller.token()).await;
    assert!(matches!(Client::open(config(engine_dir.path())), Err(OpenError::InUse(_))));
}

#[tokio::test]
async fn engine_of_another_controller_is_refused_by_both_ends() {
    let dirs = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let (one, other) = (Controller::start(dirs[0].path()), Controller::start(dirs[1].path()));
    join(&one.token(), dirs[2].path(), "engine-1").await.unwrap();
    let mut config = config(dirs[2].path());
    config.controllers = vec![other.server.local_addr().to_string()];
    let engine = Engine::start(config);
    engine.is_away("is not the controller that this engine belongs to").await;
    // An engine that did not care would not get far either.
    let reason = knock(&other, dirs[2].path(), Some(dirs[1].path())).await;
    assert!(reason.contains("alert"), "{reason}");
    assert!(other.server.engines().borrow().0.is_empty());
}

#[tokio::test]
async fn expired_certificate_is_refused_by_both_ends() {
    let (dir, engine_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let controller = Controller::start_with(dir.path(), ([127, 0, 0, 1], 0).into(), Duration::ZERO);
    let engine = Engine::join(engine_dir.path(), &controller.token()).await;
    engine.is_away("has expired; join again with a new token").await;
    // It ends with the second in which it was made.
    tokio::time::timeout(Duration::from_secs(20), async {
        while !knock(&controller, engine_dir.path(), None).await.contains("CertificateExpired") {}
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn revoked_engine_is_cut_off_and_stays_out() {
    let (dir, engine_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let controller = Controller::start(dir.path());
    let mut engine = Engine::join(engine_dir.path(), &controller.token()).await;
    let first = snapshot("a", 1, 3);
    controller.publish(&first);
    engine.runs(&first).await;
    controller.server.authority().revoke(&engine.uuid).unwrap();
    engine.is_away("this engine was revoked").await;
    controller.engine(&engine.uuid, |engine| !engine.connected).await;
    controller.publish(&snapshot("a", 2, 4));
    engine.client.shutdown().await;
    let engine = Engine::start(config(engine_dir.path()));
    engine.is_away("this engine was revoked").await;
    // Its answers go on with what it had.
    assert_eq!(engine.snapshots.borrow().as_ref(), Some(&first));
    // A new token lets it back in.
    engine.client.shutdown().await;
    let mut engine = Engine::join(engine_dir.path(), &controller.token()).await;
    engine.runs(&snapshot("a", 2, 4)).await;
}

#[tokio::test]
async fn certificate_is_renewed_over_the_stream() {
    let (dir, engine_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let controller = Controller::start(dir.path());
    join(&controller.token(), engine_dir.path(), "engine-1").await.unwrap();
    let identity = || std::fs::read_to_string(engine_dir.path().join("identity.json")).unwrap();
    let before = identity();
    let mut soon = config(engine_dir.path());
    soon.renew_before = 365 * 24 * HOUR;
    let engine = Engine::start(soon);
    tokio::time::timeout(Duration::from_secs(20), async {
        while identity() == before {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    let uuid = engine.uuid.clone();
    engine.client.shutdown().await;
    controller.engine(&uuid, |engine| !engine.connected).await;
    let engine = Engine::start(config(engine_dir.path()));
    assert_eq!(engine.uuid, uuid);
    engine.is_connected().await;
}

#[tokio::test]
async fn noise_on_the_port_disturbs_nobody() {
    let (dir, engine_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let controller = Controller::start(dir.path());
    let mut engine = Engine::join(engine_dir.path(), &controller.token()).await;
    for noise in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0x16, 3, 1, 0xff, 0xff], &[0; 4_096]] {
        let mut stream = TcpStream::connect(controller.server.local_addr()).await.unwrap();
        stream.write_all(noise).await.unwrap();
    }
    let reason = knock(&controller, engine_dir.path(), None).await;
    assert!(!reason.is_empty());
    let next = snapshot("a", 1, 1);
    controller.publish(&next);
    engine.runs(&next).await;
}

/// Connects with the certificate in `engine_dir`, whatever the client of this crate would say to it, sends bytes that
/// are no HTTP/2, and says how that ended. `authority` is trusted instead of the engine's own when given.
async fn knock(controller: &Controller, engine_dir: &std::path::Path, authority: Option<&std::path::Path>) -> String {
    let identity: serde_json::Value =
        serde_json::from_slice(&std::fs::read(engine_dir.join("identity.json")).unwrap()).unwrap();
    let field = |name: &str| BASE64_STANDARD.decode(identity[name].as_str().unwrap()).unwrap();
    let authority = match authority {
        Some(dir) => {
            use rustls::pki_types::pem::PemObject;
            Authority::open(dir, now()).unwrap();
            CertificateDer::from_pem_file(dir.join("engine-ca.pem")).unwrap()
        }
        None => field("authority").into(),
    };
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![field("certificate").into()], PrivateKeyDer::try_from(field("key")).unwrap())
        .unwrap();
    tls.alpn_protocols = vec![b"h2".to_vec()];
    let stream = TcpStream::connect(controller.server.local_addr()).await.unwrap();
    let name = ServerName::try_from("meridian-controller").unwrap();
    let talk = async {
        let mut stream = TlsConnector::from(Arc::new(tls)).connect(name, stream).await?;
        stream.write_all(&[0xaa; 512]).await?;
        let mut end = Vec::new();
        stream.read_to_end(&mut end).await?;
        std::io::Result::Ok(format!("{} bytes", end.len()))
    };
    let ended = tokio::time::timeout(Duration::from_secs(20), talk).await.unwrap();
    ended.unwrap_or_else(|error| error.to_string())
}
