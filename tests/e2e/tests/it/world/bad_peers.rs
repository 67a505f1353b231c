//! An operator that is told wrong things about its controller.

use std::fs;

use super::{CONTROLLER, World};

impl World {
    /// Starts the operator with this password and this authority, in place of what the leader's Secret says.
    pub(crate) fn start_amko_with(&mut self, password: &str, authority: &str) {
        let (leader, members) = (self.path("kube/leader.kubeconfig"), self.path("kube/members.kubeconfig"));
        let (password_file, ca, url) =
            (self.path("a-password"), self.path("a-ca.pem"), format!("https://{CONTROLLER}"));
        fs::write(&password_file, password).unwrap();
        fs::write(&ca, authority).unwrap();
        let clusters = ["--kubeconfig", &leader, "--members-kubeconfig", &members];
        let controller = ["--controller", &url, "--password-file", &password_file, "--ca", &ca];
        self.spawn("amko", &[&clusters[..], &controller[..]].concat());
    }

    /// Waits until the operator's log says so.
    #[track_caller]
    pub(crate) fn wait_for_word_of_amko(&self, text: &str) {
        self.wait(text, || self.log("amko").contains(text));
    }

    /// What the controller's clients should trust, and the password of its administrator.
    pub(crate) fn credentials(&self) -> (String, String) {
        (fs::read_to_string(self.path("controller/ca.pem")).unwrap(), self.password())
    }
}
