//! One kind, listed and watched for as long as someone listens.

use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use k8s_crds::Kind;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ListMeta;
use kube::Client;
use kube::api::{ListParams, WatchEvent, WatchParams};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use crate::access::Connection;
use crate::back_off::BackOff;
use crate::merge::News;
use crate::page;
use crate::resource::{decode, key, resource};
use crate::trouble::{Trouble, Verb, is_gone};

/// Objects in one page of a list: bounds what a page costs in memory, here and at the API server.
const PAGE: u32 = 500;
/// Objects for which room is made because the server says that they follow.
const RESERVED_MAX: usize = 50_000;
/// The server is asked to end a watch after this; it goes on where it ended.
const WATCH: Duration = Duration::from_secs(50);
/// A watch that outlives its end by this has lost its server.
const WATCH_OVERDUE: Duration = Duration::from_secs(10);
/// A watch that ended sooner, without an event, was refused in effect.
const WATCH_BRIEF: Duration = Duration::from_secs(1);

/// One kind of one cluster.
pub(crate) struct Follower {
    pub(crate) cluster: Arc<str>,
    pub(crate) kind: Kind,
    /// What of the kind is read.
    pub(crate) scope: Scope,
    pub(crate) connection: Arc<Connection>,
    pub(crate) news: mpsc::Sender<News>,
}

/// What of a kind is read; by default everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// One namespace; all when `None`.
    pub namespace: Option<String>,
    /// A field selector, for example `type!=helm.sh/release.v1`.
    pub fields: Option<String>,
}

/// Nobody listens any more.
struct Deaf;

/// Why a round ended.
enum End {
    Deaf,
    Trouble(Trouble),
}

impl From<Deaf> for End {
    fn from(_: Deaf) -> Self {
        Self::Deaf
    }
}

impl From<Trouble> for End {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

/// From where to watch.
#[derive(Default)]
struct Position {
    /// Resource version; to be listed when `None`.
    revision: Option<String>,
    /// The server was away, and may not be what it was.
    is_doubtful: bool,
}

/// So many times in a row a server may ask for a moment, some three seconds in all, before that is told.
const BUSY_UNTOLD: u32 = 5;

/// Kinds that a cluster may do without: their definition came later than the others, or is another product's.
fn is_optional(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::GslbHostRule
            | Kind::HostRule
            | Kind::MultiClusterIngress
            | Kind::Route
            | Kind::ServiceImport
            | Kind::ClusterSet
    )
}

impl Follower {
    /// Follows until nobody listens.
    pub(crate) async fn run(self) {
        let mut back_off = BackOff::default();
        let mut position = Position::default();
        loop {
            let trouble = match self.round(&mut position, &mut back_off).await {
                Ok(()) => continue,
                Err(End::Deaf) => return,
                Err(End::Trouble(trouble)) => trouble,
            };
            if is_optional(self.kind) && self.is_unserved(&trouble).await {
                // Whose definition is not there, of that there are no objects.
                let (objects, unreadable) = (Vec::new(), Vec::new());
                if self.tell(News::Served(self.kind, false)).await.is_err()
                    || self.tell(News::Listed { kind: self.kind, objects, unreadable }).await.is_err()
                    || self.tell(News::Trouble(self.kind, None)).await.is_err()
                {
                    return;
                }
                tokio::select! {
                    () = sleep(back_off.next(rand::random())) => {}
                    () = self.news.closed() => return,
                }
                position = Position::default();
                continue;
            }
            match trouble {
                Trouble::Gone => position = Position::default(),
                _ => position.is_doubtful = true,
            }
            tracing::debug!(cluster = %self.cluster, kind = %self.kind, reason = ?trouble, "watch interrupted");
            let is_for_a_moment = trouble.is_busy() && back_off.failures() < BUSY_UNTOLD;
            if let Some(problem) = trouble.problem(&self.cluster, self.kind)
                && !is_for_a_moment
                && self.tell(News::Trouble(self.kind, Some(problem))).await.is_err()
            {
                return;
            }
            let pause = back_off.next(rand::random());
            tokio::select! {
                () = sleep(pause) => {}
                () = self.news.closed() => return,
            }
        }
    }

