//! What stands below the flags of `meridian logs --help`.

/// No line is longer than 80 columns, so that nothing that is to be copied is wrapped.
pub(super) const AFTER: &str = r#"Examples:
  meridian logs                                        # the newest 100
  meridian logs --name hello.avi.iberia.local --since 10m
  meridian logs --client 10.1.2.3 --follow
  meridian logs --filter 'ne(dns_response.response_code,NOERROR)' -o json
  meridian logs g-dns -o csv --out logs.csv \
    --start 2026-01-31T10:00:00Z --end 2026-01-31T10:10:00Z
  meridian logs shop --status 5xx --path /cart         # HTTP requests
  meridian logs shop --filter 'ge(total_time,500)' --follow

A filter is op(FIELD,VALUE) or op(FIELD,[VALUE,VALUE]) with op one of eq ne lt
le gt ge co (contains) nc (does not contain) sw (starts with). FIELD is a column
of the CSV export, such as dns_fqdn, dns_ips, dns_qtype, client_ip,
gslbservice_name, report_timestamp; a member, such as
dns_response.response_code; or all. HTTP requests have host, uri_path, method,
user_agent, response_code, server_ip, pool_name and, in milliseconds,
total_time, response_time_first_byte, app_response_time, conn_est_time_be.

Errors are always logged, all else where the virtual service has full client
logs; of HTTP each child by its own. Both are throttled by the virtual service
(10 a second) and by its service engine group (100 a second); 0 is no limit. The
engine counts what it drops in meridian_dns_logs_dropped_total and
meridian_http_logs_dropped_total. To log all that g-dns answers, with the
variables of connection.env, curl and jq (g-dns and Default-Group are names):

  jar=$(mktemp) url=$MERIDIAN_CONTROLLER
  curl -s --cacert "$MERIDIAN_CA" -c "$jar" -d "username=$MERIDIAN_USERNAME" \
    --data-urlencode "password=$MERIDIAN_PASSWORD" "$url/login" >/dev/null
  api() { curl -s --cacert "$MERIDIAN_CA" -b "$jar" -H "Referer: $url" \
    -H "X-CSRFToken: $(awk '/csrftoken/ {print $7}' "$jar")" \
    -H 'Content-Type: application/json' -H 'X-Avi-Version: 30.2.1' \
    "${@:2}" "$url/api/$1"; }
  vs=$(api 'virtualservice?name=g-dns' | jq -r '.results[0].uuid')
  api "virtualservice/$vs" -X PATCH -d '{"replace": {"analytics_policy": {
    "full_client_logs": {"enabled": true, "duration": 0, "throttle": 0},
    "significant_log_throttle": 0, "udf_log_throttle": 0}}}'
  group=$(api 'serviceenginegroup?name=Default-Group' |
    jq -r '.results[0].uuid')
  api "serviceenginegroup/$group" -X PATCH -d '{"replace": {
    "significant_log_throttle": 0, "non_significant_log_throttle": 0,
    "udf_log_throttle": 0}}'

A duration of 0 is for ever; any other ends so many minutes after the virtual
service was last changed."#;

#[cfg(test)]
mod tests {
    use clap::Args;

    use super::*;

    #[test]
    fn what_is_to_be_copied_is_not_wrapped() {
        let mut command = super::super::LogsArgs::augment_args(clap::Command::new("logs")).term_width(80);
        let shown = command.render_long_help().to_string();
        assert!(shown.trim_end().ends_with(AFTER.trim_end()), "{shown}");
        assert!(AFTER.contains("non_significant_log_throttle") && AFTER.contains("\"throttle\": 0"));
    }
}
