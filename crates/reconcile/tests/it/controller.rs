//! A controller in a map: it fills in defaults, names references and numbers objects.

use reconcile::{Action, Body, Key, ObjectType, Observed, ObservedObject, Owner, Plan, Situation, Unit, Wanted, plan};
use serde_json::{Value, json};

pub(crate) const OWN: &str = "amko-own";

pub(crate) fn owner() -> Owner {
    Owner { name: OWN.into(), former: vec!["amko-gslb".into()] }
}

pub(crate) fn key(kind: ObjectType, name: &str) -> Key {
    Key { kind, tenant: "admin".into(), name: name.into() }
}

pub(crate) fn unit(service: &str) -> Unit {
    Unit { tenant: "admin".into(), service: service.into() }
}

/// A monitor for `service`.
pub(crate) fn monitor(name: &str, service: &str, kind: &str, port: u16) -> Wanted {
    let part = match kind {
        "HTTP" => {
            ("http_monitor", json!({"http_request": "HEAD / HTTP/1.0", "http_response_code": ["HTTP_2XX", "HTTP_3XX"]}))
        }
        "UDP" => ("udp_monitor", json!({"udp_request": "x"})),
        _ => ("tcp_monitor", json!({"tcp_half_open": false})),
    };
    let mut body = json!({
        "name": name, "type": format!("HEALTH_MONITOR_{kind}"), "monitor_port": port,
        "description": format!("created by: amko, gsname: {service}"), "is_federated": true,
        "send_interval": 10, "receive_timeout": 4, "successful_checks": 3, "failed_checks": 3,
        "markers": [{"key": "created-by", "values": [OWN]}],
        "tenant_ref": "https:///api/tenant/?name=admin",
    });
    body[part.0] = part.1;
    Wanted { key: key(ObjectType::HealthMonitor, name), unit: unit(service), draft: body }
}

/// A service with one pool of members `(address, ratio)` and monitors.
pub(crate) fn service(name: &str, members: &[(&str, u32)], monitors: &[&str]) -> Wanted {
    let members: Vec<_> = members
        .iter()
        .map(|(addr, ratio)| json!({"enabled": true, "ratio": ratio, "ip": {"addr": addr, "type": "V4"}}))
        .collect();
    let refs: Vec<_> = monitors.iter().map(|name| format!("/api/healthmonitor?name={name}")).collect();
    let body = json!({
        "name": name, "domain_names": [name], "description": "INGRESS/a/default/x/h,INGRESS/b/default/x/h",
        "created_by": OWN, "enabled": true, "min_members": 0, "resolve_cname": false,
        "use_edns_client_subnet": true, "is_federated": true,
        "groups": [{"name": "amko-gs-group-10", "priority": 10, "enabled": true,
                    "algorithm": "GSLB_ALGORITHM_ROUND_ROBIN", "min_health_monitors_up": 2, "members": members}],
        "health_monitor_refs": refs,
        "tenant_ref": "https:///api/tenant/?name=admin",
    });
    Wanted { key: key(ObjectType::GslbService, name), unit: unit(name), draft: body }
}

#[derive(Default)]
pub(crate) struct Controller {
    pub(crate) observed: Observed,
    next: u32,
    pub(crate) writes: Vec<String>,
}

impl Controller {
    /// Holds these already, as if we had written them.
    pub(crate) fn with(wanted: &[Wanted]) -> Self {
        let mut controller = Self::default();
        for wanted in wanted {
            controller.store(&wanted.key, &wanted.draft, &wanted.unit);
        }
        controller
    }

    pub(crate) fn plan(&self, wanted: &[Wanted]) -> Plan {
        plan(&Situation { wanted, observed: &self.observed, owner: &owner(), keep: &|_| false })
    }

