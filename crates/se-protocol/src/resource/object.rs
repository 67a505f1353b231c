//! Objects that are resources of their own, shared from snapshot to snapshot.

use std::{borrow::Cow, sync::Arc};

use bytes::Bytes;
use model::{
    dns::Registration,
    gslb::GslbService,
    http::{Certificate, PolicySet, Pool, PoolGroup, VirtualService},
    monitor::HealthMonitor,
};
use prost::Message;

use super::{Resource, Stamped, http::PlacedChild};
use crate::GeoChunk;
use crate::wire::{
    self, ConvertError, ResourceKind,
    http::{child_message, virtual_service_message},
};

/// An object that is a resource.
pub(super) trait Object: PartialEq + Sized {
    const KIND: ResourceKind;
    /// For messages of errors.
    const NAME: &'static str;
    type Message: Message + Default;

    fn id(&self) -> Cow<'_, str>;
    fn message(&self) -> Self::Message;
    /// All of its kind in a snapshot, in the order of their ids.
    fn all(stamped: &Stamped) -> &[Arc<Self>];
    /// Whether both have the same message.
    fn is_same(&self, other: &Self) -> bool {
        self == other
    }
}

macro_rules! object {
    ($object:ty, $kind:ident, $name:literal, |$this:ident| $id:expr, |$stamped:ident| $all:expr) => {
        impl Object for $object {
            const KIND: ResourceKind = ResourceKind::$kind;
            const NAME: &'static str = $name;
            type Message = wire::$kind;

            fn id(&self) -> Cow<'_, str> {
                let $this = self;
                $id
            }
            fn message(&self) -> Self::Message {
                self.into()
            }
            fn all($stamped: &Stamped) -> &[Arc<Self>] {
                &$all
            }
        }
    };
}

object!(GslbService, GslbService, "GSLB service", |it| it.uuid.as_str().into(), |all| all.snapshot.gslb_services);
object!(HealthMonitor, HealthMonitor, "health monitor", |it| it.uuid.as_str().into(), |all| all.snapshot.monitors);
object!(Certificate, Certificate, "certificate", |it| it.uuid.as_str().into(), |all| all.http.certificates);
object!(PolicySet, PolicySet, "policy set", |it| it.uuid.as_str().into(), |all| all.http.policy_sets);
object!(Pool, Pool, "pool", |it| it.uuid.as_str().into(), |all| all.snapshot.http.pools);
object!(PoolGroup, PoolGroup, "pool group", |it| it.uuid.as_str().into(), |all| all.snapshot.http.pool_groups);
// A blank sorts before whatever a name may have, so that ids sort as names do.
object!(Registration, Registration, "registration", |it| format!("{} {}", it.name, it.vs_vip).into(), |all| all
    .snapshot
    .registrations);

impl Object for GeoChunk {
    const KIND: ResourceKind = ResourceKind::GeoChunk;
    const NAME: &'static str = "part of a geo database";
    type Message = wire::GeoChunk;

    fn id(&self) -> Cow<'_, str> {
        GeoChunk::id(self).into()
    }
    fn message(&self) -> Self::Message {
        self.into()
    }
    fn all(stamped: &Stamped) -> &[Arc<Self>] {
        &stamped.snapshot.clients.geo_chunks
    }
}

impl Object for PlacedChild {
    const KIND: ResourceKind = ResourceKind::HttpChild;
    const NAME: &'static str = "child of a virtual service";
    type Message = wire::HttpChild;

    fn id(&self) -> Cow<'_, str> {
        self.child.host.uuid.as_str().into()
    }
    fn message(&self) -> Self::Message {
        child_message(&self.child, &self.parent, &self.after)
    }
    fn all(stamped: &Stamped) -> &[Arc<Self>] {
        &stamped.http.children
    }
    fn is_same(&self, other: &Self) -> bool {
        let same_place = self.parent == other.parent && self.after == other.after;
        same_place && (Arc::ptr_eq(&self.child, &other.child) || self.message() == other.message())
    }
}

impl Object for VirtualService {
    const KIND: ResourceKind = ResourceKind::HttpVirtualService;
    const NAME: &'static str = "virtual service";
    type Message = wire::HttpVirtualService;

    fn id(&self) -> Cow<'_, str> {
        self.host.uuid.as_str().into()
    }
    fn message(&self) -> Self::Message {
        virtual_service_message(self)
    }
    fn all(stamped: &Stamped) -> &[Arc<Self>] {
        &stamped.snapshot.http.services
    }
    /// One whose children changed is another object, and yet the same resource.
    fn is_same(&self, other: &Self) -> bool {
        self.message() == other.message()
    }
}

/// Objects of one kind in the snapshot before, and their resources; asked for in the order of ids.
pub(super) struct Known<'a, T> {
    objects: &'a [Arc<T>],
    resources: &'a [Arc<Resource>],
}

impl<'a, T: Object> Known<'a, T> {
    pub(super) fn of(previous: Option<&'a Stamped>) -> Self {
        let Some(previous) = previous else { return Self { objects: &[], resources: &[] } };
        let (objects, resources) = (T::all(previous), previous.resources.of_kind(T::KIND.into()));
        // One resource for each object, in the same order, unless two objects had the same id.
        if objects.len() == resources.len() {
            Self { objects, resources }
        } else {
            Self { objects: &[], resources: &[] }
        }
    }

    /// The resource that `object` was encoded to before.
    pub(super) fn resource_of(&mut self, id: &str, object: &Arc<T>) -> Option<&'a Arc<Resource>> {
        let (known, resource) = self.find(id)?;
        (Arc::ptr_eq(known, object) || known.is_same(object)).then_some(resource)
    }

    /// The object that `resource` was decoded to before.
    pub(super) fn object_of(&mut self, resource: &Arc<Resource>) -> Option<&'a Arc<T>> {
        let (object, known) = self.find(&resource.key.id)?;
        (Arc::ptr_eq(known, resource) || known.hash == resource.hash).then_some(object)
    }

    /// Leaves out what comes before `id`.
    fn find(&mut self, id: &str) -> Option<(&'a Arc<T>, &'a Arc<Resource>)> {
        let before = self.resources.iter().take_while(|known| &*known.key.id < id).count();
        self.objects = self.objects.get(before..)?;
        self.resources = self.resources.get(before..)?;
        let (object, resource) = (self.objects.first()?, self.resources.first()?);
        (&*resource.key.id == id).then_some((object, resource))
    }
}

/// The message in the body of a resource.
pub(super) fn read<M: Message + Default>(name: &'static str, body: &Bytes) -> Result<M, ConvertError> {
    // From a slice: fields must not keep the whole buffer alive.
    M::decode(body.as_ref()).map_err(|_| ConvertError::Encoding(name))
}
