//! The controller in use follows the one that leads, and what the configuration says (amko 7.6, 12 lines 1, 3, 4).

use amko::AmkoEvent;
use k8s_crds::{GslbConfigStatus, Kind, Object};
use tokio::sync::watch;

use crate::controller::{Controller, Listening};
use crate::setting::{HOST, Setting, clusters, gslb_config, policy};

const ALL: [&str; 3] = ["127.10.23.40*2", "127.10.25.40*6", "127.10.26.40*4"];
const CHANGED: [&str; 3] = ["127.10.23.40*1", "127.10.25.40*6", "127.10.26.40*3"];
const ACCEPTED: &str = "success: gslb config accepted";
const FOLLOW: &str = "amko.vmware.com/follow-leader";

/// The configured controller is site-1; site-2 listens elsewhere.
struct Sites {
    setting: Setting,
    second: Option<Listening>,
    second_url: String,
}

impl Sites {
    async fn led_by(leader: &str) -> Self {
        let setting = Setting::new(Controller::new(), clusters()).await;
        let second = setting.controller.listen_as("cluster-2", "127.0.0.1:0").await;
        let port = |address: &str| address.rsplit_once(':').unwrap().1.parse().unwrap();
        let sites = [("site-1", "cluster-1", port(&setting.address)), ("site-2", "cluster-2", second.address.port())];
        setting.controller.set_sites(&sites);
        setting.controller.set_leader(leader);
        let second_url = format!("http://{}", second.address);
        Self { setting, second: Some(second), second_url }
    }

    fn status(&self) -> GslbConfigStatus {
        let Some(Object::GslbConfig(config)) = self.setting.leader().object(Kind::GslbConfig) else { panic!() };
        config.status.unwrap_or_default()
    }

    /// Waits until the config is accepted, with this controller in use in place of its own.
    async fn until_in_use(&self, controller: Option<&str>) {
        let expected = GslbConfigStatus { state: ACCEPTED.into(), controller: controller.map(str::to_owned) };
        self.setting.until(&format!("status {expected:?}"), |_| self.status() == expected).await;
    }

    fn second_in_use(&self) -> String {
        format!("{} (site site-2)", self.second_url)
    }
}

#[tokio::test]
async fn a_follower_leads_the_operator_to_the_leader() {
    let mut sites = Sites::led_by("cluster-2").await;
    sites.setting.start().await;
    let texts = sites.setting.until_event(|event| matches!(event, AmkoEvent::ControllerMoved { .. })).await;
    let first = format!("http://{}", sites.setting.address);
    let expected = format!("controller {} in use, not {first}: {first} follows another site", sites.second_url);
    assert_eq!(texts.last().unwrap(), &expected);
    sites.setting.until_members(&ALL).await;
    sites.until_in_use(Some(&sites.second_in_use())).await;
    let told = sites.setting.leader().statuses();
    assert!(!told.iter().any(|status| status.contains("error")), "{told:?}");
}

// catalogue amko: 102
#[tokio::test]
async fn the_operator_goes_on_with_each_new_leader_and_back() {
    let mut sites = Sites::led_by("cluster-1").await;
    sites.setting.start().await;
    sites.until_in_use(None).await;
    sites.setting.controller.take_asked();
    sites.setting.controller.set_leader("cluster-2");
    sites.setting.leader().apply(policy([6, 3, 1]));
    sites.setting.until_members(&CHANGED).await;
    sites.until_in_use(Some(&sites.second_in_use())).await;
    // Refused by the one, done by the other.
    assert_eq!(
        sites.setting.controller.writes(),
        [format!("PUT /api/gslbservice {HOST}"), format!("PUT /api/gslbservice {HOST}")]
    );
    sites.setting.controller.set_leader("cluster-1");
    sites.setting.leader().apply(policy([6, 4, 2]));
    sites.setting.until_members(&ALL).await;
    sites.until_in_use(None).await;
}

#[tokio::test]
async fn a_leader_that_is_gone_is_found_at_another_site_once_that_leads() {
    let mut sites = Sites::led_by("cluster-1").await;
    sites.setting.start().await;
    sites.until_in_use(None).await;
    sites.setting.stop_controller();
    sites.setting.leader().apply(policy([6, 3, 1]));
    sites.setting.until_event(|event| matches!(event, AmkoEvent::ControllerMoved { .. })).await;
    sites.setting.controller.take_asked();
    // The other site still says that the one that is gone leads.
    let asks = |s: &Setting| s.controller.asked().iter().filter(|line| *line == "GET /api/gslb").count();
    sites.setting.until("it asks the other site", |s| asks(s) >= 1).await;
    assert_eq!(sites.setting.controller.members(HOST), ALL);
    sites.setting.controller.set_leader("cluster-2");
    sites.setting.until_members(&CHANGED).await;
    sites.until_in_use(Some(&sites.second_in_use())).await;
    // The first returns as a follower, and the other site falls away in turn.
    sites.setting.start_controller().await;
    sites.second = None;
    sites.setting.controller.set_leader("cluster-1");
    sites.setting.leader().apply(policy([6, 4, 2]));
    sites.setting.until_members(&ALL).await;
    sites.until_in_use(None).await;
}

/// A third site, so that there is a majority.
async fn three_sites() -> (Sites, Listening) {
    let mut sites = Sites::led_by("cluster-1").await;
    let third = sites.setting.controller.listen_as("cluster-3", "127.0.0.1:0").await;
    let port = |address: &str| address.rsplit_once(':').unwrap().1.parse().unwrap();
    sites.setting.controller.set_sites(&[
        ("site-1", "cluster-1", port(&sites.setting.address)),
        ("site-2", "cluster-2", port(&sites.second_url)),
        ("site-3", "cluster-3", third.address.port()),
    ]);
    sites.setting.start().await;
    sites.until_in_use(None).await;
    (sites, third)
}