    pub(crate) fn apply(&mut self, plan: &Plan) {
        for step in &plan.steps {
            self.writes.push(format!("{} {}", step.action.verb(), step.key.name));
            match &step.action {
                Action::Create { body } => {
                    assert!(!self.observed.objects.contains_key(&step.key), "{} exists", step.key);
                    self.store(&step.key, &body.read(), &step.unit);
                }
                Action::Update { uuid, body, .. }
                | Action::Adopt { uuid, body, .. }
                | Action::Detach { uuid, body } => {
                    assert_eq!(self.observed.objects[&step.key].uuid, *uuid);
                    self.store(&step.key, &body.read(), &step.unit);
                }
                Action::Delete { uuid } => {
                    self.check_unreferenced(&step.key, uuid);
                    assert!(self.observed.objects.remove(&step.key).is_some(), "{} is gone", step.key);
                }
            }
        }
    }

    pub(crate) fn body(&self, kind: ObjectType, name: &str) -> Value {
        self.observed.objects[&key(kind, name)].body()
    }

    /// Somebody else changes an object.
    pub(crate) fn edit(&mut self, kind: ObjectType, name: &str, edit: impl FnOnce(&mut Value)) {
        let object = self.observed.objects.get_mut(&key(kind, name)).unwrap();
        let mut body = object.body();
        edit(&mut body);
        *object = ObservedObject::new(kind, &object.uuid, body, object.service.as_deref()).known_as(object);
    }

    fn check_unreferenced(&self, key: &Key, uuid: &str) {
        let mut services = self.observed.objects.iter().filter(|(key, _)| key.kind == ObjectType::GslbService);
        // The whole uuid: `healthmonitor-1` is not `healthmonitor-11`.
        let refers = |body: &Value| {
            let mut references = body["health_monitor_refs"].as_array().into_iter().flatten();
            references.any(|reference| {
                let path = reference.as_str().unwrap_or_default().split('#').next().unwrap_or_default();
                path.rsplit('/').next() == Some(uuid)
            })
        };
        assert!(!services.any(|(_, object)| refers(&object.body())), "{key} is referred to");
    }

    /// Stores a body as the real thing shows it: defaults filled in, references by UUID and name, lists in its order.
    fn store(&mut self, key: &Key, body: &Value, unit: &Unit) {
        self.next += 1;
        let uuid = match self.observed.objects.get(key) {
            Some(object) => {
                assert_eq!(object.body()["type"], body["type"], "the type is immutable");
                object.uuid.to_string()
            }
            None => format!("{}-{}", key.kind.path(), self.next),
        };
        let mut shown = body.clone();
        shown["uuid"] = uuid.clone().into();
        shown["url"] = format!("https://host/api/{}/{uuid}", key.kind.path()).into();
        shown["_last_modified"] = self.next.to_string().into();
        shown["tenant_ref"] = "https://host/api/tenant/admin#admin".into();
        if key.kind == ObjectType::GslbService {
            shown["wildcard_match"] = false.into();
            shown["topology_policy_enabled"] = false.into();
            for reference in shown["health_monitor_refs"].as_array_mut().into_iter().flatten() {
                let name = reference.as_str().unwrap().rsplit('=').next().unwrap().to_owned();
                let monitor = Key { kind: ObjectType::HealthMonitor, tenant: key.tenant.clone(), name: name.clone() };
                let uuid = &self.observed.objects.get(&monitor).unwrap_or_else(|| panic!("{monitor} not found")).uuid;
                *reference = format!("https://host/api/healthmonitor/{uuid}#{name}").into();
            }
            for group in shown["groups"].as_array_mut().into_iter().flatten() {
                group["manual_resume"] = false.into();
                for member in group["members"].as_array_mut().into_iter().flatten() {
                    member["preference_order"] = 1.into();
                }
            }
        }
        let service = (key.kind == ObjectType::HealthMonitor).then_some(unit.service.as_str());
        let object = ObservedObject::new(key.kind, &uuid, shown, service).sent_as(Body::new(body).shape());
        self.observed.objects.insert(key.clone(), object);
    }
}
