//! `--status`.

/// One status, or a class of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Statuses {
    One(u16),
    /// Its first digit.
    Class(u16),
}

impl Statuses {
    /// Reads `404` or `4xx`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let lower = text.to_ascii_lowercase();
        let digits = |text: &str| text.bytes().all(|octet| octet.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        let found = match lower.strip_suffix("xx") {
            Some(class) => digits(class).filter(|class| (1..=5).contains(class)).map(Self::Class),
            None => digits(&lower).filter(|status| *status < 600).map(Self::One),
        };
        found.ok_or_else(|| {
            "write a status such as 404 or a class such as 4xx; 0 is a request without answer".to_owned()
        })
    }

    pub(super) fn filters(&self) -> Vec<String> {
        match self {
            Self::One(status) => vec![format!("eq(response_code,{status})")],
            Self::Class(class) => vec![format!("ge(response_code,{class}00)"), format!("le(response_code,{class}99)")],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_one_or_a_class() {
        assert_eq!([Statuses::parse("404"), Statuses::parse("0")], [Ok(Statuses::One(404)), Ok(Statuses::One(0))]);
        assert_eq!(Statuses::parse("5XX"), Ok(Statuses::Class(5)));
        for text in ["", "xx", "6xx", "600", "4x", "-1", "+4", "4xxx", "ñxx"] {
            assert!(Statuses::parse(text).is_err(), "{text}");
        }
    }
}
