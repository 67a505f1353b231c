//! Dependencies between crates go down: apps, edges, logic, vocabulary. And the lower two are free of I/O.
//!
//! A crate names its layer in `package.metadata.layer`. What may depend on what is [`allows`] and the table
//! [`SIDEWAYS`]; [`check`] is pure, [`graph`] reads `cargo metadata`.

mod graph;

use std::fmt::{self, Write};

use anyhow::{Context, bail};

use crate::workshop::{Workshop, platform};
use graph::{Graph, Member};

/// From the top down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Layer {
    /// Wiring only.
    App,
    /// Async, sockets, clock, dice.
    Edge,
    /// Values in, values out.
    Logic,
    /// Types, parsing, invariants.
    Vocabulary,
}

/// Arrows inside a layer: from, to. Few, and each an answer to "why is this not one crate?".
const SIDEWAYS: [(&str, &str); 18] = [
    // The one binary has a subcommand per part; the demo plays several parts in one process.
    ("meridian", "ako"),
    ("meridian", "amko"),
    ("meridian", "cli"),
    ("meridian", "controller"),
    ("meridian", "demo"),
    ("meridian", "service-engine"),
    ("demo", "ako"),
    ("demo", "amko"),
    ("demo", "controller"),
    ("demo", "service-engine"),
    // A benchmark drives the part it measures.
    ("bench", "service-engine"),
    // The store's trait is the one port that edges share.
    ("controller-api", "store"),
    ("store-embedded", "store"),
    // So is that of a cluster: a kube client stays out of the crate that reads manifests.
    ("k8s-watch-api", "k8s-watch"),
    // An answer asks for a decision, and a decision for health.
    ("dns-answer", "gslb"),
    ("dns-answer", "health"),
    // Messages carry domain nouns.
    ("se-protocol", "model"),
    // So do tables of places.
    ("geo", "model"),
];

/// Crates that mean I/O; logic and vocabulary are built without them.
const IO_CRATES: [&str; 5] = ["axum", "hyper", "kube", "reqwest", "tokio"];

/// Something odd about one crate.
#[derive(Debug, PartialEq, Eq)]
enum Oddity {
    /// `package.metadata.layer` is missing or no layer.
    NoLayer { krate: String },
    /// An arrow that goes up, or sideways without being listed.
    Arrow { from: String, from_layer: Layer, to: String, to_layer: Layer },
    /// Logic or vocabulary that needs I/O; the path says through whom.
    Io { layer: Layer, path: Vec<String> },
}

/// Draw the graph, point at odd arrows.
///
/// # Errors
/// There are odd arrows, or `cargo metadata` failed.
pub(crate) fn run(workshop: &Workshop) -> anyhow::Result<()> {
    let output = workshop
        .cargo()
        .args(["metadata", "--format-version", "1", "--filter-platform", &platform()])
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("starting cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata ended with {}", output.status);
    }
    let graph = Graph::parse(&output.stdout)?;
    print!("{}", draw(&graph));
    let oddities = check(&graph);
    for oddity in &oddities {
        println!("error: {oddity}");
    }
    match oddities.len() {
        0 => Ok(()),
        many => bail!("{many} odd dependencies; what is allowed is told in xtask/src/layers.rs"),
    }
}

fn check(graph: &Graph) -> Vec<Oddity> {
    let mut oddities = Vec::new();
    for member in &graph.members {
        let Some(layer) = member.layer() else {
            oddities.push(Oddity::NoLayer { krate: member.name.clone() });
            continue;
        };
        for to in graph.members.iter().filter(|other| member.uses.contains(&other.name)) {
            let Some(to_layer) = to.layer() else { continue }; // told at its own turn
            if !allows(&member.name, layer, &to.name, to_layer) {
                let (from, to) = (member.name.clone(), to.name.clone());
                oddities.push(Oddity::Arrow { from, from_layer: layer, to, to_layer });
            }
        }
        if matches!(layer, Layer::Logic | Layer::Vocabulary) {
            let paths = IO_CRATES.iter().filter_map(|krate| graph.path(member, krate));
            oddities.extend(paths.map(|path| Oddity::Io { layer, path }));
        }
    }
    oddities
}

fn allows(from: &str, from_layer: Layer, to: &str, to_layer: Layer) -> bool {
    from_layer < to_layer || SIDEWAYS.contains(&(from, to))
}

