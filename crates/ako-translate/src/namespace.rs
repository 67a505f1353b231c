//! What a namespace decides: whether its objects are ours, and in which tenant they live (ako 11).

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::left_out::Reason;
use crate::settings::Settings;
use crate::view::View;

/// Annotation of a namespace, and of what was served for it: the tenant.
pub(crate) const TENANT: &str = "ako.vmware.com/tenant-name";

/// Whether objects of a namespace are served (ako 11.2).
pub(crate) fn check(view: &mut View<'_>, name: &str, settings: &Settings) -> Result<(), Reason> {
    if settings.blocked_namespaces.iter().any(|blocked| blocked == name) {
        return Err(Reason::NamespaceBlocked);
    }
    let Some((key, value)) = &settings.namespace_selector else { return Ok(()) };
    let labels = view.namespace(name).and_then(|namespace| namespace.metadata.labels.as_ref());
    if labels.and_then(|labels| labels.get(key)) == Some(value) {
        Ok(())
    } else {
        Err(Reason::NamespaceNotSelected { key: key.clone(), value: value.clone() })
    }
}

/// Tenant of a namespace (ako 11.1).
pub(crate) fn tenant(view: &mut View<'_>, name: &str, settings: &Settings) -> String {
    let annotated = view.namespace(name).and_then(|namespace| annotation(&namespace.metadata, TENANT));
    annotated.unwrap_or(&settings.tenant).to_owned()
}

/// A non-empty annotation.
pub(crate) fn annotation<'a>(metadata: &'a ObjectMeta, key: &str) -> Option<&'a str> {
    metadata.annotations.as_ref()?.get(key).map(String::as_str).filter(|value| !value.is_empty())
}
