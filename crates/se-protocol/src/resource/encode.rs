//! From a snapshot to resources.

use std::sync::Arc;

use prost::Message;

use super::{
    EncodeError, ResourceKey, ResourceSet, Stamped,
    http::HttpParts,
    object::{Known, Object},
};
use crate::{
    Snapshot,
    wire::{self, ResourceKind},
};

impl Stamped {
    /// Prepares `snapshot` for travelling. What `previous` holds unchanged is not encoded and hashed again.
    ///
    /// # Errors
    /// [`EncodeError`].
    pub fn encode(snapshot: Arc<Snapshot>, previous: Option<&Stamped>) -> Result<Self, EncodeError> {
        let snapshot = sorted(snapshot);
        let mut resources = ResourceSet::default();
        let Snapshot {
            version: _,
            cluster_uuid,
            port_offset,
            clients,
            dns_services,
            gslb_domains,
            gslb_services,
            monitors,
            http,
            registrations,
        } = &*snapshot;
        let header = wire::SnapshotHeader {
            cluster_uuid: cluster_uuid.clone(),
            port_offset_below: u32::from(port_offset.below),
            port_offset_add: u32::from(port_offset.add),
            gslb_domains: gslb_domains.iter().map(ToString::to_string).collect(),
            public_clients: clients.public.as_ref().map(Into::into),
            geo_databases: clients.geo_databases.iter().map(Into::into).collect(),
        };
        resources.put_checked(ResourceKey::header(), header.encode_to_vec().into())?;
        for service in dns_services {
            let body = wire::DnsVirtualService::from(service).encode_to_vec();
            resources.put_checked(ResourceKey::new(ResourceKind::DnsVirtualService, &service.uuid), body.into())?;
        }
        put_all(&mut resources, gslb_services, previous)?;
        put_all(&mut resources, monitors, previous)?;
        let parts = HttpParts::of(http);
        put_all(&mut resources, &parts.certificates, previous)?;
        put_all(&mut resources, &parts.policy_sets, previous)?;
        put_all(&mut resources, &parts.children, previous)?;
        put_all(&mut resources, &http.services, previous)?;
        put_all(&mut resources, &http.pools, previous)?;
        put_all(&mut resources, &http.pool_groups, previous)?;
        put_all(&mut resources, registrations, previous)?;
        put_all(&mut resources, &clients.geo_chunks, previous)?;
        Ok(Self { snapshot, http: parts, resources })
    }
}

fn put_all<T: Object>(
    resources: &mut ResourceSet,
    objects: &[Arc<T>],
    previous: Option<&Stamped>,
) -> Result<(), EncodeError> {
    let mut known = Known::<T>::of(previous);
    for object in objects {
        let id = object.id();
        match known.resource_of(&id, object) {
            Some(resource) => resources.insert(Arc::clone(resource)),
            None => resources.put_checked(ResourceKey::new(T::KIND, &id), object.message().encode_to_vec().into())?,
        }
    }
    Ok(())
}

/// The snapshot with its objects in the order of their ids.
fn sorted(snapshot: Arc<Snapshot>) -> Arc<Snapshot> {
    let http = &snapshot.http;
    let is_sorted = snapshot.dns_services.is_sorted_by(|a, b| a.uuid < b.uuid)
        && snapshot.gslb_services.is_sorted_by(|a, b| a.uuid < b.uuid)
        && snapshot.monitors.is_sorted_by(|a, b| a.uuid < b.uuid)
        && http.services.is_sorted_by(|a, b| a.host.uuid < b.host.uuid)
        && http.pools.is_sorted_by(|a, b| a.uuid < b.uuid)
        && http.pool_groups.is_sorted_by(|a, b| a.uuid < b.uuid)
        && snapshot.registrations.is_sorted_by(|a, b| (&a.name, &a.vs_vip) < (&b.name, &b.vs_vip));
    let is_sorted = is_sorted && snapshot.clients.geo_chunks.is_sorted_by(|a, b| a.id() < b.id());
    if is_sorted {
        return snapshot;
    }
    let mut snapshot = Arc::unwrap_or_clone(snapshot);
    snapshot.dns_services.sort_by(|a, b| a.uuid.cmp(&b.uuid));
    snapshot.gslb_services.sort_by(|a, b| a.uuid.cmp(&b.uuid));
    snapshot.monitors.sort_by(|a, b| a.uuid.cmp(&b.uuid));
    snapshot.http.services.sort_by(|a, b| a.host.uuid.cmp(&b.host.uuid));
    snapshot.http.pools.sort_by(|a, b| a.uuid.cmp(&b.uuid));
    snapshot.http.pool_groups.sort_by(|a, b| a.uuid.cmp(&b.uuid));
    snapshot.registrations.sort_by(|a, b| (&a.name, &a.vs_vip).cmp(&(&b.name, &b.vs_vip)));
    snapshot.clients.geo_chunks.sort_by_key(|chunk| chunk.id());
    Arc::new(snapshot)
}
