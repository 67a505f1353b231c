//! Health monitors.

use std::time::Duration;

use model::monitor;

use super::{ConvertError, HealthMonitor, HttpCheck, PayloadCheck, health_monitor::Check, narrow, required};

impl From<&monitor::HealthMonitor> for HealthMonitor {
    fn from(monitor: &monitor::HealthMonitor) -> Self {
        let monitor::HealthMonitor {
            uuid,
            name,
            send_interval,
            receive_timeout,
            successful_checks,
            failed_checks,
            port,
            quickstart,
            check,
        } = monitor;
        Self {
            uuid: uuid.clone(),
            name: name.clone(),
            send_interval_us: micros(*send_interval),
            receive_timeout_us: micros(*receive_timeout),
            successful_checks: *successful_checks,
            failed_checks: *failed_checks,
            port: port.map(u32::from),
            quickstart: *quickstart,
            check: Some(check.into()),
        }
    }
}

impl TryFrom<HealthMonitor> for monitor::HealthMonitor {
    type Error = ConvertError;
    fn try_from(message: HealthMonitor) -> Result<Self, ConvertError> {
        let HealthMonitor {
            uuid,
            name,
            send_interval_us,
            receive_timeout_us,
            successful_checks,
            failed_checks,
            port,
            quickstart,
            check,
        } = message;
        Ok(Self {
            uuid,
            name,
            send_interval: Duration::from_micros(send_interval_us),
            receive_timeout: Duration::from_micros(receive_timeout_us),
            successful_checks,
            failed_checks,
            port: port.map(|port| narrow("port", port)).transpose()?,
            quickstart,
            check: required("check", check)?.try_into()?,
        })
    }
}

impl From<&monitor::Check> for Check {
    fn from(check: &monitor::Check) -> Self {
        let payload = |request: &Option<String>, response: &Option<String>| PayloadCheck {
            request: request.clone(),
            response: response.clone(),
        };
        match check {
            monitor::Check::Http(http) => Self::Http(http.into()),
            monitor::Check::Https(http) => Self::Https(http.into()),
            monitor::Check::Tcp { request, response } => Self::Tcp(payload(request, response)),
            monitor::Check::Udp { request, response } => Self::Udp(payload(request, response)),
            monitor::Check::Unsupported(kind) => Self::Unsupported(kind.clone()),
        }
    }
}

impl TryFrom<Check> for monitor::Check {
    type Error = ConvertError;
    fn try_from(message: Check) -> Result<Self, ConvertError> {
        Ok(match message {
            Check::Http(http) => Self::Http(http.try_into()?),
            Check::Https(http) => Self::Https(http.try_into()?),
            Check::Tcp(PayloadCheck { request, response }) => Self::Tcp { request, response },
            Check::Udp(PayloadCheck { request, response }) => Self::Udp { request, response },
            Check::Unsupported(kind) => Self::Unsupported(kind),
        })
    }
}

impl From<&monitor::HttpCheck> for HttpCheck {
    fn from(check: &monitor::HttpCheck) -> Self {
        let monitor::HttpCheck {
            request,
            exact_request,
            request_body,
            status_classes,
            response,
            response_bytes_max,
            maintenance_codes,
            maintenance_response,
            server_name,
        } = check;
        let digit = |class: &monitor::StatusClass| match class {
            monitor::StatusClass::Any => 0,
            monitor::StatusClass::Hundreds(digit) => u32::from(*digit),
        };
        Self {
            request: request.clone(),
            exact_request: *exact_request,
            request_body: request_body.clone(),
            status_classes: status_classes.iter().map(digit).collect(),
            response: response.clone(),
            response_bytes_max: *response_bytes_max,
            maintenance_codes: maintenance_codes.iter().copied().map(u32::from).collect(),
            maintenance_response: maintenance_response.clone(),
            server_name: server_name.clone(),
        }
    }
}

impl TryFrom<HttpCheck> for monitor::HttpCheck {
    type Error = ConvertError;
    fn try_from(message: HttpCheck) -> Result<Self, ConvertError> {
        let HttpCheck {
            request,
            exact_request,
            request_body,
            status_classes,
            response,
            response_bytes_max,
            maintenance_codes,
            maintenance_response,
            server_name,
        } = message;
        let class = |digit| match digit {
            0 => Ok(monitor::StatusClass::Any),
            digit => narrow("status_class", digit).map(monitor::StatusClass::Hundreds),
        };
        Ok(Self {
            request,
            exact_request,
            request_body,
            status_classes: status_classes.into_iter().map(class).collect::<Result<_, _>>()?,
            response,
            response_bytes_max,
            maintenance_codes: maintenance_codes
                .into_iter()
                .map(|code| narrow("maintenance_code", code))
                .collect::<Result<_, _>>()?,
            maintenance_response,
            server_name,
        })
    }
}

/// Whole microseconds; what exceeds 584,942 years becomes that.
fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
