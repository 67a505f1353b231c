//! Answers of our own: a status, and perhaps a file (avi-api 2.9).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use model::http::LocalResponse;

use crate::{Problem, field::Message};

/// The answer that an action names in `status_code` or `other_status_code`, and `file`.
pub(super) fn read(action: &Message<'_>) -> Result<LocalResponse, Problem> {
    let other = action.number("other_status_code").and_then(|status| u16::try_from(status).ok());
    let status = other.or_else(|| status_of(action.text("status_code"))).filter(|status| (200..600).contains(status));
    let status = status.ok_or_else(|| action.problem("status_code", "names no status"))?;
    Ok(LocalResponse { status, file: file(action) })
}

/// The number at the end of `HTTP_LOCAL_RESPONSE_STATUS_CODE_404` and its like.
pub(super) fn status_of(text: Option<&str>) -> Option<u16> {
    text?.rsplit('_').next()?.parse().ok()
}

/// Content type and body of `file`.
pub(super) fn file(action: &Message<'_>) -> Option<(String, Vec<u8>)> {
    let file = action.some("file")?;
    let content_type = file.text("content_type").unwrap_or("text/html");
    Some((content_type.to_owned(), content(content_type, file.text("file_content").unwrap_or_default())))
}

/// What base64 stands for, if it is that: a text is taken as it is when what it would stand for is no text.
fn content(content_type: &str, text: &str) -> Vec<u8> {
    let is_text = content_type.starts_with("text/");
    let decoded = STANDARD.decode(text.trim_end()).ok();
    let decoded = decoded.filter(|bytes| !is_text || std::str::from_utf8(bytes).is_ok());
    decoded.unwrap_or_else(|| text.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_may_be_base64_or_plain() {
        for (content_type, text, expected) in [
            ("text/html", "<h1>gone</h1>", b"<h1>gone</h1>".as_slice()),
            ("text/html", "PGgxPmdvbmU8L2gxPg==", b"<h1>gone</h1>"),
            ("text/plain", "Down", b"Down"),
            ("image/x-icon", "AAEC/w==", b"\x00\x01\x02\xff"),
            ("text/plain", "", b""),
        ] {
            assert_eq!(content(content_type, text), expected, "{text}");
        }
    }
}
