//! What is read from which bytes.

use proptest::prelude::*;

use super::*;

const INGRESS: &str = "\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: hello
  labels:
    app: gslb
spec:
  rules:
  - host: hello.avi.iberia.local
    http:
      paths:
      - path: /
        pathType: Prefix
        backend:
          service:
            name: hello
            port:
              number: 80
status:
  loadBalancer:
    ingress:
    - ip: 10.10.25.10
";

const GDP: &str = "\
apiVersion: amko.vmware.com/v1alpha2
kind: GlobalDeploymentPolicy
metadata:
  name: global-gdp
  namespace: avi-system
spec:
  matchRules:
    appSelector:
      label:
        app: gslb
  matchCluster:
  - cluster: s1az1
  trafficSplit:
  - cluster: s1az1
    weight: 6
    wieght: 7
";

fn read(name: &str, text: impl AsRef<[u8]>) -> Manifest {
    super::read(Path::new(name), text.as_ref(), crate::directory::KINDS)
}

/// `(objects, problems)` as text.
#[track_caller]
fn check(text: &str, objects: &[&str], problems: &[&str]) -> Manifest {
    let manifest = read("d/a.yaml", text);
    let found: Vec<String> =
        manifest.objects.iter().map(|found| format!("{} {}", found.place, found.object.key())).collect();
    assert_eq!(found, objects);
    let told: Vec<String> = manifest.problems.iter().map(ToString::to_string).collect();
    assert_eq!(told, problems);
    manifest
}

#[test]
fn documents_are_read_with_their_lines() {
    let text =
        format!("# a comment\n---\n{INGRESS}---\n# nothing\n---\n{GDP}").replace("matchCluster:", "matchClusters:");
    let text = text.replace("    wieght: 7\n", "");
    let objects = ["d/a.yaml:3 Ingress default/hello", "d/a.yaml:28 GlobalDeploymentPolicy avi-system/global-gdp"];
    let manifest = check(&text, &objects, &[]);
    assert!(!manifest.is_incomplete);
    let Object::Ingress(ingress) = &manifest.objects[0].object else { panic!("an Ingress") };
    let status = ingress.status.clone().unwrap().load_balancer.unwrap().ingress.unwrap();
    assert_eq!(status[0].ip.as_deref(), Some("10.10.25.10"));
}

#[test]
fn unknown_fields_are_told_and_the_object_is_used() {
    let manifest = check(
        GDP,
        &["d/a.yaml:1 GlobalDeploymentPolicy avi-system/global-gdp"],
        &[
            "d/a.yaml:11: GlobalDeploymentPolicy avi-system/global-gdp: unknown field `spec.matchCluster`; did you mean \
             `matchClusters`? the rest of the object is used",
            "d/a.yaml:16: GlobalDeploymentPolicy avi-system/global-gdp: unknown field `spec.trafficSplit[0].wieght`; did \
             you mean `weight`? the rest of the object is used",
        ],
    );
    assert!(!manifest.is_incomplete);
    let deep = INGRESS
        .replace("number: 80", "number: 80\n              zzz: 1")
        .replace("  name: hello\n  labels", "  name: hello\n  lables");
    check(
        &deep,
        &["d/a.yaml:1 Ingress default/hello"],
        &[
            "d/a.yaml:5: Ingress default/hello: unknown field `metadata.lables`; did you mean `labels`? the rest of the \
             object is used",
            "d/a.yaml:19: Ingress default/hello: unknown field `spec.rules[0].http.paths[0].backend.service.port.zzz`; \
             remove it, the rest of the object is used; known here: name, number",
        ],
    );
}

#[test]
fn upper_case_hosts_are_told_and_read_in_lower_case() {
    let text =
        INGRESS.replace("host: hello.avi", "host: Hello.AVI").replace("ip: 10.10.25.10", "hostname: LB.example.com");
    let manifest = check(
        &text,
        &["d/a.yaml:1 Ingress default/hello"],
        &[
            "d/a.yaml:9: Ingress default/hello: field `spec.rules[0].host`: `Hello.AVI.iberia.local` has upper-case \
             letters, which Kubernetes refuses; write `hello.avi.iberia.local`, which is used",
            "d/a.yaml:22: Ingress default/hello: field `status.loadBalancer.ingress[0].hostname`: `LB.example.com` has \
             upper-case letters, which Kubernetes refuses; write `lb.example.com`, which is used",
        ],
    );
    let Object::Ingress(ingress) = &manifest.objects[0].object else { panic!("an ingress") };
    let rule = &ingress.spec.as_ref().unwrap().rules.as_ref().unwrap()[0];
    assert_eq!(rule.host.as_deref(), Some("hello.avi.iberia.local"));
}

