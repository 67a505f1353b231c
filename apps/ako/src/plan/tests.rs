//! Plans carried out on a controller that refuses what a real one refuses.

use ako_translate::{Cloud, CloudKind, ClusterObject, Index, NamespacedName, Settings, Site, Translator};
use serde_json::{Value, json};

use super::*;
use crate::held::HeldObject;

/// Objects by identity, with those that each refers to.
#[derive(Default)]
struct FakeController {
    objects: BTreeMap<ObjectKey, Vec<ObjectKey>>,
    held: Held,
    writes: usize,
    /// What it does not take.
    refused: BTreeSet<ObjectKey>,
}

impl FakeController {
    fn uuid(key: &ObjectKey) -> String {
        format!("{:?}-{}-{}", key.kind, key.tenant, key.name)
    }

    /// Carries out all steps, one at a time, the last of those that may go first; checks what each needs.
    fn carry_out(&mut self, mut steps: BTreeMap<ObjectKey, Step>, site: &Site) {
        while !steps.is_empty() {
            let may_go = |step: &&Step| step.after.iter().all(|other| !steps.contains_key(other));
            let key = steps.values().rfind(may_go).unwrap_or_else(|| panic!("a circle: {steps:#?}")).key.clone();
            let step = steps.remove(&key).unwrap();
            self.writes += 1;
            match &step.action {
                Action::Create(wanted) | Action::Update { wanted, .. } => {
                    let needed = references(wanted.object());
                    let missing = needed.iter().find(|needed| **needed != key && !self.objects.contains_key(needed));
                    assert_eq!(missing, None, "{key:?} was written before it");
                    let uuids: Vec<String> = needed.iter().map(Self::uuid).collect();
                    let answer = json!({"uuid": Self::uuid(&key), "some_refs": uuids});
                    self.objects.insert(key.clone(), needed);
                    let held = HeldObject::written(&answer, wanted, step.unit.as_ref(), site).unwrap();
                    self.held.insert(key, held);
                }
                Action::Delete { .. } => {
                    self.objects.remove(&key).unwrap();
                    let user = self.objects.iter().find(|(_, needed)| needed.contains(&key));
                    assert_eq!(user, None, "{key:?} was deleted before");
                    self.held.remove(&key);
                }
            }
        }
    }

    /// Carries out what does not wait for what is refused; tells how many steps did.
    fn carry_out_what_is_taken(&mut self, mut steps: BTreeMap<ObjectKey, Step>, site: &Site) -> usize {
        let mut stuck = self.refused.clone();
        loop {
            let more: Vec<ObjectKey> = steps
                .values()
                .filter(|step| !stuck.contains(&step.key) && step.after.iter().any(|other| stuck.contains(other)))
                .map(|step| step.key.clone())
                .collect();
            if more.is_empty() {
                break;
            }
            stuck.extend(more);
        }
        let count = steps.len();
        steps.retain(|key, _| !stuck.contains(key));
        let left = count - steps.len();
        self.carry_out(steps, site);
        left
    }

    fn settle(&mut self, desired: &Desired, is_complete: bool) -> usize {
        let before = self.writes;
        let steps = plan(desired, &mut self.held, is_complete, &BTreeSet::new());
        self.carry_out(steps, &desired.site);
        self.writes - before
    }

    /// What a process knows that begins anew.
    fn forget(&mut self) {
        let keys: Vec<ObjectKey> = self.objects.keys().cloned().collect();
        for key in keys {
            let held = self.held.get_mut(&key).unwrap();
            (held.sent, held.unit) = (None, None);
        }
    }
}

