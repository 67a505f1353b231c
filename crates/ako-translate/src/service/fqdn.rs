//! The name that is registered for a Service (ako 3.5).

use k8s_openapi::api::core::v1::Service;

use crate::NamespacedName;
use crate::desired::Site;
use crate::namespace::annotation;
use crate::settings::AutoFqdn;

const EXTERNAL_DNS: &str = "external-dns.alpha.kubernetes.io/hostname";

/// Longest label (RFC 1035 §2.3.4).
const LABEL_MAX: usize = 63;

/// What is kept of a namespace that fills a label alone.
const NAMESPACE_KEPT: usize = 48;

/// The name; `None` without a domain to make one in, or when names are switched off.
pub(super) fn of(service: &Service, name: &NamespacedName, site: &Site) -> Option<String> {
    let made = |domain: &str| match site.settings.auto_fqdn {
        AutoFqdn::Default => format!("{}.{}.{domain}", name.name, name.namespace),
        AutoFqdn::Flat => format!("{}.{domain}", flat_label(&name.name, &name.namespace)),
        AutoFqdn::Disabled => String::new(),
    };
    if site.settings.auto_fqdn == AutoFqdn::Disabled {
        return None;
    }
    let given = annotation(&service.metadata, EXTERNAL_DNS).map(str::to_owned);
    given.or_else(|| site.settings.sub_domain(&site.cloud).map(made))
}

/// `<svc>-<ns>` within one label: the Service's name is cut first, a namespace only when it leaves no room for it.
fn flat_label(service: &str, namespace: &str) -> String {
    let start = if service.starts_with(|c: char| c.is_ascii_alphabetic()) { "" } else { "s" };
    let namespace = match namespace.len() + 1 + start.len() {
        length if length < LABEL_MAX => namespace,
        _ => cut(namespace, NAMESPACE_KEPT),
    };
    let room = LABEL_MAX - 1 - namespace.len() - start.len();
    format!("{start}{}-{namespace}", cut(service, room))
}

/// At most so many characters, and no dash at the end. Names of Kubernetes are ASCII; one that is not stays whole.
fn cut(text: &str, length: usize) -> &str {
    text.get(..length.min(text.len())).unwrap_or(text).trim_end_matches('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_labels_are_those_of_the_specification() {
        assert_eq!(flat_label("svc", "ns"), "svc-ns", "ako 14.7, 140");
        assert_eq!(flat_label(&"s".repeat(40), &"n".repeat(30)).len(), 63, "141");
        assert_eq!(flat_label(&"s".repeat(63), "red").len(), 63, "142");
        assert_eq!(flat_label("svc-long-enough-to-be-cut", &"n".repeat(63)).len(), 63, "143");
        let namespace = format!("red-ns-012345678901234567890123456789012345{}", "-".repeat(20));
        let label = flat_label(&"s".repeat(63), &namespace);
        assert!(label.ends_with("-red-ns-012345678901234567890123456789012345"), "144: {label}");
        assert!(label.len() <= 63);
    }

    #[test]
    fn a_label_starts_with_a_letter() {
        assert_eq!(flat_label("1svc", "ns"), "s1svc-ns");
        assert_eq!(flat_label(&"1".repeat(63), &"2".repeat(61)).len(), 63);
    }
}