#[test]
fn a_key_given_twice_is_told_without_advice_to_programmers() {
    let manifest = read("a.yaml", INGRESS.replace("  name: hello\n  labels", "  name: hello\n  name: hi\n  labels"));
    let told = manifest.problems[0].to_string();
    assert!(told.contains("duplicate") && told.contains("name"), "{told}");
    assert!(!told.contains("Policy") && !told.contains("set "), "{told}");
}

#[test]
fn a_name_given_twice_in_json_is_told_with_its_line() {
    let json = "{\n\"kind\": \"Ingress\",\n\"metadata\": {\"name\": \"a\",\n\"name\": \"b\"}}";
    // A tab stands between tokens in JSON, and the YAML parser refuses it there.
    for text in [json.to_owned(), json.replace("\n", "\n\t")] {
        let manifest = read("a.json", text);
        let told: Vec<_> = manifest.problems.iter().map(ToString::to_string).collect();
        assert!(told.len() == 1 && told[0].starts_with("a.json:4: ") && told[0].contains("duplicate"), "{told:?}");
        assert!(manifest.objects.is_empty());
    }
}

#[test]
fn values_that_do_not_fit_are_told_with_field_and_line() {
    let manifest = check(
        &GDP.replace("weight: 6", "weight: six"),
        &[],
        &["d/a.yaml:15: GlobalDeploymentPolicy: field `spec.trafficSplit[0].weight`: invalid type: string \"six\", \
           expected a whole number; correct it; what was known of the object stays in force"],
    );
    assert!(manifest.is_incomplete);
    check(
        &INGRESS.replace("app: gslb", "app: 1"),
        &[],
        &[
            "d/a.yaml:6: Ingress: field `metadata.labels.app`: invalid type: integer `1`, expected a string; put the value \
           in quotes; what was known of the object stays in force",
        ],
    );
    check(
        "apiVersion: amko.vmware.com/v1alpha1\nkind: GSLBConfig\nmetadata: {name: a}\nspec:\n  gslbLeader:\n    controllerVersion: 30.2\n",
        &[],
        &["d/a.yaml:6: GSLBConfig: field `spec.gslbLeader.controllerVersion`: invalid type: floating point `30.2`, \
           expected a string; put the value in quotes; what was known of the object stays in force"],
    );
    check(
        "apiVersion: amko.vmware.com/v1alpha1\nkind: GSLBConfig\nmetadata: {name: a}\n",
        &[],
        &["d/a.yaml:1: GSLBConfig: missing field `spec`; correct it; what was known of the object stays in force"],
    );
}

#[test]
fn a_malformed_document_leaves_the_others_alone() {
    let manifest = read("d/a.yaml", format!("a: [1,\nb: }}\n---\n{INGRESS}"));
    assert_eq!(manifest.objects.len(), 1);
    assert!(manifest.is_incomplete);
    assert_eq!(manifest.problems.len(), 1);
    let problem = manifest.problems[0].to_string();
    assert!(problem.starts_with("d/a.yaml:1: not well-formed: mismatched bracket '[' closed by '}'; "), "{problem}");

    let manifest = read("d/a.yaml", format!("{INGRESS}---\nkind: Ingress\nmetadata:\n  name: b\n bad: [\n"));
    assert_eq!(manifest.objects.len(), 1);
    let problem = manifest.problems[0].to_string();
    assert!(problem.starts_with("d/a.yaml:27") || problem.starts_with("d/a.yaml:28"), "{problem}");
}