/// A block per layer, a line per crate with what it uses of ours.
fn draw(graph: &Graph) -> String {
    let mut out = String::new();
    let width = graph.members.iter().map(|member| member.name.len()).max().unwrap_or(0);
    for layer in [Layer::App, Layer::Edge, Layer::Logic, Layer::Vocabulary] {
        let _ = writeln!(out, "{layer}");
        for member in graph.members.iter().filter(|member| member.layer() == Some(layer)) {
            let ours: Vec<_> = graph.members.iter().filter(|other| member.uses.contains(&other.name)).collect();
            let names: Vec<_> = ours.iter().map(|other| other.name.as_str()).collect();
            let arrow = if names.is_empty() { "" } else { " -> " };
            let line = format!("  {:<width$}{arrow}{}", member.name, names.join(" "));
            let _ = writeln!(out, "{}", line.trim_end());
        }
    }
    out
}

impl Layer {
    fn from_name(name: &str) -> Option<Self> {
        [Self::App, Self::Edge, Self::Logic, Self::Vocabulary].into_iter().find(|layer| layer.to_string() == name)
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::App => "app",
            Self::Edge => "edge",
            Self::Logic => "logic",
            Self::Vocabulary => "vocabulary",
        })
    }
}

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLayer { krate } => {
                write!(f, "{krate} names no layer; put `layer = \"app|edge|logic|vocabulary\"` in [package.metadata]")
            }
            Self::Arrow { from, from_layer, to, to_layer } if from_layer == to_layer => {
                write!(f, "{from} -> {to} goes sideways in {from_layer} and is not listed")
            }
            Self::Arrow { from, from_layer, to, to_layer } => {
                write!(f, "{from} ({from_layer}) -> {to} ({to_layer}) goes up")
            }
            Self::Io { layer, path } => write!(f, "{layer} must not do I/O: {}", path.join(" -> ")),
        }
    }
}

impl Member {
    fn layer(&self) -> Option<Layer> {
        Layer::from_name(self.layer_name.as_deref()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(members: &[(&str, &str, &[&str])], others: &[(&str, &[&str])]) -> Graph {
        Graph::of(members, others)
    }

    fn oddities(graph: &Graph) -> Vec<String> {
        check(graph).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn arrows_that_go_down_or_are_listed_are_fine() {
        let graph = graph(
            &[
                ("controller", "app", &["store", "objects", "model"]),
                ("store-embedded", "edge", &["store", "tokio"]),
                ("store", "edge", &["tokio"]),
                ("objects", "logic", &["model"]),
                ("model", "vocabulary", &["serde"]),
            ],
            &[("tokio", &[]), ("serde", &[])],
        );
        assert_eq!(oddities(&graph), [""; 0]);
    }

    #[test]
    fn arrows_up_and_unlisted_arrows_sideways_are_odd() {
        let graph = graph(
            &[
                ("health", "logic", &["telemetry"]),
                ("reconcile", "logic", &["health"]),
                ("telemetry", "edge", &[]),
                ("lost", "middle", &[]),
            ],
            &[],
        );
        assert_eq!(
            oddities(&graph),
            [
                "health (logic) -> telemetry (edge) goes up",
                "lost names no layer; put `layer = \"app|edge|logic|vocabulary\"` in [package.metadata]",
                "reconcile -> health goes sideways in logic and is not listed",
            ]
        );
    }

    #[test]
    fn io_below_logic_is_found_through_others() {
        let graph = graph(
            &[("gslb", "logic", &["model"]), ("model", "vocabulary", &["fancy"])],
            &[("fancy", &["hyper"]), ("hyper", &[])],
        );
        assert_eq!(
            oddities(&graph),
            [
                "logic must not do I/O: gslb -> model -> fancy -> hyper",
                "vocabulary must not do I/O: model -> fancy -> hyper",
            ]
        );
    }

    #[test]
    fn the_drawing_has_a_line_per_crate() {
        let graph = graph(&[("amko", "app", &["model", "serde"]), ("model", "vocabulary", &[])], &[("serde", &[])]);
        assert_eq!(draw(&graph), "app\n  amko  -> model\nedge\nlogic\nvocabulary\n  model\n");
    }
}
