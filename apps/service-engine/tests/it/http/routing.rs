//! Requests reach the servers that they are meant for.

use model::http::StringCriterion;
use model::testing::{child, http_pool, path_rule, pool_group, to_pool, virtual_host, virtual_service};

use super::backend::Backend;
use super::client::get;
use super::*;
use crate::running::Running;

#[tokio::test(flavor = "multi_thread")]
async fn a_page_opens_at_the_address_of_a_virtual_service() {
    let backend = Backend::start(free_address(), "shop").await;
    let vip = free_address();
    let pools = vec![http_pool("p", &[(backend.address, 1)])];
    let running = Running::start(http_snapshot(1, vec![virtual_service("vs", vip, to_pool("p"))], pools, vec![]));
    running.wait("it listens", is_up("vs")).await;
    assert_eq!(get(vip, "shop.example.com", "/a").await, (200, "shop /a".into()));
    running.wait("its state", |report| service(report, "vs").listeners == [vip]).await;
    running.wait("its pool's", |report| pool(report, "p").state == State::Up).await;
    running.engine.shutdown().await;
    assert!(tokio::net::TcpStream::connect(vip).await.is_err(), "nobody listens");
}

#[tokio::test(flavor = "multi_thread")]
async fn host_and_path_lead_to_the_child_and_its_pool_group() {
    let mut backends = Vec::new();
    for name in ["shop", "cart", "blog"] {
        backends.push(Backend::start(free_address(), name).await);
    }
    let vip = free_address();
    let mut parent = virtual_service("parent", vip, None);
    let mut cart = child("cart", "shop.example.com", None);
    let group = |name: &str| Some(model::http::Target::PoolGroup(format!("poolgroup-{name}")));
    Arc::make_mut(&mut cart).host = virtual_host("cart", group("cart"));
    Arc::make_mut(&mut cart).matches[0].rules = vec![path_rule(StringCriterion::BeginsWith, "/cart")];
    let shop = child("shop", "shop.example.com", group("shop"));
    parent.children = vec![shop, cart, child("blog", "blog.example.com", to_pool("blog"))];
    let pools = ["shop", "cart", "blog"].iter().zip(&backends).map(|(name, it)| http_pool(name, &[(it.address, 1)]));
    let groups = vec![pool_group("shop", &[("shop", 1, 0)]), pool_group("cart", &[("cart", 1, 0)])];
    let running = Running::start(http_snapshot(1, vec![parent], pools.collect(), groups));
    running.wait("it listens", is_up("parent")).await;

    assert_eq!(get(vip, "shop.example.com", "/").await.1, "shop /");
    assert_eq!(get(vip, "shop.example.com", "/cart/1").await.1, "cart /cart/1");
    assert_eq!(get(vip, "blog.example.com", "/cart").await.1, "blog /cart");
    assert_eq!(get(vip, "other.example.com", "/").await.0, 404);
    let has_children = |report: &Report| {
        let uuids: Vec<&str> = report.http_services.iter().map(|service| service.uuid.as_str()).collect();
        let all = ["blog", "cart", "parent", "shop"].map(|name| format!("virtualservice-{name}"));
        uuids == all && report.http_services.iter().all(|service| service.state == State::Up)
    };
    running.wait("states in the order of uuids", has_children).await;
    running.engine.shutdown().await;
}
