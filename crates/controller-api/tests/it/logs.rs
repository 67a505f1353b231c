//! `/api/analytics/logs` (avi-api 7.5).

use se_protocol::logs::{DnsLog, EngineLogs, HttpLog, HttpLogServer, Log, LogKind, LogPage, LogRecord, LogRefusal};
use serde_json::{Value, json};

use crate::gslb::{service, with_gslb};
use crate::harness::{Client, Controller};

const LOGS: &str = "/api/analytics/logs";
/// 2024-01-01T00:00:00Z.
const START_US: i64 = 1_704_067_200_000_000;

fn log(second: i64, name: &str) -> DnsLog {
    DnsLog {
        id: second.unsigned_abs(),
        at_us: START_US + second * 1_000_000,
        qname: name.into(),
        qtype: 1,
        client_ip: "192.0.2.1".into(),
        rcode: Some(0),
        records: vec![LogRecord { rtype: 1, ttl_s: 30, data: "198.51.100.1".into() }],
        ..DnsLog::default()
    }
}

fn found<L: Into<Log>>(logs: Vec<L>) -> Result<LogPage, LogRefusal> {
    let logs: Vec<Log> = logs.into_iter().map(Into::into).collect();
    Ok(LogPage { count: logs.len() as u64, logs, groups: vec![("a".into(), 2)], is_complete: true })
}

/// A controller with a DNS virtual service, and what its engines say.
async fn controller(engines: Vec<(&str, Result<LogPage, LogRefusal>)>) -> (Controller, Client, String) {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let body = json!({"name": "g-dns", "application_profile_ref": "/api/applicationprofile?name=System-DNS",
        "services": [{"port": 53}], "vip": [{"ip_address": {"addr": "192.0.2.53"}}]});
    let uuid = client.post("/api/virtualservice", body).await.expect(201).json()["uuid"].as_str().unwrap().to_owned();
    let answers = engines.into_iter().map(|(engine, outcome)| EngineLogs { engine: engine.into(), outcome });
    *controller.engine.1.lock().unwrap() = answers.collect();
    (controller, client, uuid)
}

#[tokio::test]
async fn logs_of_all_engines_come_in_order_as_json() {
    let engines = vec![("one", found(vec![log(5, "a"), log(1, "b")])), ("two", found(vec![log(3, "c")]))];
    let (controller, mut client, uuid) = controller(engines).await;
    controller.stranger().get(&format!("{LOGS}?virtualservice={uuid}")).await.expect(401);
    for whose in [uuid.as_str(), "g-dns"] {
        let url = format!("{LOGS}/?virtualservice={whose}&type=0&nf=true&end=2024-01-02T00:00:00.000000Z&query_id=7");
        let page = client.get(&url).await.expect(200).json();
        let names: Vec<&Value> = page["results"].as_array().unwrap().iter().map(|log| &log["dns_fqdn"]).collect();
        assert_eq!(names, ["a", "c", "b"]);
        assert_eq!((&page["count"], &page["percent_remaining"], &page["query_id"]), (&json!(3), &json!(0), &json!(7)));
        assert_eq!(page["results"][0]["report_timestamp"], "2024-01-01T00:00:05.000000+00:00");
        assert_eq!(page["end"], "2024-01-02T00:00:00.000000+00:00");
        assert!(page.get("next").is_none() && page.get("more").is_none() && page.get("incomplete").is_none());
    }
    let asked = controller.engine.2.lock().unwrap().clone().unwrap();
    assert_eq!((asked.virtual_service, asked.limit, asked.newest_first), (uuid.clone(), 10, true));
    assert_eq!((asked.start_us, asked.significant, asked.non_significant), (0, true, true));

    let second = client.get(&format!("{LOGS}?virtualservice={uuid}&page=2&page_size=2&orderby=report_timestamp")).await;
    assert_eq!(second.json()["results"].as_array().unwrap().len(), 1);
    let first = client.get(&format!("{LOGS}?virtualservice={uuid}&page_size=2")).await.json();
    let next = first["next"].as_str().unwrap();
    assert!(next.contains("/api/analytics/logs?") && next.contains("page=2") && next.contains("&end="), "{next}");
    let grouped = client.get(&format!("{LOGS}?virtualservice={uuid}&groupby=dns_fqdn")).await.json();
    assert_eq!((&grouped["count"], &grouped["results"]), (&json!(1), &json!([{"dns_fqdn": "a", "count": 4}])));
}

