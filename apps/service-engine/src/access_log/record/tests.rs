use http::{HeaderValue, Method, Uri};
use http_proxy::{ServerUse, TlsSession};
use model::testing::http_pool;
use proptest::prelude::*;

use super::*;

const VS: &str = "virtualservice-1";

/// What a request came to, with these texts of a client; `None` for a header that it did not send.
fn log_of(uri: &Uri, user_agent: Option<&[u8]>) -> HttpLog {
    let mut headers = HeaderMap::new();
    headers.insert(HOST, HeaderValue::from_static("app.example.com"));
    if let Some(user_agent) = user_agent {
        headers.insert(USER_AGENT, HeaderValue::from_bytes(user_agent).unwrap());
    }
    let version = model::Version { incarnation: "i".into(), term: 2, revision: Revision(7) };
    let pool = http_pool("p", &[("192.0.2.80:8080".parse().unwrap(), 1)]);
    let tls = TlsSession { server_name: Some("app".into()), version: "TLSv1_3", cipher: "TLS13_AES_128_GCM_SHA256" };
    let record = AccessRecord {
        version: &version,
        host: None,
        child_rule: Some("rule"),
        security_rule: Some("security"),
        request_rule: Some("request"),
        location: Some("http://elsewhere/"),
        received: UNIX_EPOCH + Duration::from_secs(100),
        client: "[::ffff:198.51.100.7]:5000".parse().unwrap(),
        local: "203.0.113.1:443".parse().unwrap(),
        tls: Some(&tls),
        method: &Method::GET,
        uri,
        http_version: http::Version::HTTP_11,
        request_headers: &headers,
        request_octets: 3,
        status: 502,
        response_octets: 90,
        server: Some(ServerUse {
            pool: &pool,
            address: "192.0.2.80:8080".parse().unwrap(),
            attempts: 2,
            reused: false,
            connect: Duration::from_micros(150),
            response: Some(Duration::from_micros(1_500)),
        }),
        first_octet: Some(Duration::from_micros(2_000)),
        total: Duration::from_micros(2_500),
        ending: Ending::BadResponse,
    };
    let Log::Http(log) = Record::new(&record, VS, true, &"engine".into()).log() else { panic!("another kind") };
    *log
}

#[test]
fn a_log_tells_all_that_the_record_did() {
    let log = log_of(&Uri::from_static("/cart?id=1"), Some(b"curl"));
    let expected = HttpLog {
        id: 0,
        at_us: 100_002_500,
        virtual_service: VS.into(),
        service_engine: "engine".into(),
        significant: true,
        reason: "the server sent what is no HTTP response".into(),
        version: Some((&model::Version { incarnation: "i".into(), term: 2, revision: Revision(7) }).into()),
        client_ip: "198.51.100.7".into(),
        client_port: 5000,
        service_ip: "203.0.113.1".into(),
        service_port: 443,
        tls: Some(HttpLogTls {
            server_name: "app".into(),
            version: "TLSv1.3".into(),
            cipher: "TLS_AES_128_GCM_SHA256".into(),
        }),
        http_version: "1.1".into(),
        method: "GET".into(),
        host: "app.example.com".into(),
        uri_path: "/cart".into(),
        uri_query: "id=1".into(),
        user_agent: "curl".into(),
        referer: String::new(),
        forwarded_for: String::new(),
        request_content_type: String::new(),
        request_bytes: 3,
        response_bytes: 90,
        status: 502,
        child_rule: "rule".into(),
        security_rule: "security".into(),
        request_rule: "request".into(),
        redirected_uri: "http://elsewhere/".into(),
        server: Some(HttpLogServer {
            pool: "pool-p".into(),
            pool_name: "p".into(),
            ip: "192.0.2.80".into(),
            port: 8080,
            name: "192.0.2.80".into(),
            tried: 2,
            reused: false,
            connect_us: 150,
            response_us: Some(1_500),
        }),
        first_octet_us: Some(2_000),
        total_us: 2_500,
    };
    assert_eq!(log, expected);
}

#[test]
fn long_texts_are_cut_and_say_so_and_take_no_room_of_others() {
    let path = format!("/{}", "p".repeat(3_000));
    let uri = format!("{path}?{}", "q".repeat(3_000)).parse().unwrap();
    let log = log_of(&uri, Some(&[b'a'; 3_000]));
    assert_eq!(log.uri_path, format!("{}{CUT}", &path[..TARGET_BYTES_MAX]));
    assert!(log.uri_query.len() < TARGET_BYTES_MAX && log.uri_query.ends_with(CUT), "{}", log.uri_query.len());
    assert_eq!(log.user_agent, CUT);
    assert_eq!((log.virtual_service.as_str(), log.host.as_str()), (VS, "app.example.com"));
    let kept = log.host.len() + log.uri_path.len() + log.uri_query.len() + log.user_agent.len();
    assert!(kept <= TEXTS_BYTES_MAX, "{kept}");
}

#[test]
fn a_text_that_is_no_utf_8_is_kept_as_far_as_it_is_one() {
    let log = log_of(&Uri::from_static("/"), Some(b"\"a\xff\tb\""));
    assert_eq!(log.user_agent, "\"a\u{fffd}\tb\"");
}

proptest! {
    #[test]
    fn texts_come_out_as_they_went_in(texts in proptest::collection::vec("[a-zé]{0,40}", TEXTS)) {
        const ALL: [Text; TEXTS] = [
            Text::VirtualService, Text::Incarnation, Text::ChildRule, Text::SecurityRule, Text::RequestRule, Text::Pool, Text::PoolName, Text::ServerName,
            Text::Host, Text::Path, Text::Query, Text::ForwardedFor, Text::TlsServerName, Text::Location, Text::UserAgent,
            Text::Referer, Text::ContentType,
        ];
        let mut kept = Texts::default();
        for (place, text) in ALL.into_iter().zip(&texts) {
            kept.push(place, text.as_bytes());
        }
        let found: Vec<String> = ALL.into_iter().map(|place| kept.get(place)).collect();
        prop_assert_eq!(found, texts);
    }

    #[test]
    fn any_header_is_a_text(octets in proptest::collection::vec(prop_oneof![Just(9_u8), 32_u8..127, 128_u8..], 0..300)) {
        let log = log_of(&Uri::from_static("/"), Some(&octets));
        prop_assert_eq!(log.user_agent, String::from_utf8_lossy(&octets));
    }
}
