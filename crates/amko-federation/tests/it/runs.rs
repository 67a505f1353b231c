//! What a run says and writes, given what the clusters say.

use amko_federation::{Copied, Copies, Member, Mode, NAMESPACE, Run, Standing, Stop, Write};
use k8s_crds::AmkoCluster;
use serde_json::{Value, json};

fn cluster(context: &str, is_leader: bool) -> AmkoCluster {
    let mut cluster = AmkoCluster::default();
    cluster.metadata.namespace = Some(NAMESPACE.to_owned());
    cluster.metadata.name = Some("amkocluster-federation".to_owned());
    cluster.spec.cluster_context = context.to_owned();
    cluster.spec.clusters = vec!["c1".to_owned(), "c2".to_owned(), "c3".to_owned()];
    cluster.spec.is_leader = is_leader;
    cluster.spec.version = "2.2.1".to_owned();
    cluster
}

fn by_hand(_: &AmkoCluster) -> Mode {
    Mode::ByHand
}

/// The run up to the validation of the members, and why it ended.
fn validated(own: &AmkoCluster, mode: Mode, members: &[(&str, Member)]) -> (Run, Option<Stop>) {
    let mut run = Run::begin(std::slice::from_ref(own), |_| mode).unwrap();
    if let Err(stop) = run.check_own() {
        return (run, Some(stop));
    }
    let contexts = Ok(["c1", "c2", "c3"].map(str::to_owned).to_vec());
    if let Err(stop) = run.others(&contexts) {
        return (run, Some(stop));
    }
    let members: Vec<_> = members.iter().map(|(context, member)| ((*context).to_owned(), member.clone())).collect();
    let stop = run.validate(&members).err();
    (run, stop)
}

fn answered(clusters: &[AmkoCluster]) -> Member {
    Member::Answered(clusters.to_vec())
}