#[tokio::test]
async fn a_download_is_csv_with_name_and_addresses_at_their_places() {
    let (_controller, mut client, uuid) = controller(vec![("one", found(vec![log(1, "a")]))]).await;
    let answer = client.get(&format!("{LOGS}?virtualservice={uuid}&type=0&nf=true&download=true")).await.expect(200);
    assert_eq!(answer.headers["content-disposition"], "attachment; filename=\"logs.csv\"");
    assert_eq!(answer.headers["content-type"], "text/csv; charset=utf-8");
    let cells = |line: usize| answer.text.lines().nth(line).unwrap().split(',').collect::<Vec<_>>();
    assert_eq!((cells(0).len(), cells(0)[60], cells(0)[61]), (87, "dns_fqdn", "dns_ips"));
    assert_eq!((cells(1)[60], cells(1)[61]), ("a", "198.51.100.1"));
    let chosen = client.get(&format!("{LOGS}?virtualservice={uuid}&format=csv&cols=dns_ips,client_ip")).await;
    assert_eq!(chosen.text, "dns_ips,client_ip\n198.51.100.1,192.0.2.1\n");
}

#[tokio::test]
async fn engines_that_give_no_logs_are_named() {
    let away = || Err(LogRefusal("it is not connected to this controller".into()));
    let (_controller, mut client, uuid) = controller(vec![("one", found(vec![log(1, "a")])), ("two", away())]).await;
    let page = client.get(&format!("{LOGS}?virtualservice={uuid}")).await.expect(200).json();
    assert_eq!((&page["count"], &page["percent_remaining"]), (&json!(1), &json!(50)));
    assert_eq!(page["incomplete"][0], json!({"name": "two", "reason": "it is not connected to this controller"}));
    let file = client.get(&format!("{LOGS}?virtualservice={uuid}&format=csv")).await.expect(200);
    assert_eq!(file.headers["x-percent-remaining"], "50");

    let (_controller, mut client, uuid) = self::controller(vec![("one", away())]).await;
    let url = format!("{LOGS}?virtualservice={uuid}");
    client.get(&url).await.refused(503, "No service engine gave its logs: one: it is not connected");
    let (_controller, mut client, uuid) = self::controller(vec![]).await;
    let url = format!("{LOGS}?virtualservice={uuid}");
    client.get(&url).await.refused(503, "none is connected");
}