    /// Whether the trouble is that the kind is not defined. Who may not list it is refused before that comes to light,
    /// so that the API server is asked which kinds it serves.
    async fn is_unserved(&self, trouble: &Trouble) -> bool {
        if !trouble.is_forbidden() {
            return trouble.is_unserved();
        }
        let Ok((client, _)) = self.connection.client().await else { return false };
        let resource = resource(self.kind);
        let group_version = resource.group_version();
        let answer = timeout(self.connection.answer_max, client.list_api_group_resources(&group_version)).await;
        match answer {
            Ok(Ok(list)) => !list.resources.iter().any(|served| served.name == resource.plural),
            Ok(Err(error)) => Trouble::of(Verb::List, error).is_unserved(),
            Err(_) => false,
        }
    }

    /// A list, where the last position is not known or no longer kept, and a watch.
    async fn round(&self, position: &mut Position, back_off: &mut BackOff) -> Result<(), End> {
        let (client, generation) = self.connection.client().await.map_err(Trouble::Access)?;
        let end = self.list_and_watch(&client, position, back_off).await;
        if let Err(End::Trouble(trouble)) = &end
            && trouble.wants_new_client()
        {
            self.connection.forget(generation).await;
        }
        end
    }

    async fn list_and_watch(
        &self,
        client: &Client,
        position: &mut Position,
        back_off: &mut BackOff,
    ) -> Result<(), End> {
        if position.is_doubtful
            && let Some(revision) = &position.revision
            && self.is_behind(client, revision).await?
        {
            tracing::warn!(cluster = %self.cluster, kind = %self.kind, "cluster went back to an earlier state");
            position.revision = None;
        }
        position.is_doubtful = false;
        let from = match position.revision.take() {
            Some(known) => known,
            None => self.list(client).await?,
        };
        self.watch(client, position.revision.insert(from), back_off).await
    }

    /// Whether the cluster has not come as far as `revision`: its store was restored from a backup. A watch from there on
    /// would be silent until it has.
    async fn is_behind(&self, client: &Client, revision: &str) -> Result<bool, Trouble> {
        let now = self.page(client, &ListParams::default().limit(1), |_| {}).await?.resource_version;
        let number = |text: &str| text.parse::<u64>().ok();
        // They are numbers in every API server there is; where they are not, nothing can be said.
        let numbers = now.as_deref().and_then(number).zip(number(revision));
        Ok(numbers.is_some_and(|(now, revision)| now < revision))
    }

