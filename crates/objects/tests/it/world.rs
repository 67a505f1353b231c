//! A controller without HTTP: a projection, and a store that takes a write only when its guards hold.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use avi_schema::{TYPES, TypeSchema, by_path, system_objects};
use objects::{
    ADMIN, Effect, Guard, Object, Origin, Page, Projection, Query, ReadError, RenderOptions, Types, Visibility, Write,
    WriteContext, WriteError,
};
use serde_json::{Value, json};

pub(crate) const BASE_URL: &str = "https://controller.example";
/// First `_last_modified` that the world's clock gives.
const EPOCH_US: i64 = 1_600_000_000_000_000;

pub(crate) struct World {
    pub(crate) projection: Projection,
    pub(crate) keys: BTreeMap<String, (Vec<u8>, u64)>,
    pub(crate) revision: u64,
    pub(crate) tenant: &'static str,
    uuids: AtomicU64,
}

/// Which write.
pub(crate) enum Verb<'a> {
    Create(&'a str, Value),
    Replace(&'a str, &'a str, Value),
    Patch(&'a str, &'a str, Value),
    Delete(&'a str, &'a str),
}

impl World {
    /// A fresh controller with its system objects.
    pub(crate) fn new() -> Self {
        static FRESH: LazyLock<World> = LazyLock::new(World::with_system_objects);
        FRESH.clone()
    }

    /// With a Gslb whose sub-domain is `avi.iberia.local`, and a DNS virtual service.
    pub(crate) fn with_gslb() -> Self {
        static FRESH: LazyLock<World> = LazyLock::new(|| {
            let mut world = World::new();
            let profile = "/api/applicationprofile?name=System-DNS";
            let mut vs = virtual_service("dns", "192.0.2.53");
            vs["application_profile_ref"] = json!(profile);
            let vs = world.create("virtualservice", vs);
            let body = world.gslb_body(uuid_of(&vs));
            world.create("gslb", body);
            world
        });
        FRESH.clone()
    }

    fn with_system_objects() -> Self {
        let mut world = Self {
            projection: Projection::new(Types::new(TYPES.iter().copied())),
            keys: BTreeMap::new(),
            revision: 0,
            tenant: ADMIN,
            uuids: AtomicU64::new(1),
        };
        for object in system_objects() {
            let write = world.with_context(|world, context| {
                let context = WriteContext {
                    slug: object.uuid,
                    origin: Origin::Controller { system_default: true },
                    visibility: Visibility::All,
                    ..*context
                };
                objects::create(&world.projection, schema(object.path), &object.body, &context)
            });
            world.commit(&write.unwrap_or_else(|error| panic!("{} {}: {error}", object.path, object.name))).unwrap();
        }
        world
    }

    pub(crate) fn gslb_body(&self, dns_vs_uuid: &str) -> Value {
        let cluster = self.cluster_uuid();
        json!({
            "name": "Default",
            "leader_cluster_uuid": cluster,
            "dns_configs": [{"domain_name": "avi.iberia.local"}],
            "sites": [{
                "cluster_uuid": cluster, "name": "site-1", "username": "admin", "password": "secret",
                "member_type": "GSLB_ACTIVE_MEMBER", "ip_addresses": [{"addr": "192.0.2.1"}],
                "dns_vses": [{"dns_vs_uuid": dns_vs_uuid}],
            }],
            "third_party_sites": [{"name": "elsewhere"}],
        })
    }

    pub(crate) fn cluster_uuid(&self) -> String {
        self.projection.single("cluster").unwrap().uuid.clone()
    }

    /// Decides a write on the projection as it is.
    pub(crate) fn decide(&self, verb: &Verb<'_>) -> Result<Write, WriteError> {
        self.decide_with(verb, None)
    }

    pub(crate) fn decide_with(&self, verb: &Verb<'_>, slug: Option<&str>) -> Result<Write, WriteError> {
        self.with_context(|world, context| {
            let (projection, context) = (&world.projection, WriteContext { slug, ..*context });
            match verb {
                Verb::Create(path, input) => objects::create(projection, schema(path), input, &context),
                Verb::Replace(path, uuid, input) => objects::replace(projection, schema(path), uuid, input, &context),
                Verb::Patch(path, uuid, input) => objects::patch(projection, schema(path), uuid, input, &context),
                Verb::Delete(path, uuid) => objects::delete(projection, schema(path), uuid, &context),
            }
        })
    }

    /// Commits a write, or returns the guard that does not hold.
    pub(crate) fn commit(&mut self, write: &Write) -> Result<(), Guard> {
        for guard in &write.guards {
            let holds = match guard {
                Guard::Absent(key) => !self.keys.contains_key(key),
                Guard::Present(key) => self.keys.contains_key(key),
                Guard::ModifiedAt(key, revision) => self.keys.get(key).is_some_and(|(_, at)| at == revision),
            };
            if !holds {
                return Err(guard.clone());
            }
        }
        self.revision += 1;
        for effect in &write.effects {
            match effect {
                Effect::Put(key, value) => {
                    self.keys.insert(key.clone(), (value.clone(), self.revision));
                    self.projection.apply_put(key, value, self.revision).unwrap();
                }
                Effect::Delete(key) => {
                    self.keys.remove(key);
                    self.projection.apply_delete(key);
                }
            }
        }
        Ok(())
    }