fn followers() -> [(&'static str, Member); 2] {
    [("c2", answered(&[cluster("c2", false)])), ("c3", answered(&[cluster("c3", false)]))]
}

/// `type / status / reason` of the last condition.
fn last(run: &Run) -> String {
    let condition = run.conditions().last().unwrap();
    format!("{} / {} / {}", condition.kind, condition.status, condition.reason)
}

// catalogue amko: 175
#[test]
fn an_object_that_lacks_what_it_must_have_is_invalid_and_nothing_is_federated() {
    type Spoil = fn(&mut AmkoCluster);
    let cases: [(Spoil, &str); 3] = [
        (|own| own.spec.version.clear(), "version field can't be empty in AMKOCluster object"),
        (|own| own.spec.cluster_context.clear(), "clusterContext field can't be empty in AMKOCluster object"),
        (|own| own.metadata.namespace = Some("default".to_owned()), "AMKOCluster's namespace is not avi-system"),
    ];
    for (spoil, reason) in cases {
        let mut own = cluster("c1", true);
        spoil(&mut own);
        let (run, stop) = validated(&own, Mode::ByHand, &followers());
        assert_eq!(last(&run), format!("current AMKOCluster Validation / invalid AMKOCluster object / {reason}"));
        assert_eq!((run.conditions().len(), stop), (1, Some(Stop::Settled)));
        assert_eq!(run.standing(), &Standing::Refused(reason.to_owned()));
        assert!(run.valid().is_empty());
    }
}

// catalogue amko: 176
#[test]
fn an_own_context_that_is_not_in_the_list_is_a_hard_failure() {
    let mut own = cluster("c1", true);
    own.spec.clusters = vec!["c2".to_owned()];
    let (run, stop) = validated(&own, Mode::ByHand, &followers());
    let reason =
        "error in initialising member cluster contexts: current cluster context c1 not part of member clusters";
    assert_eq!(last(&run), format!("member cluster initialisation / member cluster clients invalid / {reason}"));
    assert_eq!(stop, Some(Stop::Error(reason.to_owned())));
}

// catalogue amko: 177
#[test]
fn an_unknown_context_is_a_hard_failure_and_a_federation_of_one_has_nothing_to_do() {
    let mut own = cluster("c1", true);
    own.spec.clusters.push("c9".to_owned());
    let (run, _) = validated(&own, Mode::ByHand, &followers());
    assert!(last(&run).starts_with(
        "member cluster initialisation / member cluster clients invalid / error in initialising member cluster \
         contexts: error in building context config for kubernetes cluster c9: "
    ));
    assert!(matches!(run.standing(), Standing::Refused(_)));

    own.spec.clusters = vec!["c1".to_owned()];
    let (run, stop) = validated(&own, Mode::ByHand, &followers());
    assert_eq!(stop, Some(Stop::Error("no valid cluster contexts found".to_owned())));
    assert_eq!((run.conditions().len(), run.standing()), (1, &Standing::Leads));
}

// catalogue amko: 178
#[test]
fn a_sound_federation_says_so_five_times_in_order() {
    let (mut run, stop) = validated(&cluster("c1", true), Mode::ByHand, &followers());
    assert_eq!((stop, run.standing()), (None, &Standing::Leads));
    let config = json!({"kind": "GSLBConfig", "metadata": {"name": "gc-1", "namespace": NAMESPACE}, "spec": {}});
    for kind in [Copied::Config, Copied::Policy] {
        let there: Vec<(String, Result<Vec<Value>, String>)> =
            run.valid().iter().map(|context| (context.clone(), Ok(vec![]))).collect();
        let copies = run.copies(kind, &Ok(vec![config.clone()]), &there).unwrap();
        let to: Vec<&str> = copies.writes.iter().map(|(context, _)| context.as_str()).collect();
        assert_eq!(to, ["c2", "c3"]);
        assert!(copies.writes.iter().all(|(_, write)| matches!(write, Write::Create { .. })));
        run.federated(kind, copies.reasons);
    }
    let shown: Vec<_> = run.conditions().iter().map(|c| (&*c.kind, &*c.status, &*c.reason)).collect();
    let copied = "federated to all valid clusters successfully";
    assert_eq!(
        shown,
        [
            ("current AMKOCluster Validation", "valid AMKOCluster object", ""),
            ("member cluster initialisation", "all cluster clients fetched", ""),
            ("member cluster validation", "validated all member clusters", ""),
            ("GSLBConfig Federation", copied, ""),
            ("GDP Federation", copied, ""),
        ]
    );
}

// catalogue amko: 180, 181, 113
#[test]
fn a_member_that_cannot_take_part_is_told_and_the_others_go_on() {
    let mut newer = cluster("c2", false);
    newer.spec.version = "2.3.0".to_owned();
    for (member, expected) in [
        (answered(&[newer]), "version mismatch, current AMKO: 2.2.1, AMKO in cluster c2: 2.3.0"),
        (answered(&[]), "no AMKOCluster object present in cluster c2, can't federate"),
        (
            answered(&[cluster("c2", false), cluster("c2", false)]),
            "more than one AMKOCluster objects present in cluster c2, can't federate",
        ),
        (Member::Silent("no route".to_owned()), "error in getting AMKOCluster list for cluster c2: no route"),
    ] {
        let both = [("c2", member.clone()), ("c3", answered(&[cluster("c3", false)]))];
        let (run, stop) = validated(&cluster("c1", true), Mode::ByHand, &both);
        let said = "member cluster validation / error in validating some member clusters";
        assert_eq!((last(&run), stop), (format!("{said} / {expected}"), None));
        assert_eq!(run.valid().iter().collect::<Vec<_>>(), ["c3"]);
        assert_eq!(run.standing(), &Standing::Leads, "a member that is down stops nobody");

        let (run, stop) = validated(&cluster("c1", true), Mode::ByHand, &[("c2", member)]);
        assert_eq!(stop, Some(Stop::Error(expected.to_owned())), "nobody is left");
        assert_eq!(run.standing(), &Standing::Leads);
    }
    let both = [("c2", Member::Unusable("bad".to_owned())), ("c3", answered(&[cluster("c3", false)]))];
    let (run, stop) = validated(&cluster("c1", true), Mode::ByHand, &both);
    assert_eq!(stop, None);
    assert_eq!(run.conditions()[1].status, "some member cluster clients couldn't be fetched");
    assert_eq!(run.conditions()[1].reason, "error in initializing member custer context c2: bad");
}

// catalogue amko: 111, 182
#[test]
fn a_second_leader_stops_this_one() {
    let both = [("c2", answered(&[cluster("c2", true)])), ("c3", answered(&[cluster("c3", false)]))];
    let (run, _) = validated(&cluster("c1", true), Mode::ByHand, &both);
    let reason = "AMKO in cluster c2 is also a leader, conflicting state";
    assert_eq!(last(&run), format!("member cluster validation / member cluster clients invalid / {reason}"));
    assert_eq!(run.standing(), &Standing::Refused(reason.to_owned()));
    assert!(run.valid().is_empty());
}

// catalogue amko: 112
#[test]
fn own_leader_and_other_followers_lead() {
    let (run, _) = validated(&cluster("c1", true), Mode::ByHand, &followers());
    assert_eq!(run.standing(), &Standing::Leads);
}

#[test]
fn who_elects_does_not_mind_a_wish_to_lead_but_a_leader_by_hand() {
    let mut own = cluster("c1", false);
    own.spec.leader_election = Some(true);
    let mut wishing = cluster("c2", true);
    wishing.spec.leader_election = Some(true);
    let lead = Mode::ByLease { leads: true };
    let (run, _) = validated(&own, lead, &[("c2", answered(&[wishing.clone()]))]);
    assert_eq!(run.standing(), &Standing::Leads);
    let (run, _) = validated(&own, lead, &[("c2", answered(&[cluster("c2", true)]))]);
    assert!(matches!(run.standing(), Standing::Refused(_)));
    let (run, _) = validated(&cluster("c1", true), Mode::ByHand, &[("c2", answered(&[wishing]))]);
    assert!(matches!(run.standing(), Standing::Refused(_)));
    let (run, stop) = validated(&own, Mode::ByLease { leads: false }, &followers());
    assert_eq!((run.standing(), stop), (&Standing::Follows, Some(Stop::Settled)));
}

// catalogue amko: 185
#[test]
fn who_does_not_lead_federates_nothing() {
    let (run, stop) = validated(&cluster("c1", false), Mode::ByHand, &followers());
    assert_eq!(last(&run), "current AMKOCluster Validation / won't federate objects / AMKO not a leader");
    assert_eq!((run.standing(), stop), (&Standing::Follows, Some(Stop::Settled)));
}

// catalogue amko: 189
#[test]
fn two_objects_are_an_error_without_a_condition_and_none_is_nothing_to_do() {
    let two = [cluster("c1", true), cluster("c1", true)];
    let stop = Run::begin(&two, by_hand).unwrap_err();
    assert_eq!(stop, Stop::Error("only one AMKOClusterObject allowed per cluster".to_owned()));
    assert_eq!(Run::begin(&[], by_hand).unwrap_err(), Stop::Nothing);
}

#[test]
fn several_objects_on_the_leader_are_not_chosen_from_and_what_fails_at_a_member_is_said() {
    let (mut run, _) = validated(&cluster("c1", true), Mode::ByHand, &followers());
    let object = |name: &str| json!({"metadata": {"name": name}});
    let stop = run.copies(Copied::Policy, &Ok(vec![object("a"), object("b")]), &[]).unwrap_err();
    let reason = "more than one GlobalDeploymentPolicies are present in the current cluster";
    assert_eq!(stop, Stop::Error(reason.to_owned()));
    assert_eq!(last(&run), format!("GDP Federation / failure in federation / {reason}"));
    assert_eq!(run.standing(), &Standing::Leads);

    let silent = [("c2".to_owned(), Err("no route".to_owned()))];
    let Copies { writes, mut reasons } = run.copies(Copied::Config, &Ok(vec![object("gc")]), &silent).unwrap();
    assert!(writes.is_empty());
    let failed = Write::Replace { name: "gc".to_owned(), body: Value::Null };
    reasons.push(failed.failure(Copied::Config, "c3", "conflict"));
    run.federated(Copied::Config, reasons);
    assert_eq!(
        run.conditions().iter().find(|c| c.kind == "GSLBConfig Federation").unwrap().reason,
        "can't list GSLBConfigs in avi-system namespace for c2 cluster: no route,\
         can't update object avi-system/gc on cluster c3: conflict"
    );
}
