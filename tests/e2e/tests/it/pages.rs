//! From an Ingress to the page, with real API servers, their controllers, living pods, and nothing written by hand.

use serde_json::{Value, json};

use crate::demo::HELLO;
use crate::world::World;
use crate::world::clusters::has_python;
use crate::world::pages::ingress;

const INGRESSES: &str = "/apis/networking.k8s.io/v1/namespaces/default/ingresses";
const SECRETS: &str = "/api/v1/namespaces/default/secrets";
const KUARD: &str = "kuard.avi.iberia.local";
const SITES: [(&str, &str, &str); 3] =
    [("s1az1", "10.10.25.", "SITE1 AZ1"), ("s1az2", "10.10.26.", "SITE1 AZ2"), ("s2", "10.10.23.", "SITE2")];

#[test]
fn an_ingress_gets_an_address_a_name_a_member_and_a_page_that_opens() {
    if !has_python() {
        return;
    }
    let Some(mut pages) = World::start_with_pods() else { return };
    let world = &mut pages.world;
    let addresses = SITES.map(|(cluster, network, says)| {
        world.deploy(cluster, "hello", HELLO, 2);
        let address = wait_for_page(world, cluster, "hello", HELLO, says);
        assert!(address.starts_with(network), "{cluster}: {address}");
        address
    });
    a_local_name_is_there_as_long_as_something_serves_it(world);
    the_global_name_has_a_member_for_each_ingress(world, &addresses);
    a_cluster_without_pods_is_no_member(world, &addresses);
    a_secret_makes_a_secure_page(world, &addresses[0]);
    an_added_path_leads_elsewhere(world);
    nothing_is_left_of_an_ingress_that_is_gone(world);
}

/// Waits until the status says where, and the page opens there; returns the address.
#[track_caller]
fn wait_for_page(world: &World, cluster: &str, name: &str, host: &str, says: &str) -> String {
    world.wait(&format!("the status of {cluster} {name}"), || {
        let (address, hostname) = world.published(cluster, name);
        !address.is_empty() && hostname == host
    });
    let (address, _) = world.published(cluster, name);
    world.wait(&format!("the page of {host} at {address}"), || {
        let (status, body) = world.page(&address, &format!("http://{host}/"), &[]);
        status == 200 && body.contains(&format!("resides in {says}\n"))
    });
    address
}

/// Stories 3.2, 3.3.
fn a_local_name_is_there_as_long_as_something_serves_it(world: &World) {
    world.deploy("s1az1", "kuard", KUARD, 1);
    let address = wait_for_page(world, "s1az1", "kuard", KUARD, "SITE1 AZ1");
    world.wait("the local name", || world.addresses(KUARD) == [address.as_str()]);
    world.scale("s1az1", "kuard", 5);
    world.wait("five pods to answer", || {
        let bodies = (0..20).map(|_| world.page(&address, &format!("http://{KUARD}/"), &[]).1);
        let pods: std::collections::BTreeSet<String> =
            bodies.filter_map(|body| body.lines().nth(1)?.split(' ').nth(1).map(str::to_owned)).collect();
        pods.len() == 5
    });
    world.wait("five servers", || servers(world, "kuard").len() == 5);
    world.scale("s1az1", "kuard", 0);
    world.wait("nobody to answer", || world.page(&address, &format!("http://{KUARD}/"), &[]).0 == 503);
    world.wait("the name to be gone", || world.answer_status(KUARD) == "NXDOMAIN");
    // Those that are about to go are switched off first.
    world.wait("no servers", || servers(world, "kuard").is_empty());
    world.scale("s1az1", "kuard", 2);
    wait_for_page(world, "s1az1", "kuard", KUARD, "SITE1 AZ1");
    world.wait("the name to be back", || world.addresses(KUARD) == [address.as_str()]);
}

/// Servers of the pools that carry an Ingress' name in their markers.
fn servers(world: &World, ingress: &str) -> Vec<Value> {
    let pools = world.held("pool").into_values();
    let of_it = pools.filter(|pool| pool["markers"].to_string().contains(&format!("\"{ingress}\"")));
    of_it.flat_map(|pool| pool["servers"].as_array().cloned().unwrap_or_default()).collect()
}

fn the_global_name_has_a_member_for_each_ingress(world: &mut World, addresses: &[String; 3]) {
    world.fill_leader();
    world.start_amko();
    let [first, second, third] = addresses.each_ref().map(String::as_str);
    world.wait_for_split(&[(first, 6), (second, 4), (third, 2)]);
}

