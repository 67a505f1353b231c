//! What one needs to be let in: tokens, the key that signs service accounts, kubeconfigs.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{Read, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// Who may ask an API server. Both are in every cluster's token file; kubeconfigs carry the first.
pub(super) struct Tokens {
    /// May do all.
    pub(super) admin: String,
    /// May do nothing that RBAC does not grant to user `guest`.
    pub(super) guest: String,
}

impl Tokens {
    pub(super) fn draw() -> anyhow::Result<Self> {
        Ok(Self { admin: hex(&random::<16>()?), guest: hex(&random::<16>()?) })
    }

    /// Lines of `--token-auth-file`: token, user, id, groups.
    pub(super) fn file(&self) -> String {
        format!("{},admin,admin,system:masters\n{},guest,guest\n", self.admin, self.guest)
    }
}

/// One cluster as a kubeconfig describes it.
pub(super) struct Entry<'a> {
    pub(super) name: &'a str,
    /// `HOST:PORT`.
    pub(super) server: &'a str,
    /// Certificate that the server made for itself.
    pub(super) authority: PathBuf,
    pub(super) token: &'a str,
}

/// A kubeconfig with a context per cluster, named as it; the first is the current one.
pub(super) fn kubeconfig(entries: &[Entry<'_>]) -> String {
    let mut text = String::from("apiVersion: v1\nkind: Config\nclusters:\n");
    for Entry { name, server, authority, .. } in entries {
        let authority = authority.display();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "- name: {name}\n  cluster:\n    server: https://{server}\n    certificate-authority: \"{authority}\""
        );
    }
    text.push_str("users:\n");
    for Entry { name, token, .. } in entries {
        let _ = writeln!(text, "- name: {name}\n  user:\n    token: {token}");
    }
    text.push_str("contexts:\n");
    for Entry { name, .. } in entries {
        let _ = writeln!(text, "- name: {name}\n  context:\n    cluster: {name}\n    user: {name}");
    }
    if let Some(first) = entries.first() {
        let _ = writeln!(text, "current-context: {}", first.name);
    }
    text
}

/// A new private key for tokens of service accounts, as PEM.
///
/// RFC 5915: version 1, the scalar, the curve P-256; the public half may be left out. Any number below the curve's order
/// will do, so that no library is needed: with the first bit cleared it always is.
pub(super) fn signing_key() -> anyhow::Result<String> {
    let mut scalar = random::<32>()?;
    scalar[0] &= 0x7f;
    scalar[31] |= 1; // not zero
    let mut der = vec![0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20];
    der.extend_from_slice(&scalar);
    der.extend_from_slice(&[0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]);
    Ok(format!("-----BEGIN EC PRIVATE KEY-----\n{}\n-----END EC PRIVATE KEY-----\n", base64(&der)))
}

/// Writes a file that only its owner reads.
pub(super) fn write_secret(path: &Path, text: &str) -> anyhow::Result<()> {
    let doing = || format!("writing {}", path.display());
    drop(fs::remove_file(path)); // the mode is given to new files only
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.with_context(doing)?.write_all(text.as_bytes()).with_context(doing)
}

fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    let mut source = fs::File::open("/dev/urandom").context("opening /dev/urandom")?;
    source.read_exact(&mut bytes).context("reading /dev/urandom")?;
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// RFC 4648 §4, for these few bytes; not worth a dependency of the program that is built before all others.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, at| bits << 8 | u32::from(chunk.get(at).copied().unwrap_or(0)));
        for at in 0..4_usize {
            let index = (bits >> (18 - 6 * at)) & 63;
            text.push(if at <= chunk.len() { char::from(ALPHABET[index as usize]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn a_kubeconfig_has_a_context_per_cluster() {
        let entry = |name, server| Entry { name, server, authority: "/a/b.crt".into(), token: "t" };
        let text = kubeconfig(&[entry("s1az1", "127.0.0.1:1"), entry("s2", "127.0.0.1:2")]);
        assert!(text.contains("- name: s2\n  cluster:\n    server: https://127.0.0.1:2\n"), "{text}");
        assert!(
            text.ends_with("- name: s2\n  context:\n    cluster: s2\n    user: s2\ncurrent-context: s1az1\n"),
            "{text}"
        );
    }

    #[test]
    fn keys_and_tokens_are_new_each_time() {
        assert_ne!(signing_key().unwrap(), signing_key().unwrap());
        let tokens = Tokens::draw().unwrap();
        assert_ne!(tokens.admin, tokens.guest);
        assert_eq!(tokens.admin.len(), 32);
    }
}
