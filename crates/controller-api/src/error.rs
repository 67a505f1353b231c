//! Every way a request can fail, its status code in one table, and its body (avi-api 1.12).

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use objects::{Class, ReadError, WriteError};
use serde_json::json;
use store::StoreError;

use crate::{commit::CommitError, engine::ExplainError, password::PasswordError, sites::SitesError};

/// Of a longer error only so many characters of its begin, and of its end, are told.
const TEXT_HALF: usize = 1000;

/// Why a request is refused. `Display` is the text of the body.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// Truly wrong user name, password or token: operators stop for good when they read this text.
    #[error("Invalid credentials")]
    InvalidCredentials,
    #[error("User account is locked")]
    Locked,
    #[error("Authentication credentials were not provided.")]
    NotLoggedIn,
    #[error("Session expired. Log in again.")]
    SessionExpired,
    #[error("Basic authentication is switched off: log in, or set portal_configuration.allow_basic_authentication")]
    BasicOff,
    #[error("CSRF token missing or incorrect.")]
    Csrf,
    #[error("{0}")]
    Version(String),
    #[error("Tenant '{0}' does not exist!")]
    Tenant(String),
    #[error("User {0} may only read: writing needs is_superuser in this release")]
    ReadOnly(String),
    #[error("There is no {0} on this controller: check the path")]
    NoSuchPath(String),
    #[error("Method '{0}' not allowed.")]
    Method(String),
    #[error(
        "The request body is not valid JSON at line {line}, column {column}: {problem}. Correct it and send it again."
    )]
    Json { line: usize, column: usize, problem: String },
    #[error("The request body is not valid: {0}")]
    Body(String),
    #[error("The request body is larger than the {0} bytes this controller accepts: send less at once")]
    TooLarge(usize),
    #[error("The request body did not arrive within {0} seconds")]
    BodyTimeout(u64),
    #[error("{0}")]
    Parameter(String),
    #[error("The old password is wrong")]
    OldPassword,
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Write(WriteError),
    #[error("This controller is starting: try again soon")]
    Starting,
    #[error("Too many logins are being checked: try again soon")]
    Busy,
    #[error("{owner} has a leader of term {largest}: one of term {term} writes no more")]
    Fenced { owner: String, term: u64, largest: u64 },
    #[error("The object changes too fast: try again")]
    Contended,
    #[error("The write is stored but not visible yet: read the object before trying again")]
    Behind,
    #[error(transparent)]
    Explain(ExplainError),
    #[error("The service engine did not answer within {0} seconds")]
    ExplainTimeout(u64),
    /// The file is named in the log.
    #[error(
        "The controller's disk is full and nothing was written: free some space where its data directory is, then try \
         again. Reading goes on."
    )]
    Full(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error(transparent)]
    Sites(SitesError),
    /// What was sent is not what its directory is for.
    #[error("The file is not usable: {0}. What was there before stays.")]
    File(String),
    #[error("This controller keeps no files")]
    NoFiles,
    #[error("What the file holds is not at this site yet: it comes from the other sites by itself; try again")]
    NotHere,
    #[error("No service engine gave its logs: {0}")]
    Logs(String),
    /// Details go to the log, not to the client.
    #[error("Internal error: see the controller's log")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ApiError {
    /// The one table of status codes.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::InvalidCredentials
            | Self::Locked
            | Self::NotLoggedIn
            | Self::SessionExpired
            | Self::BasicOff
            | Self::Csrf => StatusCode::UNAUTHORIZED,
            Self::Version(_)
            | Self::Json { .. }
            | Self::Body(_)
            | Self::Parameter(_)
            | Self::File(_)
            | Self::OldPassword
            | Self::Sites(SitesError::Refused(_))
            | Self::Explain(ExplainError::Question(_)) => StatusCode::BAD_REQUEST,
            Self::Tenant(_) | Self::ReadOnly(_) => StatusCode::FORBIDDEN,
            Self::NoSuchPath(_) | Self::NoFiles => StatusCode::NOT_FOUND,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTimeout(_) => StatusCode::REQUEST_TIMEOUT,
            Self::Fenced { .. } => StatusCode::PRECONDITION_FAILED,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Read(error) => of_class(error.class()),
            Self::Write(error) => of_class(error.class()),
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Starting
            | Self::Busy
            | Self::Contended
            | Self::Behind
            | Self::NotHere
            | Self::Full(_)
            | Self::Sites(SitesError::Unavailable(_) | SitesError::Unknown(_))
            | Self::ExplainTimeout(_)
            | Self::Logs(_)
            | Self::Explain(ExplainError::Unavailable(_)) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