fn site() -> Site {
    let values = [
        ("clusterName", "c"),
        ("enableEVH", "true"),
        ("vipNetworkList", r#"[{"networkName":"n"}]"#),
        ("shardVSSize", "MEDIUM"),
    ];
    let values = values.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let cloud = Cloud { kind: CloudKind::None, domains: None, vrf: "global".into(), is_enterprise: true };
    Site::new(Settings::parse(&values, "avi-system").unwrap(), cloud)
}

/// A certificate and its key.
const PAIR: (&str, &str) = (include_str!("../../tests/data/one.pem"), include_str!("../../tests/data/one.key"));

fn pair(certificate: &str, key: &str) -> BTreeMap<String, k8s_openapi::ByteString> {
    let bytes = |text: &str| k8s_openapi::ByteString(text.as_bytes().to_vec());
    [("tls.crt".to_owned(), bytes(certificate)), ("tls.key".to_owned(), bytes(key))].into()
}

fn index(ingresses: &[Value]) -> Index {
    let mut index = Index::default();
    let class = json!({"metadata": {"name": "avi-lb", "annotations":
        {"ingressclass.kubernetes.io/is-default-class": "true"}}, "spec": {"controller": ako_translate::CONTROLLER}});
    index.apply(ClusterObject::IngressClass(serde_json::from_value(class).unwrap()));
    let secret = json!({"metadata": {"name": "tls", "namespace": "default"}, "data": {}});
    let mut secret: k8s_openapi::api::core::v1::Secret = serde_json::from_value(secret).unwrap();
    secret.data = Some(pair(PAIR.0, PAIR.1));
    index.apply(ClusterObject::Secret(secret));
    for ingress in ingresses {
        index.apply(ClusterObject::Ingress(serde_json::from_value(ingress.clone()).unwrap()));
    }
    index
}

/// An Ingress with paths, maybe with TLS.
fn ingress(name: &str, host: &str, paths: &[&str], is_secure: bool) -> Value {
    let paths: Vec<Value> = paths
        .iter()
        .map(|path| {
            json!({"path": path, "pathType": "Prefix",
            "backend": {"service": {"name": "web", "port": {"number": 80}}}})
        })
        .collect();
    let tls = if is_secure { json!([{"hosts": [host], "secretName": "tls"}]) } else { json!([]) };
    json!({"metadata": {"name": name, "namespace": "default"},
        "spec": {"tls": tls, "rules": [{"host": host, "http": {"paths": paths}}]}})
}

fn desired(translator: &mut Translator, ingresses: &[Value]) -> Desired {
    translator.translate(&index(ingresses), &BTreeSet::new()).desired
}

/// Worlds that follow one another, each a list of Ingresses.
fn worlds() -> Vec<Vec<Value>> {
    let (a, b) = ("a.com", "b.com");
    vec![
        vec![ingress("one", a, &["/"], false)],
        vec![ingress("one", a, &["/", "/cart"], true), ingress("two", b, &["/"], true)],
        vec![ingress("two", b, &["/"], false)],
        vec![ingress("one", a, &["/x"], true), ingress("two", a, &["/y"], true), ingress("three", b, &["/"], true)],
        vec![],
        vec![ingress("one", b, &["/"], true)],
        vec![ingress("one", a, &["/"], true)],
        vec![],
    ]
}

#[test]
fn whatever_changes_nothing_refers_to_what_is_not_there() {
    let mut controller = FakeController::default();
    let mut translator = Translator::new(site());
    for (round, world) in worlds().iter().enumerate() {
        let desired = desired(&mut translator, world);
        controller.settle(&desired, true);
        assert_eq!(controller.objects.len(), desired.objects().count(), "round {round}");
        assert_eq!(controller.settle(&desired, true), 0, "round {round}: a second look");
        controller.forget();
        assert_eq!(controller.settle(&desired, true), 0, "round {round}: a restart");
    }
    assert!(controller.objects.is_empty());
}

#[test]
fn what_an_earlier_run_made_goes_only_when_the_cluster_is_known_in_full() {
    let both = [ingress("one", "a.com", &["/"], true), ingress("two", "b.com", &["/"], true)];
    let mut controller = FakeController::default();
    let mut translator = Translator::new(site());
    controller.settle(&desired(&mut translator, &both), true);
    let all = controller.objects.len();
    controller.forget();
    let one = desired(&mut translator, &both[..1]);
    assert_eq!(controller.settle(&one, false), 0);
    assert_eq!(controller.objects.len(), all);
    // What this process saw needed goes with its manifest all the same.
    let none = desired(&mut translator, &[]);
    assert!(controller.settle(&none, false) > 0);
    let left: Vec<_> = controller.objects.keys().filter(|key| key.kind == ObjectType::ChildVirtualService).collect();
    assert_eq!(left.len(), 1, "the child of the host that is not known");
    controller.settle(&none, true);
    assert!(controller.objects.is_empty());
}

#[test]
fn another_key_of_the_same_certificate_is_a_write() {
    let world = [ingress("one", "a.com", &["/"], true)];
    let mut controller = FakeController::default();
    let mut translator = Translator::new(site());
    controller.settle(&desired(&mut translator, &world), true);
    let mut index = index(&world);
    let secret = NamespacedName::new("default", "tls");
    index.delete(ako_translate::Kind::Secret, &secret);
    let mut other: k8s_openapi::api::core::v1::Secret = serde_json::from_value(json!({"metadata": {"name": "tls",
        "namespace": "default"}}))
    .unwrap();
    other.data = Some(pair(PAIR.0, &format!("{}\n", PAIR.1)));
    index.apply(ClusterObject::Secret(other));
    let desired = translator.translate(&index, &BTreeSet::new()).desired;
    let steps = plan(&desired, &mut controller.held, true, &BTreeSet::new());
    let kinds: Vec<_> = steps.keys().map(|key| key.kind).collect();
    assert_eq!(kinds, [ObjectType::SslKeyAndCertificate]);
}

#[test]
fn a_certificate_that_is_refused_holds_up_its_own_host_alone() {
    let world: Vec<Value> =
        ["a.com", "b.com", "c.com"].iter().map(|host| ingress(&host[..1], host, &["/"], true)).collect();
    let mut controller = FakeController::default();
    let mut translator = Translator::new(site());
    let desired = desired(&mut translator, &world);
    let mut certificates = desired.objects().filter(|object| object.key.kind == ObjectType::SslKeyAndCertificate);
    controller.refused.insert(certificates.next().unwrap().key.clone());
    let refused = controller.refused.clone();
    let steps = plan(&desired, &mut controller.held, true, &refused);
    assert_eq!(controller.carry_out_what_is_taken(steps, &desired.site), 1, "the certificate alone");
    let steps = plan(&desired, &mut controller.held, true, &refused);
    assert_eq!(steps.keys().collect::<Vec<_>>(), refused.iter().collect::<Vec<_>>(), "it stays to be tried");

    controller.refused.clear();
    controller.carry_out(steps, &desired.site);
    let steps = plan(&desired, &mut controller.held, true, &refused);
    let kinds: Vec<_> = steps.keys().map(|key| key.kind).collect();
    assert_eq!(kinds, [ObjectType::VirtualService], "its parent gets it once it is there");
    controller.carry_out(steps, &desired.site);
    assert_eq!(controller.settle(&desired, true), 0);
}
