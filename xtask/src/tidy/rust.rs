//! A Rust text split by role: what is code, what is comment. Just enough of a lexer for that.

/// The two views keep every byte offset and newline of the text; what is not theirs is blank. Quotes stay in the code.
pub(crate) struct Views {
    pub(crate) code: String,
    pub(crate) comments: String,
}

/// Where the lexer is.
enum State {
    Code,
    LineComment,
    /// Nested this deep.
    BlockComment(usize),
    Text,
    /// Ends with a quote and this many hashes.
    RawText(usize),
}

impl Views {
    pub(crate) fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut code = blank(bytes);
        let mut comments = blank(bytes);
        let mut state = State::Code;
        let mut at = 0;
        while at < bytes.len() {
            let (next, length) = step(&state, bytes, at);
            let end = (at + length).min(bytes.len());
            match (&state, &next) {
                (State::LineComment | State::BlockComment(_), _) | (_, State::LineComment | State::BlockComment(_)) => {
                    comments[at..end].copy_from_slice(&bytes[at..end]);
                }
                (State::Code, State::Code) if length == 1 => code[at] = bytes[at],
                (State::Code, State::Code) => {} // a literal that is one step, such as '{', is no code
                (State::Code, _) => code[end - 1] = b'"', // after `r##`
                (_, State::Code) => code[at] = b'"', // before `##`
                _ => {}
            }
            at = end;
            state = next;
        }
        Self { code: lossless(code), comments: lossless(comments) }
    }
}

/// The line, from 1, that an offset lies in.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// Whether `text[at..]` is the word, and not a part of a longer one.
pub(crate) fn is_word_at(text: &str, at: usize, word: &str) -> bool {
    let bytes = text.as_bytes();
    let before = at.checked_sub(1).and_then(|before| bytes.get(before));
    let after = bytes.get(at + word.len());
    let is_part = |byte: Option<&u8>| byte.is_some_and(|byte| is_name(*byte));
    text.as_bytes()[at..].starts_with(word.as_bytes()) && !is_part(before) && !is_part(after)
}

pub(crate) fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// The state after the bytes at `at`, and how many they are.
fn step(state: &State, bytes: &[u8], at: usize) -> (State, usize) {
    let rest = &bytes[at..];
    match state {
        State::Code if rest.starts_with(b"//") => (State::LineComment, 2),
        State::Code if rest.starts_with(b"/*") => (State::BlockComment(1), 2),
        State::Code if rest[0] == b'"' => (State::Text, 1),
        State::Code if rest[0] == b'\'' => (State::Code, char_literal(rest)),
        State::Code => match raw_text(bytes, at) {
            Some(hashes) => (State::RawText(hashes), hashes + 2),
            None => (State::Code, 1),
        },
        State::LineComment if rest[0] == b'\n' => (State::Code, 1),
        State::LineComment => (State::LineComment, 1),
        State::BlockComment(depth) if rest.starts_with(b"/*") => (State::BlockComment(depth + 1), 2),
        State::BlockComment(1) if rest.starts_with(b"*/") => (State::Code, 2),
        State::BlockComment(depth) if rest.starts_with(b"*/") => (State::BlockComment(depth - 1), 2),
        State::BlockComment(depth) => (State::BlockComment(*depth), 1),
        State::Text if rest[0] == b'\\' => (State::Text, 2),
        State::Text if rest[0] == b'"' => (State::Code, 1),
        State::Text => (State::Text, 1),
        State::RawText(hashes) if rest[0] == b'"' && count_hashes(&rest[1..]) >= *hashes => (State::Code, 1 + hashes),
        State::RawText(hashes) => (State::RawText(*hashes), 1),
    }
}

/// How many hashes open the raw string at `at` (`r"`, `br#"` …), if one begins there.
fn raw_text(bytes: &[u8], at: usize) -> Option<usize> {
    let prefixed = at.checked_sub(1).and_then(|before| bytes.get(before));
    let starts_word = !prefixed.is_some_and(|byte| is_name(*byte) && !matches!(byte, b'b' | b'c'));
    if bytes[at] != b'r' || !starts_word {
        return None;
    }
    let hashes = count_hashes(&bytes[at + 1..]);
    (bytes.get(at + 1 + hashes) == Some(&b'"')).then_some(hashes)
}

fn count_hashes(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| **byte == b'#').count()
}

/// Length of the character literal that `rest` begins with; 1 for a lifetime.
fn char_literal(rest: &[u8]) -> usize {
    let closing = |from: usize| rest[from.min(rest.len())..].iter().position(|byte| *byte == b'\'').map(|at| from + at);
    match rest.get(1) {
        Some(b'\\') => closing(3).map_or(1, |end| end + 1),
        // One character is up to four bytes; a lifetime has no closing quote there.
        Some(first) if *first >= 0x80 => closing(2).filter(|end| *end <= 5).map_or(1, |end| end + 1),
        Some(_) if rest.get(2) == Some(&b'\'') => 3,
        _ => 1,
    }
}

fn blank(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| if *byte == b'\n' { b'\n' } else { b' ' }).collect()
}

/// Whole characters are copied or blanked, so this is always UTF-8.
fn lossless(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, code: &str, comments: &str) {
        let views = Views::of(text);
        assert_eq!(views.code.trim_end(), code, "code of {text}");
        assert_eq!(views.comments.trim(), comments, "comments of {text}");
        assert_eq!((views.code.len(), views.comments.len()), (text.len(), text.len()));
    }

    #[test]
    fn comments_and_literals_are_told_from_code() {
        check("let a = 1; // one", "let a = 1;", "// one");
        check("a /* b /* c */ d */ e", "a                   e", "/* b /* c */ d */");
        check(r#"f("mod x; // no");"#, r#"f("            ");"#, "");
        check(r#"f("\"x");"#, r#"f("   ");"#, "");
    }

    #[test]
    fn raw_strings_end_where_they_say() {
        check(r##"g(r#"a "b" // c"#, h);"##, r##"g(  "          " , h);"##, "");
        check(r##"r#type.iter()"##, r##"r#type.iter()"##, "");
        check(r##"for"x""##, r##"for" ""##, "");
    }

    #[test]
    fn characters_are_told_from_lifetimes() {
        check("c == '\"' || d", "c ==     || d", "");
        check("c == '\\'' { }", "c ==      { }", "");
        check("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}", "");
        check("c == 'ä' // ä", "c ==", "// ä");
    }

    #[test]
    fn a_text_that_ends_too_early_is_survived() {
        check("\"abc\\", "\"", "");
        check("r#\"abc", "  \"", "");
        check("/* abc", "", "/* abc");
        check("'", "'", "");
    }

    #[test]
    fn words_are_whole() {
        assert!(is_word_at("mod x", 0, "mod"));
        assert!(!is_word_at("modx", 0, "mod"));
        assert!(!is_word_at("a_mod x", 2, "mod"));
    }
}