#[test]
fn kinds_are_read_passed_over_or_told() {
    let object = |api: &str, kind: &str| format!("apiVersion: {api}\nkind: {kind}\nmetadata: {{name: a}}\n");
    check(&object("apps/v1", "Deployment"), &[], &[]);
    check(&object("v1", "Namespace"), &["d/a.yaml:1 Namespace a"], &[]);
    let told = ["d/a.yaml:1: unknown kind `Ingres` (networking.k8s.io/v1); did you mean `Ingress`?"];
    assert!(check(&object("networking.k8s.io/v1", "Ingres"), &[], &told).is_incomplete);
    let told = [
        "d/a.yaml:1: unknown kind `Widget` (example.com/v1); remove it, or move it to a directory that is not watched",
    ];
    check(&object("example.com/v1", "Widget"), &[], &told);
    let told = ["d/a.yaml:1: kind HTTPRule (ako.vmware.com/v1beta1) is not supported yet; remove it to silence \
                 this; the rest of the file is used"];
    assert!(!check(&object("ako.vmware.com/v1beta1", "HTTPRule"), &[], &told).is_incomplete);
    for version in ["v1beta1", "v1alpha1"] {
        let rule = object(&format!("ako.vmware.com/{version}"), "HostRule");
        check(&rule, &["d/a.yaml:1 HostRule default/a"], &[]);
        // Who does not read it does not do what it says.
        let manifest = super::read(Path::new("d/a.yaml"), rule.as_bytes(), &[Kind::Ingress]);
        assert!(manifest.objects.is_empty() && manifest.problems[0].to_string().contains("not supported yet"));
    }
    let told = ["d/a.yaml:1: Ingress in version `networking.k8s.io/v1beta1` is not read; write `apiVersion: \
                 networking.k8s.io/v1`, `backend.service.name` and `.port` in place of `serviceName` and `servicePort`, \
                 and a `pathType` for each path"];
    check(&object("networking.k8s.io/v1beta1", "Ingress"), &[], &told);
    let told = ["d/a.yaml:1: GlobalDeploymentPolicy in version `amko.vmware.com/v1alpha1` is not read; write \
                 `apiVersion: amko.vmware.com/v1alpha2`"];
    check(&object("amko.vmware.com/v1alpha1", "GlobalDeploymentPolicy"), &[], &told);
}

#[test]
fn the_fields_of_host_rules_and_routes_are_known() {
    let rule = "\
apiVersion: ako.vmware.com/v1beta1
kind: HostRule
metadata: {name: a}
spec:
  virtualhost:
    fqdn: a.local
    fqdnType: Exact
    enableVirtualHost: true
    wafPolicy: w
    httpPolicy: {policySets: [p], overwrite: false}
    tls: {sslKeyCertificate: {name: c, type: ref, alternateCertificate: {name: d, type: ref}}, termination: edge}
    gslb: {fqdn: a.com, includeAliases: true}
    tcpSettings: {listeners: [{port: 80}], loadBalancerIP: 10.0.0.1}
    alises: [b.com]
status: {status: Accepted}
";
    let told = "d/a.yaml:14: HostRule default/a: unknown field `spec.virtualhost.alises`; did you mean `aliases`? the rest \
                of the object is used";
    check(rule, &["d/a.yaml:1 HostRule default/a"], &[told]);
    let route = "\
apiVersion: route.openshift.io/v1
kind: Route
metadata: {name: a}
spec:
  host: a.local
  to: {kind: Service, name: a, weight: 100}
  port: {targetPort: 8080}
  tls: {termination: reencrypt, key: k, certificate: c, destinationCACertificate: d}
  wildcardPolicy: None
status:
  ingress:
  - host: a.local
    routerName: ako-a
    routerCanonicalHostname: r
    wildcardPolicy: None
    conditions: [{type: Admitted, status: 'True', message: 10.0.0.1, reason: '{}', lastTransitionTime: '2026-01-01T00:00:00Z'}]
";
    check(route, &["d/a.yaml:1 Route default/a"], &[]);
}

#[test]
fn an_object_needs_kind_version_and_a_valid_name() {
    let told = ["d/a.yaml:1: an object without `kind`; add `apiVersion` and `kind`, as kubectl asks for them"];
    check("metadata: {name: a}\n", &[], &told);
    let told = ["d/a.yaml:1: an object of kind Ingress without `apiVersion`; add it, as kubectl asks for it"];
    check("kind: Ingress\n", &[], &told);
    let told = ["d/a.yaml:1: a document must be a map of fields, not a text; write one Kubernetes object per document"];
    check("hello\n", &[], &told);
    let object = |metadata: &str| format!("apiVersion: v1\nkind: Service\nmetadata: {metadata}\n");
    let told = ["d/a.yaml:1: Service: `metadata.name` is missing; give it a name that an API server takes"];
    check(&object("{}"), &[], &told);
    let told =
        ["d/a.yaml:1: Service: `metadata.name` `A_b` is not a name of RFC 1123: lower-case letters, digits, `-`; \
                 give it a name that an API server takes"];
    check(&object("{name: A_b}"), &[], &told);
    let told =
        ["d/a.yaml:1: Service: `metadata.namespace` `../x` is not a label of RFC 1123; give it a name that an API \
                 server takes"];
    check(&object("{name: a, namespace: ../x}"), &[], &told);
}

