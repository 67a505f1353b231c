//! The columns of an HTTP log, in the order of the export (avi-api 7.5, application logs). Times are whole milliseconds.

use se_protocol::logs::{HttpLog, HttpLogServer, HttpLogTls};
use serde_json::{Value, json};

use super::{Column, known, nothing, of_family, timestamp, version};

/// All columns.
pub(super) static COLUMNS: [Column<HttpLog>; 134] = [
    ("adf", |log| json!(log.significant)),
    ("significant", |log| json!(u8::from(log.significant))),
    ("significance", |log| if log.significant { json!(log.reason) } else { Value::Null }),
    ("udf", |_| json!(false)),
    ("virtualservice", |log| json!(log.virtual_service)),
    ("report_timestamp", |log| json!(timestamp(log.at_us))),
    ("service_engine", |log| json!(log.service_engine)),
    ("vcpu_id", nothing),
    ("log_id", |log| json!(log.id)),
    ("client_ip", |log| of_family(&log.client_ip, false)),
    ("client_location", nothing),
    ("client_src_port", |log| json!(log.client_port)),
    ("client_dest_port", |log| json!(log.service_port)),
    ("client_rtt", nothing),
    ("ssl_session_id", nothing),
    ("ssl_version", |log| of_tls(log, |tls| &tls.version)),
    ("ssl_cipher", |log| of_tls(log, |tls| &tls.cipher)),
    ("sni_hostname", |log| of_tls(log, |tls| &tls.server_name)),
    ("http_version", |log| known(&log.http_version)),
    ("method", |log| known(&log.method)),
    ("uri_path", |log| known(&log.uri_path)),
    ("orig_uri", nothing),
    ("rewritten_uri_path", nothing),
    ("uri_query", |log| known(&log.uri_query)),
    ("rewritten_uri_query", nothing),
    ("redirected_uri", |log| known(&log.redirected_uri)),
    ("server_side_redirect_uri", nothing),
    ("referer", |log| known(&log.referer)),
    ("user_agent", |log| known(&log.user_agent)),
    ("client_device", nothing),
    ("client_browser", nothing),
    ("client_os", nothing),
    ("xff", |log| known(&log.forwarded_for)),
    ("persistence_used", nothing),
    ("host", |log| known(&log.host)),
    ("etag", nothing),
    ("persistent_session_id", nothing),
    ("request_content_type", |log| known(&log.request_content_type)),
    ("response_content_type", nothing),
    ("request_length", |log| json!(log.request_bytes)),
    ("cache_hit", nothing),
    ("cacheable", nothing),
    ("network_security_policy_rule_name", nothing),
    ("http_security_policy_rule_name", |log| known(&log.security_rule)),
    ("http_request_policy_rule_name", |log| known(&log.request_rule)),
    ("http_response_policy_rule_name", nothing),
    ("pool", |log| of_server(log, |server| known(&server.pool))),
    ("pool_name", |log| of_server(log, |server| known(&server.pool_name))),
    ("server_ip", |log| of_server(log, |server| of_family(&server.ip, false))),
    ("server_name", |log| of_server(log, |server| known(&server.name))),
    ("server_conn_src_ip", nothing),
    ("server_dest_port", |log| of_server(log, |server| json!(server.port))),
    ("server_src_port", nothing),
    ("server_rtt", nothing),
    ("server_response_length", |log| of_response(log, |log| json!(log.response_bytes))),
    ("server_response_code", |log| of_response(log, |log| json!(log.status))),
    ("server_response_time_first_byte", |log| of_server(log, |server| server.response_us.map_or(Value::Null, ms))),
    ("server_response_time_last_byte", nothing),
    ("app_response_time", |log| of_server(log, |server| server.response_us.map_or(Value::Null, ms))),
    ("data_transfer_time", |log| {
        log.first_octet_us.map_or(Value::Null, |first| ms(log.total_us.saturating_sub(first)))
    }),
    ("total_time", |log| ms(log.total_us)),
    ("response_length", |log| json!(log.response_bytes)),
    ("response_code", |log| json!(log.status)),
    ("response_time_first_byte", |log| log.first_octet_us.map_or(Value::Null, ms)),
    ("response_time_last_byte", |log| log.first_octet_us.map_or(Value::Null, |_| ms(log.total_us))),
    ("compression_percentage", nothing),
    ("compression", nothing),
    ("client_insights", nothing),
    ("connection_error_info", nothing),
    ("spdy_version", nothing),
    ("request_headers", nothing),
    ("response_headers", nothing),
    ("request_state", nothing),
    ("datascript_error_trace", nothing),
    ("all_request_headers", nothing),
    ("all_response_headers", nothing),
    ("user_id", nothing),
    ("significant_log", |log| if log.significant { json!([log.reason]) } else { Value::Null }),
    ("datascript_log", nothing),
    ("microservice", nothing),
    ("microservice_name", nothing),
    ("headers_sent_to_server", nothing),
    ("headers_received_from_server", nothing),
    ("server_ssl_session_id", nothing),
    ("server_connection_reused", |log| of_server(log, |server| json!(server.reused))),
    ("server_ssl_session_reused", nothing),
    ("vs_ip", |log| of_family(&log.service_ip, false)),
    ("body_updated", nothing),
    ("waf_log", nothing),
    ("client_ip6", |log| of_family(&log.client_ip, true)),
    ("vs_ip6", |log| of_family(&log.service_ip, true)),
    ("server_ip6", |log| of_server(log, |server| of_family(&server.ip, true))),
    ("server_conn_src_ip6", nothing),
    ("request_id", nothing),
    ("request_served_locally_remote_site_down", nothing),
    ("http2_stream_id", nothing),
    ("cipher_bytes", nothing),
    ("client_cipher_list", nothing),
    ("client_log_filter_name", nothing),
    ("saml_authentication_used", nothing),
    ("saml_session_cookie_valid", nothing),
    ("saml_auth_request_generated", nothing),
    ("saml_auth_response_received", nothing),
    ("saml_auth_session_id", nothing),
    ("servers_tried", |log| of_server(log, |server| json!(server.tried))),
    ("paa_log", nothing),
    ("cache_disabled_by_ds", nothing),
    ("grpc_status", nothing),
    ("ocsp_status_resp_sent", nothing),
    ("critical_error_encountered", nothing),
    ("grpc_service_name", nothing),
    ("grpc_method_name", nothing),
    ("grpc_status_reason_phrase", nothing),
    ("icap_log", nothing),
    ("saml_log", nothing),
    ("jwt_log", nothing),
    ("ntlm_log", nothing),
    ("oob_log", nothing),
    ("session_id", nothing),
    ("bot_management_log", nothing),
    ("max_ingress_latency_fe", nothing),
    ("avg_ingress_latency_fe", nothing),
    ("conn_est_time_fe", nothing),
    ("max_ingress_latency_be", nothing),
    ("avg_ingress_latency_be", nothing),
    ("conn_est_time_be", |log| of_server(log, |server| ms(server.connect_us))),
    ("source_ip", nothing),
    ("source_ip6", nothing),
    ("oauth_log", nothing),
    ("auth_status", nothing),
    ("client_fingerprints", nothing),
    ("server_push_initiated", nothing),
    ("server_pushed_request", nothing),
    ("vh_match_rule", |log| known(&log.child_rule)),
];

