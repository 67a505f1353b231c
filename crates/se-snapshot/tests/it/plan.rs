//! The objects of one virtual service, and what one change to them comes to.

use model::http::HttpObjects;
use serde_json::{Value, json};

use crate::world::World;

/// The objects of one virtual service with a pool and a policy set, to be changed before they are made.
pub(crate) struct Plan {
    pub(crate) profile: Value,
    pub(crate) pool: Value,
    pub(crate) group: Value,
    pub(crate) rule: Value,
    pub(crate) security: Value,
    pub(crate) service: Value,
}

impl Plan {
    pub(crate) fn new() -> Self {
        let service = json!({"name": "vs", "services": [{"port": 80}], "pool_group_ref": "/api/poolgroup?name=group",
            "application_profile_ref": "/api/applicationprofile?name=profile",
            "http_policies": [{"index": 1, "http_policy_set_ref": "/api/httppolicyset?name=set"}],
            "vip": [{"vip_id": "0", "ip_address": {"addr": "192.0.2.1"}}]});
        Self {
            profile: json!({"name": "profile", "type": "APPLICATION_PROFILE_TYPE_HTTP", "http_profile": {}}),
            pool: json!({"name": "pool", "servers": [{"ip": {"addr": "192.0.2.10"}}]}),
            group: json!({"name": "group", "members": [{"pool_ref": "/api/pool?name=pool"}]}),
            rule: json!({"index": 1, "name": "r", "match": {}, "switching_action":
                {"action": "HTTP_SWITCHING_SELECT_LOCAL", "status_code": "HTTP_LOCAL_RESPONSE_STATUS_CODE_404"}}),
            security: json!({"index": 1, "name": "s", "action": {"action": "HTTP_SECURITY_ACTION_CLOSE_CONN"}}),
            service,
        }
    }

    /// A world with these objects. Lists that rules refer to are there too.
    pub(crate) fn world(self) -> World {
        let mut world = World::new();
        let kv = json!([{"key": "/a"}, {"key": "/b"}]);
        world.create("stringgroup", json!({"name": "strings", "type": "SG_TYPE_STRING", "kv": kv}));
        world.create(
            "ipaddrgroup",
            json!({"name": "addresses", "addrs": [{"addr": "192.0.2.7"}],
                "prefixes": [{"ip_addr": {"addr": "198.51.100.77"}, "mask": 24}]}),
        );
        world.create("ipaddrgroup", json!({"name": "countries", "country_codes": ["NL"]}));
        world.create("sslprofile", json!({"name": "own", "accepted_versions": [{"type": "SSL_VERSION_TLS1_3"}]}));
        world.create("applicationprofile", self.profile);
        world.create("pool", self.pool);
        world.create("poolgroup", self.group);
        let policy = json!({"name": "set", "http_request_policy": {"rules": [self.rule]},
            "http_security_policy": {"rules": [self.security]}});
        world.create("httppolicyset", policy);
        world.create("virtualservice", self.service);
        world
    }
}

/// One edit, the problems it causes, and what is then in the snapshot, which compiles where all is told.
#[track_caller]
pub(crate) fn check(edit: impl FnOnce(&mut Plan), expected: &[&str], holds: impl FnOnce(&HttpObjects) -> bool) {
    let mut plan = Plan::new();
    edit(&mut plan);
    let (snapshot, problems) = plan.world().snapshot();
    assert_eq!(problems, expected);
    assert!(holds(&snapshot.http), "{:#?}", snapshot.http);
}

pub(crate) fn runs_not(http: &HttpObjects) -> bool {
    http.services.is_empty() && http.pools.is_empty() && http.pool_groups.is_empty()
}