#[test]
fn lists_and_json_are_read() {
    let list = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Namespace\n  metadata: {name: a}\n\
                - apiVersion: v1\n  kind: Service\n  metadata: {name: b}\n";
    check(list, &["d/a.yaml:4 Namespace a", "d/a.yaml:7 Service default/b"], &[]);
    let list = "apiVersion: v1\nkind: ServiceList\nmetadata: {}\nitems:\n- metadata: {name: b}\n";
    check(list, &["d/a.yaml:5 Service default/b"], &[]);

    let json =
        "{\n\t\"apiVersion\": \"v1\",\n\t\"kind\": \"Namespace\",\n\t\"metadata\": {\"name\": \"a\", \"x\": 1}\n}\n";
    let manifest = read("a.json", json);
    assert_eq!(manifest.objects.len(), 1, "{manifest:?}");
    assert_eq!(manifest.problems[0].what, "Namespace a: unknown field `metadata.x`");
    let manifest = read("a.json", "{\n\"kind\": }\n");
    assert!(manifest.problems[0].to_string().starts_with("a.json:2: not well-formed: "), "{manifest:?}");
}

#[test]
fn a_file_without_an_object_is_seen_to_hold_none() {
    for text in ["", "\n\n", "# comment\n", "---\n---\n# x\n...\n", "--- # here\n", "null\n"] {
        let manifest = read("a.yaml", text);
        assert!(!manifest.has_objects && manifest.problems.is_empty(), "{text:?} {manifest:?}");
    }
    assert!(!read("a.json", " ").has_objects);
    let manifest = read("a.yaml", b"a: b\n\xff\n");
    assert_eq!(manifest.problems[0].to_string(), "a.yaml:2: it is not UTF-8 text; save the file as UTF-8");
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        read("a.yaml", &bytes);
        read("a.json", &bytes);
    }

    #[test]
    fn no_cut_or_changed_manifest_panics(at in 0..GDP.len(), with in "[ -~\n]{0,4}", cut in 0..20usize) {
        let end = (at + cut).min(GDP.len());
        read("a.yaml", format!("{}{with}{}", &GDP[..at], &GDP[end..]));
    }
}

#[test]
fn who_reads_other_kinds_gets_those_and_secrets_with_their_text_as_data() {
    let text = "\
apiVersion: v1
kind: Secret
metadata: {name: tls}
data: {a: QQ==}
stringData: {b: B}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1}
addressType: IPv4
endpoints: [{addresses: [10.0.0.1]}]
---
apiVersion: amko.vmware.com/v1alpha2
kind: GlobalDeploymentPolicy
metadata: {name: global-gdp}
spec: {whatever: 1}
---
apiVersion: v1
kind: Node
metadata: {name: node-1}
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: avi-lb}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
data: {k: v}
";
    let kinds = [Kind::Secret, Kind::EndpointSlice, Kind::Node, Kind::IngressClass, Kind::ConfigMap];
    let manifest = super::read(Path::new("a.yaml"), text.as_bytes(), &kinds);
    assert_eq!(manifest.problems, []);
    let keys: Vec<String> = manifest.objects.iter().map(|found| found.object.key().to_string()).collect();
    let expected = [
        "Secret default/tls",
        "EndpointSlice default/web-1",
        "Node node-1",
        "IngressClass avi-lb",
        "ConfigMap default/c",
    ];
    assert_eq!(keys, expected);
    let Object::Secret(secret) = &manifest.objects[0].object else { panic!() };
    let data: Vec<_> = secret.data.iter().flatten().map(|(key, value)| (key.as_str(), value.0.as_slice())).collect();
    assert_eq!(data, [("a", &b"A"[..]), ("b", &b"B"[..])]);
    assert_eq!(read("a.yaml", text).objects.len(), 1, "the policy alone, for who reads policies");
}
