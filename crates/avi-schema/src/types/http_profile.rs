//! HTTPApplicationProfile (avi-api 2.13).

use crate::{Field, MessageSchema};

/// `http_profile` of an ApplicationProfile. Members not named by the specification are kept as sent.
pub(super) static HTTP_APPLICATION_PROFILE: MessageSchema = MessageSchema {
    name: "HTTPApplicationProfile",
    fields: &[
        Field::bool("connection_multiplexing_enabled").or_bool(true),
        Field::bool("xff_enabled").or_bool(true),
        Field::text("xff_alternate_name").or_str("X-Forwarded-For"),
        Field::one_of("xff_update", &["REPLACE_XFF_HEADERS", "APPEND_TO_THE_XFF_HEADER", "ADD_NEW_XFF_HEADER"])
            .or_str("REPLACE_XFF_HEADERS"),
        Field::bool("x_forwarded_proto_enabled").or_bool(false),
        Field::bool("http_to_https").or_bool(false),
        Field::bool("server_side_redirect_to_https").or_bool(false),
        Field::bool("hsts_enabled").or_bool(false),
        // Days.
        Field::int("hsts_max_age", 0, 10_000).or_int(365),
        Field::bool("hsts_subdomains_enabled").or_bool(true),
        Field::bool("secure_cookie_enabled").or_bool(false),
        Field::bool("httponly_enabled").or_bool(false),
        Field::bool("websockets_enabled").or_bool(true),
        // Milliseconds.
        Field::int("client_header_timeout", 10, 100_000_000).or_int(10_000),
        Field::int("client_body_timeout", 0, 100_000_000).or_int(30_000),
        Field::int("keepalive_timeout", 10, 100_000_000).or_int(30_000),
        Field::bool("keepalive_header").or_bool(false),
        Field::int("post_accept_timeout", 10, 100_000_000).or_int(30_000),
        // Kilobytes.
        Field::int("client_max_header_size", 1, 64).or_int(12),
        Field::int("client_max_request_size", 1, 256).or_int(48),
        Field::uint64("client_max_body_size").or_int(0),
        Field::int("max_keepalive_requests", 0, 1_000_000).or_int(100),
        Field::int("max_response_headers_size", 1, 256).or_int(48),
        Field::int("max_header_count", 0, 4096).or_int(256),
        Field::one_of("ssl_client_certificate_mode", SSL_CLIENT_CERTIFICATE_MODES)
            .or_str("SSL_CLIENT_CERTIFICATE_NONE"),
        Field::any("ssl_client_certificate_action"),
        Field::reference("pki_profile_ref", "pkiprofile"),
        Field::message("http2_profile", &HTTP2_APPLICATION_PROFILE),
        Field::message("compression_profile", &COMPRESSION_PROFILE),
        Field::message("cache_config", &HTTP_CACHE_CONFIG),
        Field::bool("respond_with_100_continue").or_bool(true),
        Field::bool("allow_dots_in_header_name").or_bool(false),
        Field::bool("disable_sni_hostname_check").or_bool(false),
        Field::bool("reset_conn_http_on_ssl_port").or_bool(false),
        Field::bool("detect_ntlm_app").or_bool(true),
        Field::any("true_client_ip"),
        Field::bool("use_true_client_ip").or_bool(false),
        Field::zero_or_int("max_rps_cip", 10, 1000).or_int(0),
        Field::bool("close_server_side_connection_on_error").or_bool(false),
        Field::bool("collect_client_tls_fingerprint").or_bool(false),
        Field::bool("disable_keepalive_posts_msie6").or_bool(true),
        Field::bool("enable_chunk_merge").or_bool(true),
        Field::bool("enable_fire_and_forget").or_bool(false),
        Field::bool("enable_request_body_buffering").or_bool(false),
        Field::bool("enable_request_body_metrics").or_bool(false),
        Field::bool("fwd_close_hdr_for_bound_connections").or_bool(true),
        Field::uint32("http_upstream_buffer_size").or_int(0),
        Field::uint32("max_bad_rps_cip").or_int(0),
        Field::uint32("max_bad_rps_cip_uri").or_int(0),
        Field::uint32("max_bad_rps_uri").or_int(0),
        Field::uint32("max_rps_cip_uri").or_int(0),
        Field::uint32("max_rps_unknown_cip").or_int(0),
        Field::uint32("max_rps_unknown_uri").or_int(0),
        Field::uint32("max_rps_uri").or_int(0),
        Field::bool("pass_through_x_accel_headers").or_bool(false),
        Field::any("session_config"),
        Field::bool("use_app_keepalive_timeout").or_bool(false),
    ],
    keep_unknown: true,
};

/// Whether a client certificate is asked for.
pub(super) static SSL_CLIENT_CERTIFICATE_MODES: &[&str] =
    &["SSL_CLIENT_CERTIFICATE_NONE", "SSL_CLIENT_CERTIFICATE_REQUEST", "SSL_CLIENT_CERTIFICATE_REQUIRE"];

static HTTP2_APPLICATION_PROFILE: MessageSchema = MessageSchema {
    name: "HTTP2ApplicationProfile",
    fields: &[
        Field::uint32("max_http2_concurrent_streams_per_connection").or_int(128),
        // Kilobytes.
        Field::uint32("http2_initial_window_size").or_int(64),
        Field::uint32("max_http2_requests_per_connection").or_int(1000),
        // Bytes.
        Field::uint32("max_http2_header_field_size").or_int(4096),
        Field::uint32("max_http2_control_frames_per_connection").or_int(1000),
        Field::uint32("max_http2_empty_data_frames_per_connection").or_int(1000),
        Field::uint32("max_http2_queued_frames_to_client_per_connection").or_int(1000),
    ],
    keep_unknown: false,
};

static COMPRESSION_PROFILE: MessageSchema = MessageSchema {
    name: "CompressionProfile",
    fields: &[
        Field::bool("compression").or_bool(false),
        Field::bool("remove_accept_encoding_header").or_bool(true),
        Field::one_of("type", &["AUTO_COMPRESSION", "CUSTOM_COMPRESSION"]).or_str("AUTO_COMPRESSION"),
        Field::reference("compressible_content_ref", "stringgroup"),
    ],
    keep_unknown: true,
};

static HTTP_CACHE_CONFIG: MessageSchema = MessageSchema {
    name: "HttpCacheConfig",
    fields: &[
        Field::bool("enabled").or_bool(false),
        // Bytes.
        Field::uint32("min_object_size").or_int(100),
        Field::uint32("max_object_size").or_int(4_194_304),
        // Seconds.
        Field::uint32("default_expire").or_int(600),
        Field::bool("age_header").or_bool(true),
        Field::bool("date_header").or_bool(true),
        Field::bool("xcache_header").or_bool(true),
    ],
    keep_unknown: true,
};