fn a_cluster_without_pods_is_no_member(world: &World, addresses: &[String; 3]) {
    let [first, second, third] = addresses.each_ref().map(String::as_str);
    world.scale("s1az2", "hello", 0);
    world.wait_for_split(&[(first, 6), (third, 2)]);
    world.scale("s1az2", "hello", 2);
    world.wait_for_split(&[(first, 6), (second, 4), (third, 2)]);
}

/// Stories 5.1, 5.2.
fn a_secret_makes_a_secure_page(world: &World, address: &str) {
    let secret = |(certificate, key): &(String, String)| {
        json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hello-secret"}, "type": "kubernetes.io/tls",
            "stringData": {"tls.crt": certificate, "tls.key": key}
        })
    };
    let first = world.certificate("first", HELLO);
    world.make("s1az1", SECRETS, &secret(&first));
    let tls = json!({"spec": {"tls": [{"hosts": [HELLO], "secretName": "hello-secret"}]}});
    world.merge("s1az1", &format!("{INGRESSES}/hello"), &tls);
    let secure = |file: &str| world.shown_certificate(address, HELLO) == world.fingerprint(file);
    world.wait("the certificate of the secret", || secure("first"));
    let (status, body) = world.page(address, &format!("https://{HELLO}/"), &["-k"]);
    assert_eq!((status, body.contains("SITE1 AZ1")), (200, true), "{body}");
    world.wait("plain requests to be sent to the secure page", || {
        let (status, location) =
            world.page(address, &format!("http://{HELLO}/x?y=1"), &["-w", "%{redirect_url}\n%{http_code}"]);
        status == 302 && location.contains(&format!("https://{HELLO}/x?y=1"))
    });

    let second = world.certificate("second", HELLO);
    world.merge("s1az1", &format!("{SECRETS}/hello-secret"), &secret(&second));
    world.wait("the new certificate", || secure("second"));
    world.merge("s1az1", &format!("{INGRESSES}/hello"), &json!({"spec": {"tls": null}}));
    wait_for_page(world, "s1az1", "hello", HELLO, "SITE1 AZ1");
    world.wait("the certificate to be gone", || {
        !world.held_by("s1az1").iter().any(|object| object.starts_with("sslkeyandcertificate"))
    });
}

fn an_added_path_leads_elsewhere(world: &World) {
    let path = |world: &World, path: &str| {
        world.page(&world.published("s1az1", "hello").0, &format!("http://{HELLO}{path}"), &[]).1
    };
    let before = path(world, "/deep/page");
    assert!(before.contains("path /deep/page"), "{before}");
    // The same host, another Service: its pods are others than those of hello.
    let mut both = ingress("hello", HELLO, &["/"])["spec"].clone();
    let deep = ingress("kuard", HELLO, &["/deep"])["spec"]["rules"][0]["http"]["paths"][0].clone();
    both["rules"][0]["http"]["paths"].as_array_mut().unwrap().push(deep);
    world.merge("s1az1", &format!("{INGRESSES}/hello"), &json!({"spec": both}));
    let pods_of = |name: &str| world.pods("s1az1", name);
    let (hello, kuard) = (pods_of("hello"), pods_of("kuard"));
    world.wait("the path to lead to the other pods", || {
        let body = path(world, "/deep/page");
        kuard.iter().any(|pod| body.contains(&format!("pod {pod} ")))
    });
    let root = path(world, "/");
    assert!(hello.iter().any(|pod| root.contains(&format!("pod {pod} "))), "{root}");
}

fn nothing_is_left_of_an_ingress_that_is_gone(world: &World) {
    for name in ["kuard", "hello"] {
        world.remove("s1az1", &format!("{INGRESSES}/{name}"));
    }
    world.wait("everything of it to be gone", || {
        let left = world.held_by("s1az1");
        // What all Ingresses share may stay for the next.
        left.iter().all(|object| object.contains("Shared-L7"))
    });
    world.wait("the local name to be gone", || world.answer_status(KUARD) == "NXDOMAIN");
    let others: Vec<String> = ["s1az2", "s2"].map(|cluster| world.published(cluster, "hello").0).into();
    world.wait_for_split(&[(&others[0], 4), (&others[1], 2)]);
}
