//! Passes on what operators tell: to the HTTP interface and to the events of the leader cluster.
//!
//! It outlives the operators, which begin anew when other members are named.

use std::sync::Arc;

use avi_client::chain;
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::announce::{Announcer, Item};
use crate::spec::ApiListen;
use crate::{Amko, AmkoEvent, Api, EVENTS_WAITING_MAX, Progress};

/// Who passes on.
pub(crate) struct Herald {
    events: mpsc::Sender<AmkoEvent>,
    shared: Arc<Shared>,
    _task: JoinSet<()>,
}

struct Shared {
    api: Option<Api>,
    announcer: Mutex<Announcer>,
}

impl Herald {
    /// With the announcements that somebody is to write.
    ///
    /// # Errors
    /// The address of the interface cannot be had, and somebody asked for it.
    pub(crate) async fn start(
        listen: ApiListen,
        progress: watch::Receiver<Progress>,
    ) -> anyhow::Result<(Self, mpsc::Receiver<Item>)> {
        let api = api(listen).await?;
        let (announcer, items) = Announcer::new();
        let shared = Arc::new(Shared { api, announcer: Mutex::new(announcer) });
        let (events, told) = mpsc::channel(EVENTS_WAITING_MAX);
        let mut task = JoinSet::new();
        task.spawn(pass_on(Arc::clone(&shared), progress, told));
        Ok((Self { events, shared, _task: task }, items))
    }

    /// Where operators tell what happens.
    pub(crate) fn events(&self) -> mpsc::Sender<AmkoEvent> {
        self.events.clone()
    }

    /// This operator is the one from now on.
    pub(crate) fn present(&self, amko: &Amko) {
        if let Some(api) = &self.shared.api {
            api.show(amko);
        }
    }
}

async fn pass_on(shared: Arc<Shared>, progress: watch::Receiver<Progress>, mut told: mpsc::Receiver<AmkoEvent>) {
    while let Some(event) = told.recv().await {
        if let Some(api) = &shared.api {
            api.note(&event);
        }
        shared.announcer.lock().note(&event, &progress.borrow());
    }
}

/// AMKO's HTTP interface, as far as it is wanted. One that nobody asked for is done without where its port is taken.
async fn api(listen: ApiListen) -> anyhow::Result<Option<Api>> {
    let api = match listen {
        ApiListen::Off => return Ok(None),
        ApiListen::At(address) => Api::start(address).await?,
        ApiListen::IfFree(address) => match Api::start(address).await {
            Ok(api) => api,
            Err(error) => {
                tracing::warn!(reason = chain(&error), "no HTTP interface");
                return Ok(None);
            }
        },
    };
    tracing::info!(api = %api.local_addr(), "HTTP interface answers");
    Ok(Some(api))
}
