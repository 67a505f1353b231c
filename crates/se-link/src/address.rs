//! Where a controller is reached, as people write it.

use std::net::SocketAddr;

/// Why a text does not say where a controller is reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing that could be an address.
    #[error("this is not HOST:PORT, such as 10.10.20.42:9444 or lb.example.com:9444")]
    Form,
    /// A host alone.
    #[error("the port is missing; write HOST:PORT, such as {0}:9444")]
    NoPort(String),
    /// No such port.
    #[error("{0:?} is not a port; it is a number from 1 to 65535")]
    Port(String),
}

/// Takes `HOST:PORT`: a name, an IPv4 address, or an IPv6 address in brackets, and a port from 1 on.
///
/// # Errors
/// [`AddressError`], in words for whoever wrote it.
pub fn controller_address(text: &str) -> Result<String, AddressError> {
    let is_name = |host: &str| {
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
    };
    // An IPv6 address; std knows how it is written.
    if text.starts_with('[') {
        return match text.parse::<SocketAddr>() {
            Ok(address) if address.port() != 0 => Ok(text.to_owned()),
            Ok(_) => Err(AddressError::Port("0".to_owned())),
            Err(_) if text.ends_with(']') => Err(AddressError::NoPort(text.to_owned())),
            Err(_) => Err(AddressError::Form),
        };
    }
    match text.rsplit_once(':') {
        Some((host, port)) if is_name(host) => match port.parse::<u16>() {
            Ok(1..) => Ok(text.to_owned()),
            _ => Err(AddressError::Port(port.to_owned())),
        },
        None if is_name(text) => Err(AddressError::NoPort(text.to_owned())),
        _ => Err(AddressError::Form),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_port_are_taken_and_anything_else_is_refused_in_words() {
        for good in ["10.10.20.42:9444", "lb.example.com:1", "[2001:db8::1]:9444", "localhost:65535"] {
            assert_eq!(controller_address(good).as_deref(), Ok(good));
        }
        for (text, expected) in [
            ("nonsense", "the port is missing; write HOST:PORT, such as nonsense:9444"),
            ("10.10.20.42", "the port is missing; write HOST:PORT, such as 10.10.20.42:9444"),
            ("[::1]", "the port is missing; write HOST:PORT, such as [::1]:9444"),
            ("a:0", "\"0\" is not a port; it is a number from 1 to 65535"),
            ("a:65536", "\"65536\" is not a port; it is a number from 1 to 65535"),
            ("a:", "\"\" is not a port; it is a number from 1 to 65535"),
            ("[::1]:0", "\"0\" is not a port; it is a number from 1 to 65535"),
        ] {
            assert_eq!(controller_address(text).unwrap_err().to_string(), expected, "{text}");
        }
        for text in ["", ":9444", "https://a:9444", "2001:db8::1", "a b:1", "[x]:1"] {
            assert_eq!(controller_address(text), Err(AddressError::Form), "{text}");
        }
    }
}
