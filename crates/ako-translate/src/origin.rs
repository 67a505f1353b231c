//! Who asked for what is written, in words for a person.

use crate::desired::UnitName;
use crate::index::Index;
use crate::ingress::{self, TlsSource};
use crate::translate::Outcome;
use crate::{NamespacedName, certificate};

/// A unit, with the Ingresses that ask for it and the Secrets of their TLS:
/// `host shop.example.com of Ingress default/shop with Secret default/shop-tls`.
#[must_use]
pub fn asked_for_by(index: &Index, outcome: &Outcome, unit: &UnitName) -> String {
    let UnitName::Host { tenant, host } = unit else { return unit.to_string() };
    let asks = |(name, served): (&NamespacedName, &Vec<crate::Served>)| {
        let is_its = served.iter().any(|served| served.host == *host && served.tenant == *tenant);
        let ingress = index.ingresses.get(name).filter(|_| is_its)?;
        let secret = ingress::tls_source(ingress, host).map(|source| match source {
            TlsSource::Secret(secret) => NamespacedName::new(name.namespace.clone(), secret),
            TlsSource::Default => certificate::default_secret(&outcome.desired.site),
        });
        let secret = secret.map_or_else(String::new, |secret| format!(" with Secret {secret}"));
        Some(format!("Ingress {name}{secret}"))
    };
    let ingresses: Vec<String> = outcome.ingresses.iter().filter_map(asks).collect();
    if ingresses.is_empty() { unit.to_string() } else { format!("{unit} of {}", ingresses.join(", ")) }
}