fn of_class(class: Class) -> StatusCode {
    match class {
        Class::Validation => StatusCode::BAD_REQUEST,
        Class::NotFound => StatusCode::NOT_FOUND,
        Class::Conflict => StatusCode::CONFLICT,
        Class::Stale => StatusCode::PRECONDITION_FAILED,
        Class::Referred | Class::SystemDefault | Class::Forbidden => StatusCode::FORBIDDEN,
        Class::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Class::Import => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, text) = (self.status(), shortened(self.to_string()));
        if let Self::Internal(source) | Self::Full(source) = &self {
            tracing::error!(reason = %chain(source.as_ref()), "request failed");
        }
        let mut response = match self {
            // Observed as raw text; everything else is JSON.
            Self::Csrf => (status, text).into_response(),
            _ if status == StatusCode::METHOD_NOT_ALLOWED => {
                (status, axum::Json(json!({ "detail": text }))).into_response()
            }
            _ => (status, axum::Json(json!({ "error": text }))).into_response(),
        };
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// A value that an error quotes may be as long as what was sent: its begin and end say which it is.
fn shortened(text: String) -> String {
    let count = text.chars().count();
    if count <= 2 * TEXT_HALF {
        return text;
    }
    let head: String = text.chars().take(TEXT_HALF).collect();
    let tail: String = text.chars().skip(count - TEXT_HALF).collect();
    format!("{head} … {tail}")
}

/// An error with its causes on one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

impl From<CommitError> for ApiError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Refused(error) => Self::Write(error),
            CommitError::Contended => Self::Contended,
            CommitError::Behind(_) => Self::Behind,
            CommitError::Store(source) => source.into(),
            CommitError::Seal(source) => Self::Internal(source.into()),
            CommitError::Sites(error) => Self::Sites(error),
            CommitError::Mixed => Self::Sites(SitesError::Refused(CommitError::Mixed.to_string())),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full { .. } => Self::Full(error.into()),
            _ => Self::Internal(error.into()),
        }
    }
}

impl From<PasswordError> for ApiError {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy => Self::Busy,
            other => Self::Internal(other.into()),
        }
    }
}

impl From<serde_json::Error> for ApiError {
    fn from(error: serde_json::Error) -> Self {
        let text = error.to_string();
        // serde_json ends its text with the place, which this error states on its own.
        let problem = text.split(" at line ").next().unwrap_or(&text).to_owned();
        Self::Json { line: error.line(), column: error.column(), problem }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_json_is_told_with_its_place() {
        let error = serde_json::from_str::<serde_json::Value>("{\n  \"a\": 1,,\n}").unwrap_err();
        let error = ApiError::from(error);
        assert_eq!(error.status(), StatusCode::BAD_REQUEST);
        assert_eq!(
            error.to_string(),
            "The request body is not valid JSON at line 2, column 10: key must be a string. Correct it and send it again."
        );
    }

    #[test]
    fn a_full_disk_is_no_internal_error() {
        let full = StoreError::Full { doing: "committing", source: "no room".into() };
        let error = ApiError::from(CommitError::Store(full));
        assert_eq!(error.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(error.to_string().contains("disk is full and nothing was written"), "{error}");
    }

    #[test]
    fn what_an_error_quotes_is_told_in_part() {
        let field = "groups[0].members[0].fqdn: 'ä".to_owned();
        let told = shortened(format!("{field}{}' is no name", "ä".repeat(100_000)));
        assert!(told.starts_with(&field) && told.ends_with("' is no name"), "{told}");
        assert!(told.chars().count() < 2 * TEXT_HALF + 10, "{told}");
        assert_eq!(shortened(field.clone()), field);
    }

    #[test]
    fn only_wrong_credentials_say_so() {
        for error in [ApiError::NotLoggedIn, ApiError::SessionExpired, ApiError::Locked, ApiError::BasicOff] {
            assert_eq!(error.status(), StatusCode::UNAUTHORIZED);
            assert!(!error.to_string().contains("Invalid credentials"));
        }
    }
}
