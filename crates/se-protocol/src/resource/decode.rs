//! From resources to a snapshot.

use std::sync::Arc;

use model::{Version, dns::DnsVirtualService};

use super::{
    DecodeError, ResourceKey, ResourceSet, Stamped, http,
    object::{Known, Object, read},
};
use crate::{
    Clients, GeoChunk, PortOffset, Snapshot,
    wire::{self, ConvertError, ResourceKind},
};

impl Stamped {
    /// The snapshot that `resources` are. What `previous` holds unchanged is not decoded again. Resources of kinds that
    /// are not known here come from a newer controller: they are kept for the checksum, without effect.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(version: Version, resources: ResourceSet, previous: Option<&Stamped>) -> Result<Self, DecodeError> {
        let header = resources.of_kind(ResourceKind::Header.into()).first().ok_or(DecodeError::NoHeader)?;
        let in_header = |source| DecodeError::Resource { key: ResourceKey::header(), source };
        let wire::SnapshotHeader {
            cluster_uuid,
            port_offset_below,
            port_offset_add,
            gslb_domains,
            public_clients,
            geo_databases,
        } = read("header", &header.body).map_err(in_header)?;
        let port_offset = PortOffset {
            below: wire::port("port_offset_below", port_offset_below).map_err(in_header)?,
            add: wire::port("port_offset_add", port_offset_add).map_err(in_header)?,
        };
        let (http, parts) = http::decode(&resources, previous)?;
        let snapshot = Snapshot {
            version,
            cluster_uuid,
            port_offset,
            clients: Clients {
                public: public_clients.map(TryInto::try_into).transpose().map_err(in_header)?,
                geo_databases: geo_databases.into_iter().map(Into::into).collect(),
                geo_chunks: geo_chunks(&resources, previous)?,
            },
            dns_services: dns_services(&resources)?,
            gslb_domains: wire::names_from_text(gslb_domains).map_err(in_header)?,
            gslb_services: decode_all(&resources, previous)?,
            monitors: decode_all(&resources, previous)?,
            http,
            registrations: decode_all(&resources, previous)?,
        };
        Ok(Self { snapshot: Arc::new(snapshot), http: parts, resources })
    }
}

/// What a chunk is part of says its id.
fn geo_chunks(resources: &ResourceSet, previous: Option<&Stamped>) -> Result<Vec<Arc<GeoChunk>>, DecodeError> {
    let mut known = Known::<GeoChunk>::of(previous);
    let chunk = |resource| {
        if let Some(known) = known.object_of(resource) {
            return Ok(Arc::clone(known));
        }
        let wire::GeoChunk { body } =
            read(GeoChunk::NAME, &resource.body).map_err(|source| resource.unreadable(source))?;
        let chunk = GeoChunk::from_id(&resource.key.id, body.into());
        chunk.map(Arc::new).ok_or_else(|| resource.unreadable(ConvertError::Encoding(GeoChunk::NAME)))
    };
    resources.of_kind(ResourceKind::GeoChunk.into()).iter().map(chunk).collect()
}

fn dns_services(resources: &ResourceSet) -> Result<Vec<DnsVirtualService>, DecodeError> {
    let of_kind = resources.of_kind(ResourceKind::DnsVirtualService.into()).iter();
    of_kind
        .map(|resource| {
            let message = read::<wire::DnsVirtualService>("DNS virtual service", &resource.body);
            message.and_then(TryInto::try_into).map_err(|source| resource.unreadable(source))
        })
        .collect()
}

/// Objects that refer to no other resource.
pub(super) fn decode_all<T: Object + TryFrom<T::Message, Error = ConvertError>>(
    resources: &ResourceSet,
    previous: Option<&Stamped>,
) -> Result<Vec<Arc<T>>, DecodeError> {
    decode_all_with(resources, previous, |_| true, T::try_from)
}

/// Objects of a kind, in the order of their ids; `is_current` says whether one that was decoded before still holds.
pub(super) fn decode_all_with<T: Object>(
    resources: &ResourceSet,
    previous: Option<&Stamped>,
    is_current: impl Fn(&T) -> bool,
    convert: impl Fn(T::Message) -> Result<T, ConvertError>,
) -> Result<Vec<Arc<T>>, DecodeError> {
    let mut known = Known::<T>::of(previous);
    let object = |resource| {
        if let Some(known) = known.object_of(resource).filter(|known| is_current(known)) {
            return Ok(Arc::clone(known));
        }
        let object = read(T::NAME, &resource.body).and_then(&convert).map_err(|source| resource.unreadable(source))?;
        if *object.id() != *resource.key.id {
            return Err(resource.unreadable(ConvertError::Encoding(T::NAME)));
        }
        Ok(Arc::new(object))
    };
    resources.of_kind(T::KIND.into()).iter().map(object).collect()
}