    /// Tells all objects; the position from which to watch.
    async fn list(&self, client: &Client) -> Result<String, End> {
        let mut params = ListParams::default().limit(PAGE);
        let (mut objects, mut unreadable) = (Vec::new(), Vec::new());
        loop {
            let metadata = self
                .page(client, &params, |item| {
                    let identity = key(self.kind, &item);
                    match (decode(&self.cluster, self.kind, item), identity) {
                        (Ok(object), _) => objects.push(object),
                        (Err(problem), Some(key)) => unreadable.push((key, problem)),
                        (Err(problem), None) => {
                            tracing::warn!(cluster = %self.cluster, reason = %problem, "passed over");
                        }
                    }
                })
                .await?;
            match metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => {
                    // Objects are large, and a list that grows by doubling is held twice meanwhile.
                    let remaining = metadata.remaining_item_count.and_then(|count| usize::try_from(count).ok());
                    objects.reserve_exact(remaining.unwrap_or_default().min(RESERVED_MAX));
                    params = params.continue_token(&token);
                }
                None => {
                    if is_optional(self.kind) {
                        self.tell(News::Served(self.kind, true)).await?;
                    }
                    self.tell(News::Listed { kind: self.kind, objects, unreadable }).await?;
                    return Ok(metadata.resource_version.unwrap_or_default());
                }
            }
        }
    }

    /// One page of a list: hands over its objects as they are read, and tells the rest.
    async fn page(&self, client: &Client, params: &ListParams, each: impl FnMut(Value)) -> Result<ListMeta, Trouble> {
        let failed = |error| Trouble::of(Verb::List, error);
        let mut params = params.clone();
        params.field_selector.clone_from(&self.scope.fields);
        let request = resource(self.kind)
            .request(self.scope.namespace.as_deref())
            .list(&params)
            .map_err(kube::Error::BuildRequest);
        let answer = client.request_text(request.map_err(failed)?);
        let waited = self.connection.answer_max;
        let text = timeout(waited, answer).await.map_err(|_| Trouble::Silent(waited))?.map_err(failed)?;
        page::read(&text, each).map_err(|error| failed(kube::Error::SerdeError(error)))
    }

    /// Tells changes from `position` on, and moves it, until the server ends the watch.
    async fn watch(&self, client: &Client, position: &mut String, back_off: &mut BackOff) -> Result<(), End> {
        let failed = |error| Trouble::of(Verb::Watch, error);
        let seconds = u32::try_from(WATCH.as_secs()).unwrap_or(u32::MAX);
        let mut params = WatchParams::default().timeout(seconds);
        params.field_selector.clone_from(&self.scope.fields);
        let request = resource(self.kind)
            .request(self.scope.namespace.as_deref())
            .watch(&params, position)
            .map_err(kube::Error::BuildRequest);
        let waited = self.connection.answer_max;
        let opened = timeout(waited, client.request_events::<Value>(request.map_err(failed)?)).await;
        let events = opened.map_err(|_| Trouble::Silent(waited))?.map_err(failed)?;
        let mut events = std::pin::pin!(events);
        self.tell(News::Trouble(self.kind, None)).await?;
        let begin = Instant::now();
        let mut is_idle = true;
        loop {
            let next = tokio::select! {
                next = timeout(WATCH + WATCH_OVERDUE, events.try_next()) => next,
                () = self.news.closed() => return Err(End::Deaf),
            };
            if begin.elapsed() >= WATCH_BRIEF {
                back_off.reset(); // it stood
            }
            let next = next.map_err(|_| Trouble::Silent(WATCH + WATCH_OVERDUE))?;
            let Some(event) = next.map_err(failed)? else {
                // The next one comes at once, unless that would be all we do.
                return if is_idle && begin.elapsed() < WATCH_BRIEF { Err(Trouble::Brief.into()) } else { Ok(()) };
            };
            self.pass_on(event, position).await?;
            is_idle = false;
            back_off.reset();
        }
    }

    async fn pass_on(&self, event: WatchEvent<Value>, position: &mut String) -> Result<(), End> {
        let (object, is_deleted) = match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => (object, false),
            WatchEvent::Deleted(object) => (object, true),
            WatchEvent::Bookmark(bookmark) => {
                *position = bookmark.metadata.resource_version;
                return Ok(());
            }
            WatchEvent::Error(status) if is_gone(status.code, &status.reason) => return Err(Trouble::Gone.into()),
            WatchEvent::Error(status) => return Err(Trouble::of(Verb::Watch, kube::Error::Api(status)).into()),
        };
        let revision = object["metadata"]["resourceVersion"].as_str().map(str::to_owned);
        let Some(key) = key(self.kind, &object) else {
            tracing::warn!(cluster = %self.cluster, kind = %self.kind, "event without an object's name passed over");
            return Ok(());
        };
        let news = if is_deleted {
            News::Deleted(key)
        } else {
            match decode(&self.cluster, self.kind, object) {
                Ok(object) => News::Applied(Box::new(object)),
                Err(problem) => News::Unreadable(key, problem),
            }
        };
        self.tell(news).await?;
        // Only what was told is behind us.
        if let Some(revision) = revision {
            *position = revision;
        }
        Ok(())
    }

    async fn tell(&self, news: News) -> Result<(), Deaf> {
        self.news.send(news).await.map_err(|_| Deaf)
    }
}
