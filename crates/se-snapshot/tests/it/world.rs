//! A controller without HTTP and store: objects, and the snapshots that are built of them.

use std::sync::atomic::{AtomicU64, Ordering};

use avi_schema::{TYPES, by_path, system_objects};
use http_policy::Table;
use model::http::HttpConfig;
use model::{Revision, Version};
use objects::{ADMIN, Effect, Object, Origin, Projection, Types, Visibility, WriteContext};
use se_protocol::{PortOffset, Snapshot};
use se_snapshot::Memo;
use serde_json::{Value, json};

pub(crate) const CERTIFICATE: &str = include_str!("../../../certificates/tests/data/v3.pem");
pub(crate) const KEY: &str = include_str!("../../../certificates/tests/data/v3.key");

pub(crate) struct World {
    projection: Projection,
    revision: u64,
    memo: Memo,
    uuids: AtomicU64,
}

impl World {
    /// A fresh controller, with a network for VIPs and the DNS domain `example.com`.
    pub(crate) fn new() -> Self {
        let projection = Projection::new(Types::new(TYPES.iter().copied()));
        let mut world = Self { projection, revision: 0, memo: Memo::default(), uuids: AtomicU64::new(1) };
        for object in system_objects() {
            world.create_as(Origin::Controller { system_default: true }, object.path, &object.body, object.uuid);
        }
        let address = |last: u8| json!({"addr": format!("10.10.25.{last}"), "type": "V4"});
        world.create(
            "network",
            json!({"name": "vip-net", "configured_subnets": [{"prefix": {"ip_addr": address(0), "mask": 24},
                "static_ip_ranges": [
                    {"range": {"begin": address(10), "end": address(99)}, "type": "STATIC_IPS_FOR_VIP"}]}]}),
        );
        world.create(
            "ipamdnsproviderprofile",
            json!({"name": "ipam", "type": "IPAMDNS_TYPE_INTERNAL",
                "internal_profile": {"usable_networks": [{"nw_ref": "/api/network?name=vip-net"}]}}),
        );
        world.create(
            "ipamdnsproviderprofile",
            json!({"name": "dns", "type": "IPAMDNS_TYPE_INTERNAL_DNS",
                "internal_profile": {"dns_service_domain": [{"domain_name": "example.com"}]}}),
        );
        let cloud = world.uuid("cloud", "Default-Cloud");
        world.patch(
            "cloud",
            &cloud,
            &json!({"replace": {"ipam_provider_ref": "/api/ipamdnsproviderprofile?name=ipam",
                "dns_provider_ref": "/api/ipamdnsproviderprofile?name=dns"}}),
        );
        world
    }

    /// Makes an object as a client does.
    #[track_caller]
    pub(crate) fn create(&mut self, path: &str, body: Value) -> String {
        self.create_as(Origin::Client, path, &body, None)
    }

    #[track_caller]
    fn create_as(&mut self, origin: Origin, path: &str, body: &Value, slug: Option<&str>) -> String {
        let schema = by_path(path).unwrap();
        let write =
            self.with_context(origin, slug, |world, context| objects::create(&world.projection, schema, body, context));
        let write = write.unwrap_or_else(|error| panic!("{path} {}: {error}", body["name"]));
        self.commit(&write);
        write.object().unwrap().uuid.clone()
    }

    #[track_caller]
    pub(crate) fn patch(&mut self, path: &str, uuid: &str, body: &Value) {
        let schema = by_path(path).unwrap();
        let write = self.with_context(Origin::Client, None, |world, context| {
            objects::patch(&world.projection, schema, uuid, body, context)
        });
        self.commit(&write.unwrap_or_else(|error| panic!("{path} {uuid}: {error}")));
    }

    fn commit(&mut self, write: &objects::Write) {
        self.revision += 1;
        for effect in &write.effects {
            match effect {
                Effect::Put(key, value) => drop(self.projection.apply_put(key, value, self.revision).unwrap()),
                Effect::Delete(key) => drop(self.projection.apply_delete(key)),
            }
        }
    }

    pub(crate) fn uuid(&self, path: &str, name: &str) -> String {
        let mut found = self.projection.objects_by_uuid(path).filter(|object| object.name == name);
        found.next().unwrap_or_else(|| panic!("no {path} {name}")).uuid.clone()
    }

    /// What an engine gets now, and the problems in words; then compiled, which has no problem.
    #[track_caller]
    pub(crate) fn snapshot(&mut self) -> (Snapshot, Vec<String>) {
        let version = Version { incarnation: "i".into(), term: 0, revision: Revision(self.revision) };
        let objects: Vec<_> =
            se_snapshot::TYPES.iter().flat_map(|path| self.projection.objects_by_uuid(path)).collect();
        let sources = objects.iter().map(|object| source(object));
        let memo = std::mem::take(&mut self.memo);
        let (snapshot, problems, memo) = se_snapshot::build(sources, version, PortOffset::UNPRIVILEGED, memo);
        self.memo = memo;
        (snapshot, problems.iter().map(ToString::to_string).collect())
    }

    fn with_context<T>(
        &self,
        origin: Origin,
        slug: Option<&str>,
        act: impl FnOnce(&Self, &WriteContext<'_>) -> T,
    ) -> T {
        let new_uuid = || format!("00000000-0000-4000-8000-{:012}", self.uuids.fetch_add(1, Ordering::Relaxed));
        let context = WriteContext {
            tenant: ADMIN,
            visibility: Visibility::All,
            now_us: 1_600_000_000_000_000 + i64::try_from(self.revision).unwrap(),
            new_uuid: &new_uuid,
            slug,
            origin,
            attempt: 0,
        };
        act(self, &context)
    }
}

/// Compiles what an engine got, without any problem.
#[track_caller]
pub(crate) fn compile(snapshot: &Snapshot) -> Table {
    let http = snapshot.http.clone();
    let config = HttpConfig {
        version: snapshot.version.clone(),
        services: http.services,
        pools: http.pools,
        pool_groups: http.pool_groups,
    };
    let (table, problems) = Table::compile(&config, None);
    assert_eq!(problems, []);
    table
}

fn source(object: &Object) -> se_snapshot::Object<'_> {
    se_snapshot::Object {
        kind: object.path,
        uuid: &object.uuid,
        name: &object.name,
        tenant: &object.tenant,
        fields: &object.body,
        created_us: object.created_us,
        modified_us: object.last_modified_us,
        revision: object.modified,
    }
}
