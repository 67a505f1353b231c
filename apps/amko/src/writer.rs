//! Carries out the steps of one unit.

use std::collections::BTreeSet;

use amko_translate::is_shared;
use avi_client::{AviClient, AviError, ErrorClass};
use reconcile::{Action, Body, Key, ObjectType, ObservedObject, Step, Unit};
use serde::Deserialize;
use serde_json::Value;

use crate::event::Teller;
use crate::reading::{self, chain};
use crate::{AmkoEvent, Verb};

/// One unit's steps.
pub(crate) struct Job {
    pub(crate) unit: Unit,
    /// In order.
    pub(crate) steps: Vec<Step>,
    /// What to delete when the controller refuses to have the service.
    pub(crate) leftovers: Vec<Step>,
    /// What explains the change of the service; it is told with each write.
    pub(crate) why: Vec<String>,
}

/// What became of a unit's steps.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) unit: Unit,
    /// The steps that were asked for, whether done or not.
    pub(crate) steps: Vec<Step>,
    /// What explains them.
    pub(crate) why: Vec<String>,
    /// What is known about objects by now: present, or `None` for gone.
    pub(crate) effects: Vec<(Key, Option<ObservedObject>)>,
    /// Why it ended early.
    pub(crate) failure: Option<Failure>,
}

/// A step that failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) class: ErrorClass,
    pub(crate) status: Option<u16>,
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) reason: String,
}

/// Carries out the steps in order, up to the first failure. A monitor whose service is refused goes again: nobody else
/// would delete it.
pub(crate) async fn write(client: AviClient, job: Job, teller: Teller) -> Written {
    let Job { unit, steps, mut leftovers, why } = job;
    let mut written = Written { unit, steps, why, effects: Vec::new(), failure: None };
    // Made before their service: told when it is there too.
    let mut untold = Vec::new();
    for step in &written.steps {
        let performed = perform(&client, step).await;
        teller.counts().count(performed.is_ok());
        match performed {
            Ok(object) => {
                leftovers.extend(undone(step, object.as_ref()));
                written.effects.push((step.key.clone(), object));
                untold.extend(told(step, &written.why));
                if step.key.kind == ObjectType::GslbService {
                    untold.drain(..).for_each(|event| teller.tell(event));
                }
            }
            Err(error) => {
                let failure = Failure {
                    class: error.class(),
                    status: error.status(),
                    kind: step.key.kind.path(),
                    name: step.key.name.clone(),
                    reason: chain(&error),
                };
                if step.key.kind == ObjectType::GslbService && failure.is_refusal() {
                    untold.clear();
                    written.effects.extend(delete(&client, &leftovers, &teller).await);
                }
                if matches!(failure.class, ErrorClass::NotFound | ErrorClass::Conflict) {
                    written.effects.extend(read_again(&client, &written.steps).await);
                }
                written.failure = Some(failure);
                break;
            }
        }
    }
    untold.into_iter().for_each(|event| teller.tell(event));
    written
}

impl Failure {
    /// Whether the controller will not have an object as it is, so that another try has to make everything anew anyway.
    pub(crate) fn is_refusal(&self) -> bool {
        match self.class {
            ErrorClass::BadRequest | ErrorClass::DomainConflict => true,
            // 429 and the like concern the moment, not the object.
            ErrorClass::Other => matches!(self.status, Some(403 | 405 | 413 | 415 | 422)),
            _ => false,
        }
    }
}

/// The step that takes a monitor away again which was made just now.
fn undone(step: &Step, made: Option<&ObservedObject>) -> Option<Step> {
    let uuid = match (&step.action, step.key.kind) {
        (Action::Create { .. }, ObjectType::HealthMonitor) => made?.uuid.clone(),
        _ => return None,
    };
    Some(Step { unit: step.unit.clone(), key: step.key.clone(), action: Action::Delete { uuid } })
}

/// Deletes what it can; what it cannot delete is left for the next try.
async fn delete(client: &AviClient, steps: &[Step], teller: &Teller) -> Vec<(Key, Option<ObservedObject>)> {
    let mut effects = Vec::new();
    for step in steps {
        let performed = perform(client, step).await;
        teller.counts().count(performed.is_ok());
        match performed {
            Ok(_) => {
                tracing::debug!(
                    monitor = step.key.name,
                    service = step.unit.service,
                    "deleted, its service is refused"
                );
                effects.push((step.key.clone(), None));
            }
            Err(error) => {
                tracing::warn!(
                    monitor = step.key.name,
                    service = step.unit.service,
                    reason = chain(&error),
                    "a monitor without its service cannot be deleted, trying again with the service"
                );
            }
        }
    }
    effects
}

