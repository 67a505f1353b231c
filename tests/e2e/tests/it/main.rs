//! Stories told to the real binary: separate processes, `dig` and `curl` as clients, a network namespace per test.
//!
//! `MERIDIAN_BIN` names the binary (`cargo xtask ci` builds it and sets the variable). Where the machine has no
//! namespaces for this user, or lacks `dig`, `ip` or `nsenter`, the tests say so and pass without running.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot go on fails or says why")]

mod apart;
mod away;
mod bad_input;
mod bad_peers;
mod blackouts;
mod charts;
mod clusters;
mod custom_names;
mod demo;
mod disk_full;
mod explain;
mod federation;
mod first_ingress;
mod geo;
mod groups;
mod health;
mod health_proxies;
mod in_cluster;
mod kill;
mod load;
mod logs;
mod lone;
mod name_servers;
mod page_churn;
mod pages;
mod probe_sharing;
mod routes;
mod sdk;
mod service_discovery;
mod sites;
mod story;
mod two_sites;
mod uninstall;
mod waiting;
mod world;
