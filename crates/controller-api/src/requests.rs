//! What requests come, how they end, and how long they take.

use std::time::Duration;

use http::{Method, StatusCode};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::{Registry, Unit},
};

use crate::routes::Route;

/// Upper ends of the duration classes in seconds: a read takes below a millisecond, a login tens, a write waits for
/// the disk.
const SECONDS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0, 10.0];

/// Requests to the API, as metrics; cheap to clone. Labels are made of our own words alone, whatever clients send.
#[derive(Debug, Clone)]
pub struct RequestMetrics {
    ended: Family<Ended, Counter>,
    seconds: Family<Asked, Histogram>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    method: &'static str,
    path_template: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    method: &'static str,
    path_template: String,
    code: u16,
}

impl Default for RequestMetrics {
    fn default() -> Self {
        Self { ended: Family::default(), seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)) }
    }
}

impl RequestMetrics {
    /// Adds `api_requests_total{method,path_template,code}` and `api_request_duration_seconds{method,path_template}`.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("api_requests", "Requests to the API that were answered", self.ended.clone());
        let help = "Time from the head of a request to its answer";
        registry.register_with_unit("api_request_duration", help, Unit::Seconds, self.seconds.clone());
    }

    pub(crate) fn count(&self, method: &Method, route: Option<&Route>, code: StatusCode, took: Duration) {
        let method = match *method {
            Method::GET => "GET",
            Method::POST => "POST",
            Method::PUT => "PUT",
            Method::PATCH => "PATCH",
            Method::DELETE => "DELETE",
            Method::OPTIONS => "OPTIONS",
            _ => "other",
        };
        let path_template = route.map_or_else(|| "none".to_owned(), Route::template);
        let asked = Asked { method, path_template: path_template.clone() };
        self.seconds.get_or_create(&asked).observe(took.as_secs_f64());
        self.ended.get_or_create(&Ended { method, path_template, code: code.as_u16() }).inc();
    }
}