/// One call; the object as it is now, `None` for gone.
async fn perform(client: &AviClient, step: &Step) -> Result<Option<ObservedObject>, AviError> {
    let Key { kind, tenant, .. } = &step.key;
    let collection = format!("/api/{}", kind.path());
    match &step.action {
        Action::Create { body } => {
            let reply = client.post_text(&format!("{collection}/"), body.as_str(), tenant).await?;
            Ok(stored(step, reply, body))
        }
        Action::Update { uuid, body, .. } | Action::Adopt { uuid, body, .. } | Action::Detach { uuid, body } => {
            let reply = client.put_text(&format!("{collection}/{uuid}"), body.as_str(), tenant).await?;
            Ok(stored(step, reply, body))
        }
        Action::Delete { uuid } => match client.delete(&format!("{collection}/{uuid}"), tenant).await {
            Err(error) if error.class() != ErrorClass::NotFound => Err(error),
            _ => Ok(None),
        },
    }
}

/// The object as the reply shows it. A reply that lacks what is needed makes the object unknown; it is read again when
/// that leads to a conflict.
fn stored(step: &Step, reply: Value, sent: &Body) -> Option<ObservedObject> {
    let uuid = reply["uuid"].as_str()?.to_owned();
    let service = (step.key.kind == ObjectType::HealthMonitor).then_some(step.unit.service.as_str());
    Some(ObservedObject::new(step.key.kind, &uuid, reply, service).sent_as(sent.shape()))
}

/// Reads the objects of all steps anew, and the monitors that they refer to. What cannot be read stays as it is known.
async fn read_again(client: &AviClient, steps: &[Step]) -> Vec<(Key, Option<ObservedObject>)> {
    let referenced = steps.iter().flat_map(referenced_monitors);
    let keys: BTreeSet<Key> = steps.iter().map(|step| step.key.clone()).chain(referenced).collect();
    let mut effects = Vec::new();
    for key in keys {
        if let Ok(object) = reading::read_one(client, &key).await {
            effects.push((key, object));
        }
    }
    effects
}

fn referenced_monitors(step: &Step) -> Vec<Key> {
    let (Action::Create { body } | Action::Update { body, .. }) = &step.action else { return vec![] };
    let body = body.read();
    let refs = body["health_monitor_refs"].as_array().into_iter().flatten();
    let names = refs.filter_map(|reference| reference.as_str()?.split_once("?name=").map(|(_, name)| name.to_owned()));
    let tenant = &step.key.tenant;
    names.map(|name| Key { kind: ObjectType::HealthMonitor, tenant: tenant.clone(), name }).collect()
}

/// The event of a successful step; none for a step that is only on the way.
fn told(step: &Step, why: &[String]) -> Option<AmkoEvent> {
    let verb = match &step.action {
        Action::Create { .. } => Verb::Created,
        Action::Update { .. } => Verb::Updated,
        Action::Adopt { .. } => Verb::Adopted,
        Action::Delete { .. } => Verb::Deleted,
        Action::Detach { .. } => return None,
    };
    let why = match (step.key.kind, why) {
        (ObjectType::GslbService, [_, ..]) => why.to_vec(),
        _ => own_reasons(step),
    };
    Some(AmkoEvent::Written {
        verb,
        kind: step.key.kind.path(),
        tenant: step.key.tenant.clone(),
        name: step.key.name.clone(),
        gslb_service: step.unit.service.clone(),
        why,
    })
}

/// Why a step is there, from the step itself.
pub(crate) fn own_reasons(step: &Step) -> Vec<String> {
    let service = &step.unit.service;
    match (&step.action, step.key.kind) {
        (Action::Create { body }, ObjectType::GslbService) => {
            vec![format!("not on the controller yet; from {}", Telling::of(body).description)]
        }
        (Action::Create { body }, ObjectType::HealthMonitor) if is_shared(&step.key.name) => {
            vec![format!("passthrough routes need it: {}", Telling::of(body).probe())]
        }
        (Action::Create { body }, ObjectType::HealthMonitor) => {
            vec![format!("{service} needs it: {}", Telling::of(body).probe())]
        }
        (Action::Update { why, .. }, _) => {
            let lead = "the controller has it otherwise";
            why.iter().map(|diff| format!("{lead}: {diff}")).collect()
        }
        (Action::Adopt { from, .. }, _) => {
            let owner = from.as_deref().unwrap_or("nobody that it says");
            vec![format!("{service} needs it; it was made by {owner}")]
        }
        (Action::Delete { .. }, ObjectType::GslbService) => vec!["nothing stands behind it any more".to_owned()],
        (Action::Delete { .. }, ObjectType::HealthMonitor) => vec![format!("{service} needs it no more")],
        (Action::Detach { .. }, _) => vec![],
    }
}

/// What a body says of the object to a person.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Telling {
    description: String,
    http_monitor: Option<HttpProbe>,
    https_monitor: Option<HttpProbe>,
    monitor_port: Option<u16>,
}

#[derive(Deserialize)]
struct HttpProbe {
    http_request: String,
}

impl Telling {
    fn of(body: &Body) -> Self {
        serde_json::from_str(body.as_str()).unwrap_or_default()
    }

    fn probe(&self) -> String {
        let port = self.monitor_port.map_or_else(|| "null".to_owned(), |port| port.to_string());
        match self.http_monitor.as_ref().or(self.https_monitor.as_ref()) {
            Some(http) => format!("{} on port {port}", http.http_request),
            None => format!("port {port}"),
        }
    }
}