    /// Decides, commits, and renders the response of a write.
    pub(crate) fn write(&mut self, verb: &Verb<'_>) -> Result<Value, WriteError> {
        let write = self.decide(verb)?;
        self.commit(&write).unwrap();
        let options = RenderOptions { base_url: BASE_URL, names: true, is_reply: true, ..RenderOptions::default() };
        Ok(write.object().map_or(Value::Null, |object| objects::render(&self.projection, object, &options)))
    }

    pub(crate) fn create(&mut self, path: &str, input: Value) -> Value {
        self.write(&Verb::Create(path, input)).unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) fn replace(&mut self, path: &str, uuid: &str, input: Value) -> Value {
        self.write(&Verb::Replace(path, uuid, input)).unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) fn patch(&mut self, path: &str, uuid: &str, input: Value) -> Value {
        self.write(&Verb::Patch(path, uuid, input)).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The refusal of a write, which must have no effect.
    #[track_caller]
    pub(crate) fn refusal(&self, verb: &Verb<'_>) -> WriteError {
        self.decide(verb).expect_err("the write must be refused")
    }

    pub(crate) fn get(&self, path: &str, uuid: &str, names: bool) -> Value {
        let object = self.object(path, uuid);
        let options = RenderOptions { base_url: BASE_URL, names, ..RenderOptions::default() };
        objects::render(&self.projection, &object, &options)
    }

    pub(crate) fn object(&self, path: &str, uuid: &str) -> Arc<Object> {
        self.projection.get(path, uuid).unwrap().clone()
    }

    /// The page that `query` (`name=a&include_name`) asks for.
    pub(crate) fn list(&self, path: &str, query: &str) -> Result<Page, ReadError> {
        self.list_as(path, query, Visibility::Tenant(self.tenant))
    }

    pub(crate) fn list_as(&self, path: &str, query: &str, visibility: Visibility<'_>) -> Result<Page, ReadError> {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| pair.split_once('=').map_or((pair, None), |(key, value)| (key, Some(value))));
        objects::list(&self.projection, schema(path), visibility, &Query::parse(pairs)?)
    }

    /// Names on the page that `query` asks for.
    pub(crate) fn names(&self, path: &str, query: &str) -> Vec<String> {
        self.list(path, query).unwrap().objects.iter().map(|object| object.name.clone()).collect()
    }

    fn with_context<T>(&self, act: impl FnOnce(&Self, &WriteContext<'_>) -> T) -> T {
        let new_uuid = || format!("00000000-0000-4000-8000-{:012}", self.uuids.fetch_add(1, Ordering::Relaxed));
        let context = WriteContext {
            tenant: self.tenant,
            visibility: Visibility::Tenant(self.tenant),
            now_us: EPOCH_US,
            new_uuid: &new_uuid,
            slug: None,
            origin: Origin::Client,
            attempt: 0,
        };
        act(self, &context)
    }
}

impl Clone for World {
    fn clone(&self) -> Self {
        let uuids = AtomicU64::new(self.uuids.load(Ordering::Relaxed));
        let (projection, keys) = (self.projection.clone(), self.keys.clone());
        Self { projection, keys, revision: self.revision, tenant: self.tenant, uuids }
    }
}

pub(crate) fn schema(path: &str) -> &'static TypeSchema {
    by_path(path).unwrap()
}

/// A virtual service at an address of its own.
pub(crate) fn virtual_service(name: &str, address: &str) -> Value {
    json!({"name": name, "services": [{"port": 80}], "vip": [{"ip_address": {"addr": address}}]})
}

/// A TCP monitor.
pub(crate) fn tcp_monitor(name: &str) -> Value {
    json!({"name": name, "type": "HEALTH_MONITOR_TCP"})
}

/// A monitor that GSLB services can use.
pub(crate) fn federated_monitor(name: &str) -> Value {
    json!({"name": name, "type": "HEALTH_MONITOR_TCP", "is_federated": true, "monitor_port": 80})
}

/// A GSLB service as AMKO sends it, with a member at each address.
pub(crate) fn gslb_service(fqdn: &str, members: &[&str]) -> Value {
    let members: Vec<Value> =
        members.iter().map(|addr| json!({"ip": {"addr": addr, "type": "V4"}, "vs_uuid": "", "ratio": 1})).collect();
    json!({
        "name": fqdn, "domain_names": [fqdn], "created_by": "amko-gslb", "description": "{}",
        "tenant_ref": "https://controller.example/api/tenant/?name=admin",
        "groups": [{"name": "amko-gs-group-10", "priority": 10, "members": members}],
    })
}

pub(crate) fn uuid_of(rendered: &Value) -> &str {
    rendered["uuid"].as_str().unwrap()
}