/// What documents have beside the columns: how it ended, from which configuration, and times to the microsecond.
pub(super) static BESIDE: [Column<HttpLog>; 7] = [
    ("reason", |log| known(&log.reason)),
    ("configuration", |log| version(log.version.as_ref())),
    ("start_timestamp", |log| json!(timestamp(log.at_us.saturating_sub_unsigned(log.total_us)))),
    ("conn_est_time_be_us", |log| of_server(log, |server| json!(server.connect_us))),
    ("app_response_time_us", |log| of_server(log, |server| json!(server.response_us))),
    ("response_time_first_byte_us", |log| json!(log.first_octet_us)),
    ("total_time_us", |log| json!(log.total_us)),
];

/// A log that has a value in every column that this release knows.
pub(super) fn full() -> HttpLog {
    HttpLog {
        server: Some(HttpLogServer { response_us: Some(0), ..HttpLogServer::default() }),
        tls: Some(HttpLogTls::default()),
        first_octet_us: Some(0),
        ..HttpLog::default()
    }
}

fn ms(us: u64) -> Value {
    json!(us / 1_000)
}

fn of_tls(log: &HttpLog, member: fn(&HttpLogTls) -> &str) -> Value {
    log.tls.as_ref().map_or(Value::Null, |tls| known(member(tls)))
}

fn of_server(log: &HttpLog, member: fn(&HttpLogServer) -> Value) -> Value {
    log.server.as_ref().map_or(Value::Null, member)
}

/// What is told of the server's response only where there was one.
fn of_response(log: &HttpLog, member: fn(&HttpLog) -> Value) -> Value {
    let answered = log.server.as_ref().is_some_and(|server| server.response_us.is_some());
    if answered { member(log) } else { Value::Null }
}