#[tokio::test]
async fn a_silent_controller_is_left_as_soon_as_most_sites_say_that_another_leads() {
    let (mut sites, _third) = three_sites().await;
    // It takes calls and never answers: the one that writes would wait for two minutes.
    sites.setting.controller.set_silent("cluster-1", true);
    sites.setting.leader().apply(policy([6, 3, 1]));
    let others_asked = |s: &Setting| s.controller.asked().iter().filter(|line| *line == "GET /api/gslb").count();
    sites.setting.controller.take_asked();
    sites.setting.until("the others to be asked", |s| others_asked(s) >= 2).await;
    assert_eq!(sites.setting.controller.members(HOST), ALL, "nobody else leads yet");
    sites.setting.controller.set_leader("cluster-2");
    let texts = sites.setting.until_event(|event| matches!(event, AmkoEvent::ControllerMoved { .. })).await;
    let reason = "does not answer, and most sites say that another leads";
    assert!(texts.last().unwrap().ends_with(reason), "{texts:#?}");
    sites.setting.until_members(&CHANGED).await;
    sites.until_in_use(Some(&sites.second_in_use())).await;
}

#[tokio::test]
async fn a_slow_controller_that_leads_is_waited_for() {
    let (mut sites, _third) = three_sites().await;
    sites.setting.controller.set_silent("cluster-1", true);
    sites.setting.leader().apply(policy([6, 3, 1]));
    let others_asked = |s: &Setting| s.controller.asked().iter().filter(|line| *line == "GET /api/gslb").count();
    sites.setting.controller.take_asked();
    sites.setting.until("two rounds at both others", |s| others_asked(s) >= 4).await;
    sites.setting.controller.set_silent("cluster-1", false);
    sites.setting.until_members(&CHANGED).await;
    assert_eq!(sites.status().controller, None);
    assert_eq!(sites.setting.controller.writes(), [format!("PUT /api/gslbservice {HOST}")], "written once");
    sites.setting.events.close();
    while let Some(event) = sites.setting.events.recv().await {
        let is_trouble = matches!(event, AmkoEvent::ControllerMoved { .. } | AmkoEvent::ControllerAway { .. });
        assert!(!is_trouble, "{event}");
    }
}

#[tokio::test]
async fn who_has_nothing_to_write_finds_the_new_leader_too() {
    let (sites, _third) = three_sites().await;
    sites.setting.controller.set_leader("cluster-3");
    let in_use = |s: &Sites| s.status().controller.is_some_and(|controller| controller.ends_with("(site site-3)"));
    sites.setting.until("the new leader in use", |_| in_use(&sites)).await;
}

#[tokio::test]
async fn who_is_told_not_to_follow_waits_at_the_follower() {
    let mut sites = Sites::led_by("cluster-2").await;
    let Object::GslbConfig(mut config) = gslb_config() else { panic!() };
    config.metadata.annotations = Some([(FOLLOW.to_owned(), "false".to_owned())].into());
    sites.setting.leader().apply(Object::GslbConfig(config));
    sites.setting.start().await;
    let text = "error: controller not a leader";
    sites.setting.until("a status", |s| s.leader().statuses().iter().any(|status| status == text)).await;
    assert_eq!(sites.setting.controller.writes(), [""; 0]);
    sites.setting.leader().apply(gslb_config());
    sites.setting.until_members(&ALL).await;
    sites.until_in_use(Some(&sites.second_in_use())).await;
}

#[tokio::test]
async fn a_wrong_password_is_told_in_the_status_and_the_right_one_is_used_at_once() {
    let mut setting = Setting::new(Controller::new(), clusters()).await;
    setting.controller.set_password("changed");
    let (controllers, receiver) = watch::channel(setting.config().controller);
    setting.start_following(receiver).await;
    let text = "error: issue in connecting to the controller API, ";
    setting.until("a status", |s| s.leader().statuses().last().is_some_and(|last| last.starts_with(text))).await;
    let told = setting.leader().statuses();
    assert!(told.last().unwrap().contains("Invalid credentials"), "{told:?}");
    controllers.send_modify(|config| config.password = "changed".into());
    setting.until_members(&ALL).await;
    let accepted = |s: &Setting| s.leader().statuses().last().is_some_and(|last| last == ACCEPTED);
    setting.until("it is accepted", accepted).await;

    // Changed on the controller first: the session goes on, and with its end the trouble shows.
    setting.controller.set_password("changed again");
    controllers.send_modify(|config| config.password = "wrong".into());
    setting.until("a status", |s| s.leader().statuses().last().is_some_and(|last| last.starts_with(text))).await;
    controllers.send_modify(|config| config.password = "changed again".into());
    setting.until("it is accepted", accepted).await;
}

#[tokio::test]
async fn another_address_is_used_without_a_restart() {
    let mut setting = Setting::new(Controller::new(), clusters()).await;
    let other = Controller::new();
    let listening = other.listen("127.0.0.1:0").await;
    let (controllers, receiver) = watch::channel(setting.config().controller);
    setting.start_following(receiver).await;
    setting.until_members(&ALL).await;
    controllers.send_modify(|config| config.base_url = format!("http://{}", listening.address));
    let texts = setting.until_event(|event| matches!(event, AmkoEvent::ControllerMoved { .. })).await;
    assert!(texts.last().unwrap().ends_with(": GSLB Leader IP changed"), "{texts:?}");
    setting.until("the members there", |_| other.members(HOST) == ALL).await;
}