#[tokio::test]
async fn parameters_are_read_as_clients_send_them() {
    let (controller, mut client, uuid) = controller(vec![("one", found::<DnsLog>(vec![]))]).await;
    let url = format!(
        "{LOGS}?virtualservice={uuid}&start=2024-01-01T00:00:00+00:00&end=2024-01-01T01:00:00&adf=false&page_size=10000\
         &filter=eq(dns_fqdn,a.b)&filter=ne(dns_ips,%5B192.0.2.1,192.0.2.2%5D)&timeout=9&orderby=report_timestamp"
    );
    client.get(&url).await.expect(200);
    let asked = controller.engine.2.lock().unwrap().clone().unwrap();
    assert_eq!((asked.start_us, asked.end_us), (START_US, START_US + 3_600_000_000));
    assert_eq!((asked.significant, asked.non_significant, asked.newest_first), (false, false, false));
    assert_eq!((asked.limit, asked.within_ms, asked.filters.len()), (10_000, 9_000, 2));
    assert_eq!(asked.filters[1].values, ["192.0.2.1", "192.0.2.2"]);

    let url = |rest: &str| format!("{LOGS}?virtualservice={uuid}&{rest}");
    for (rest, expected) in [
        ("type=1", "type: this virtual service has connection logs and DNS logs, which are of type 0"),
        ("type=2", "type: this release logs no events"),
        ("filter=eq(uri_path,/)", "no field `uri_path`"),
        ("page_size=10001", "page_size: `10001` is no number from 1 to 10000"),
        ("page=11&page_size=10000", "page: logs beyond the first 100000"),
        ("start=yesterday", "start: `yesterday` is no time"),
        ("start=2024-01-01T00:00:01&end=2024-01-01T00:00:00", "start: it is after end"),
        ("filter=foo", "filter: `foo` is no filter"),
        ("filter=ge(report_timestamp,nonsense)", "write a time such as"),
        ("filter=lt(dns_ips,10)", "filter: `10` cannot be compared with dns_ips: write an address"),
        ("filter=eq(nope,1)", "no field `nope`"),
        ("cols=nope", "cols: logs have no column `nope`"),
        ("orderby=dns_fqdn", "orderby: `dns_fqdn` is not possible"),
        ("format=xml", "format: `xml` is none of"),
        ("nf=maybe", "nf: `maybe` is neither"),
    ] {
        client.get(&url(rest)).await.refused(400, expected);
    }
    client.get(LOGS).await.refused(400, "virtualservice: whose logs is missing");
    client.get(&format!("{LOGS}?virtualservice=nobody")).await.expect(404);
    client.post(LOGS, json!({})).await.expect(405);
}

/// avi-api 11.8 line 142.
#[tokio::test]
async fn application_logs_of_all_engines_come_in_order_with_the_columns_of_http() {
    let request = |second: i64, path: &str, status| HttpLog {
        id: second.unsigned_abs(),
        at_us: START_US + second * 1_000_000,
        uri_path: path.into(),
        status,
        total_us: 7_500,
        server: Some(HttpLogServer { ip: "198.51.100.80".into(), ..HttpLogServer::default() }),
        ..HttpLog::default()
    };
    let engines = vec![
        ("one", found(vec![request(1, "/a", 200), request(5, "/b", 200)])),
        ("two", found(vec![request(3, "/c", 503)])),
    ];
    let (controller, mut client, _) = controller(engines).await;
    let body = json!({"name": "web", "type": "VS_TYPE_VH_PARENT", "vh_type": "VS_TYPE_VH_ENHANCED", "services": [{"port": 80}], "vip": [{"ip_address": {"addr": "192.0.2.80"}}]});
    let uuid = client.post("/api/virtualservice", body).await.expect(201).json()["uuid"].as_str().unwrap().to_owned();
    let url = format!(
        "{LOGS}?type=1&virtualservice={uuid}&page_size=10000&udf=true&nf=true&orderby=report_timestamp\
         &filter=sw(uri_path,/)&filter=ge(response_code,200)"
    );
    let page = client.get(&url).await.expect(200).json();
    let shown = |log: &Value| (log["uri_path"].clone(), log["response_code"].clone(), log["total_time"].clone());
    let results: Vec<_> = page["results"].as_array().unwrap().iter().map(shown).collect();
    let expected = [("/a", 200), ("/c", 503), ("/b", 200)];
    assert_eq!(results, expected.map(|(path, status)| (json!(path), json!(status), json!(7))));
    let asked = controller.engine.2.lock().unwrap().clone().unwrap();
    assert_eq!((asked.kind, asked.virtual_service, asked.filters.len()), (LogKind::Http, uuid.clone(), 2));

    let child = json!({"name": "shop", "type": "VS_TYPE_VH_CHILD", "vh_type": "VS_TYPE_VH_ENHANCED",
        "vh_parent_vs_ref": "/api/virtualservice?name=web", "vh_matches": [{"host": "shop.example.com"}]});
    let child = client.post("/api/virtualservice", child).await.expect(201).json()["uuid"].as_str().unwrap().to_owned();
    for (whose, expected) in [("web", (&uuid, vec![child.clone()])), ("shop", (&child, vec![]))] {
        client.get(&format!("{LOGS}?virtualservice={whose}&type=1")).await.expect(200);
        let asked = controller.engine.2.lock().unwrap().clone().unwrap();
        assert_eq!((&asked.virtual_service, asked.children, asked.kind), (expected.0, expected.1, LogKind::Http));
    }

    let file = client.get(&format!("{LOGS}?virtualservice=web&nf=true&download=true")).await.expect(200);
    let cells = |line: usize| file.text.lines().nth(line).unwrap().split(',').collect::<Vec<_>>();
    assert_eq!((cells(0).len(), cells(0)[20], *cells(0).last().unwrap()), (134, "uri_path", "vh_match_rule"));
    assert_eq!(cells(2)[20], "/c");
    for (rest, expected) in [
        ("type=0", "type: this virtual service has application logs, which are of type 1"),
        ("filter=eq(dns_fqdn,a)", "no field `dns_fqdn`"),
        ("filter=eq(response_code,many)", "write a number"),
    ] {
        client.get(&format!("{LOGS}?virtualservice={uuid}&{rest}")).await.refused(400, expected);
    }
}

