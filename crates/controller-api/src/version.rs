//! `X-Avi-Version`: which versions are served, and what this controller says it is (avi-api 1.5).

use serde_json::{Value, json};

/// Release whose schemas are served.
pub const API_VERSION: &str = "30.2.1";
/// Oldest version a client may ask for.
const OLDEST: Number = (15, 2, 0);
/// [`API_VERSION`] as numbers.
const NEWEST: Number = (30, 2, 1);

type Number = (u32, u32, u32);

/// Checks the version a request asks for; gives what `AVI_API_VERSION` answers.
///
/// # Errors
/// The text for the client. It holds the words `Invalid version`, which clients look for.
pub(crate) fn negotiate(asked: Option<&str>) -> Result<&str, String> {
    let Some(asked) = asked.map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok(API_VERSION);
    };
    match parse(asked) {
        Some(number) if number > NEWEST => {
            Err(format!("Invalid version : {asked}. Please use API version {API_VERSION} or lower"))
        }
        Some(number) if number < OLDEST => {
            Err(format!("Invalid version : {asked}. Please use API version 15.2 or higher"))
        }
        Some(_) => Ok(asked),
        None => Err(format!("Invalid version : {asked}. Please use a version such as {API_VERSION}")),
    }
}

/// The version object of login, `/api/cluster/version` and `/api/initial-data`.
pub(crate) fn document() -> Value {
    json!({
        "Version": API_VERSION, "build": 9274, "Tag": "30.2.1-9274-20240415.070131",
        "Date": "2024-04-15T07:01:31+00:00", "Product": "controller", "ProductName": "Avi Cloud Controller",
        "min_version": 15.2,
    })
}

/// `MAJOR.MINOR[.PATCH][-suffix]`.
fn parse(text: &str) -> Option<Number> {
    let text = text.split('-').next().unwrap_or(text);
    let mut parts = text.split('.').map(|part| part.parse::<u32>().ok());
    let number = (parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?);
    parts.all(|part| part.is_some()).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(asked: &str, accepted: bool) {
        match negotiate(Some(asked)) {
            Ok(_) => assert!(accepted, "{asked}"),
            Err(text) => assert!(!accepted && text.contains("Invalid version"), "{asked}: {text}"),
        }
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        for asked in ["18.2.6", "22.1.4", "30.2.1", "30.2.1-2p2", "15.2", "20.1.10", " 21.1.1 ", ""] {
            check(asked, true);
        }
        for asked in ["99.1.1", "31.1.1", "30.2.2", "30.10.0", "15.1.9", "latest", "30", "30..1", "-1.2.3"] {
            check(asked, false);
        }
        assert_eq!(negotiate(None), Ok(API_VERSION));
    }
}
