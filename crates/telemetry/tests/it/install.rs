//! Installing the subscriber: the one test that touches the process.

use telemetry::{Colour, Format, InitError, UnknownFormat, init_to};

use crate::sink::Sink;

#[test]
fn a_bad_filter_is_refused_and_a_panic_is_logged_with_its_place() {
    let sink = Sink::default();
    let refused = init_to(Format::Human, Colour::Never, "info,amko=loud", sink.clone()).unwrap_err();
    assert_eq!(refused.to_string(), "the log filter `info,amko=loud` is not a list like `info,amko=debug`");

    let filter = init_to(Format::Json, Colour::Never, telemetry::FILTER_DEFAULT, sink.clone()).unwrap();
    tracing::info!(target: "hyper", "hidden");
    let outcome = std::thread::Builder::new().name("worker".to_owned()).spawn(|| panic!("the table is empty"));
    assert!(outcome.unwrap().join().is_err());

    let record: serde_json::Value = sink
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .find(|record: &serde_json::Value| record["thread"] == "worker")
        .unwrap();
    assert_eq!(record["level"], "error");
    assert_eq!(record["component"], "panic");
    assert_eq!(record["reason"], "the table is empty");
    assert!(record["location"].as_str().unwrap().contains("install.rs:"), "{record}");
    assert!(!sink.text().contains("hidden"));

    // What is logged can change while the process runs.
    tracing::debug!("not yet");
    assert!(filter.set("info,amko=loud").is_err());
    filter.set(telemetry::FILTER_DEBUG).unwrap();
    tracing::debug!("from now on");
    filter.set("warn").unwrap();
    tracing::info!("no more");
    let text = sink.text();
    assert!(text.contains("from now on") && !text.contains("not yet") && !text.contains("no more"), "{text}");

    let again = init_to(Format::Json, Colour::Never, "info", sink).unwrap_err();
    assert!(matches!(again, InitError::AlreadySet(_)));
}

#[test]
fn a_format_is_named_human_or_json() {
    assert_eq!("json".parse(), Ok(Format::Json));
    assert_eq!("human".parse(), Ok(Format::Human));
    let odd: Result<Format, UnknownFormat> = "xml".parse();
    assert_eq!(odd.unwrap_err().to_string(), "`xml` is not a log format; use `human` or `json`");
}