#[tokio::test]
async fn a_record_tells_the_site_of_its_member() {
    let (controller, mut client, uuid) = controller(Vec::new()).await;
    let gslb = with_gslb(&mut client).await;
    let mut body = service("hello.avi.iberia.local");
    body.as_object_mut().unwrap().remove("health_monitor_refs");
    body["groups"][0]["members"][0]["cluster_uuid"] = gslb["sites"][0]["cluster_uuid"].clone();
    let made = client.post("/api/gslbservice", body).await.expect(201).json();
    let mut of_member = log(1, "hello.avi.iberia.local");
    of_member.gslb_service = made["uuid"].as_str().unwrap().into();
    let mut of_nobody = of_member.clone();
    of_member.records[0].data = "10.52.1.2".into();
    of_nobody.at_us -= 1;
    let outcome = found(vec![of_member, of_nobody]);
    *controller.engine.1.lock().unwrap() = vec![EngineLogs { engine: "one".into(), outcome }];
    let page = client.get(&format!("{LOGS}?virtualservice={uuid}")).await.expect(200).json();
    let record = |place: usize| &page["results"][place]["dns_response"]["records"][0];
    assert_eq!((&record(0)["site_name"], record(1).get("site_name")), (&json!("site1"), None));
}

/// avi-api 11.4 line 83, 11.6 line 101.
#[tokio::test]
async fn a_virtual_service_belongs_to_the_default_group_whose_throttles_can_be_set() {
    let (_controller, mut client, uuid) = controller(Vec::new()).await;
    let service = client.get(&format!("/api/virtualservice/{uuid}?include_name")).await.json();
    assert!(service["se_group_ref"].as_str().unwrap().ends_with("#Default-Group"), "{service}");
    let url = "/api/serviceenginegroup/?include_name&page_size=100&cloud_ref.name=Default-Cloud&name.in=Default-Group";
    let listed = client.get(url).await.expect(200).json();
    assert_eq!(listed["count"], 1);
    let mut group = listed["results"][0].clone();
    assert_eq!((&group["non_significant_log_throttle"], &group["se_deprovision_delay"]), (&json!(100), &json!(120)));
    group["non_significant_log_throttle"] = json!(0);
    group["labels"] = json!([{"key": "clustername", "value": "s1az1"}]);
    let path = format!("/api/serviceenginegroup/{}", group["uuid"].as_str().unwrap());
    let changed = client.put(&path, group).await.expect(200).json();
    assert_eq!(
        (&changed["non_significant_log_throttle"], &changed["labels"][0]["value"]),
        (&json!(0), &json!("s1az1"))
    );
}
