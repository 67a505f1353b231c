//! What went wrong with a list or a watch: what is told, and what is tried next.

use std::time::Duration;

use k8s_crds::Kind;
use k8s_watch::Problem;
use kube::Error;

use crate::access::{AccessError, chain};
use crate::resource::resource;

/// What went wrong.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// There is no client.
    Access(AccessError),
    /// An error of the client or an answer of the server.
    Call(Verb, Error),
    /// No answer in time.
    Silent(Duration),
    /// The resource version is no longer kept: list again. That is not the user's business.
    Gone,
    /// The watch was ended right after it began.
    Brief,
}

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    List,
    Watch,
}

impl Verb {
    fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Watch => "watch",
        }
    }
}

impl Trouble {
    /// An error of the client; told apart from it is what calls for a new list.
    pub(crate) fn of(verb: Verb, error: Error) -> Self {
        match &error {
            Error::Api(status) if is_gone(status.code, &status.reason) => Self::Gone,
            _ => Self::Call(verb, error),
        }
    }

    /// Whether the API server does not know the kind.
    pub(crate) fn is_unserved(&self) -> bool {
        matches!(self, Self::Call(_, Error::Api(status)) if status.code == 404)
    }

    /// Whether this user may not do it.
    pub(crate) fn is_forbidden(&self) -> bool {
        matches!(self, Self::Call(_, Error::Api(status)) if status.code == 403)
    }

    /// Whether the server asks for a moment: the kind was defined just now, or many ask at once.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(self, Self::Call(_, Error::Api(status)) if status.code == 429)
    }

    /// Whether another client might help: the server is not there, or does not know us.
    pub(crate) fn wants_new_client(&self) -> bool {
        match self {
            Self::Call(_, Error::Api(status)) => status.code == 401,
            Self::Call(..) | Self::Silent(..) => true,
            Self::Access(_) | Self::Gone | Self::Brief => false,
        }
    }

    /// What the operator is told, if anything.
    pub(crate) fn problem(&self, cluster: &str, kind: Kind) -> Option<Problem> {
        let resource = resource(kind);
        let of_kind = |verb: Verb, what: &str, advice: String| Problem {
            place: format!("cluster {cluster}, {kind}"),
            what: format!("cannot {}: {what}", verb.as_str()),
            advice,
        };
        let of_cluster = |what: String, advice: &str| Problem {
            place: format!("cluster {cluster}"),
            what,
            advice: advice.to_owned(),
        };
        Some(match self {
            Self::Gone | Self::Brief => return None,
            Self::Access(error) => error.problem(cluster),
            Self::Silent(waited) => of_cluster(
                format!("API server does not answer within {} s", waited.as_secs_f64()),
                "look at the API server and at the way to it; what was known stays in force",
            ),
            Self::Call(verb, Error::Api(status)) => match status.code {
                401 => of_cluster(
                    "API server does not know us (401)".to_owned(),
                    "renew the credentials in the kubeconfig; it is read again every few seconds",
                ),
                403 => of_kind(
                    *verb,
                    &status.message,
                    format!("grant get, list and watch on {} to this user", resource.name()),
                ),
                404 => of_kind(
                    *verb,
                    &format!("the API server does not serve {} (404)", resource.name()),
                    if [k8s_crds::GROUP, k8s_crds::AKO_GROUP].contains(&resource.group) {
                        "apply the definitions in deploy/crds".to_owned()
                    } else {
                        "use Kubernetes 1.19 or newer".to_owned()
                    },
                ),
                code => of_kind(
                    *verb,
                    &format!("{} ({code})", status.message),
                    "look at the log of the API server; it is tried again".to_owned(),
                ),
            },
            Self::Call(verb, error @ Error::SerdeError(_)) => {
                of_kind(*verb, &chain(error), "look whether this is an API server; it is tried again".to_owned())
            }
            Self::Call(_, error) => of_cluster(
                match is_timeout(error) {
                    true => "API server does not answer: no connection in time".to_owned(),
                    false => format!("API server cannot be reached: {}", innermost(error)),
                },
                "look at the API server and at the way to it; what was known stays in force",
            ),
        })
    }
}

/// `410 Gone`, or `Expired` in an event.
pub(crate) fn is_gone(code: u16, reason: &str) -> bool {
    code == 410 || reason == "Expired" || reason == "Gone"
}

/// The layers above the cause only say that there was one.
fn innermost(error: &Error) -> String {
    let mut cause: &(dyn std::error::Error + 'static) = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// A server that does not accept, or accepts and shakes no hands.
fn is_timeout(error: &Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let io = error.downcast_ref::<std::io::Error>();
        if io.is_some_and(|error| error.kind() == std::io::ErrorKind::TimedOut) {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    #[track_caller]
    fn check(code: u16, kind: Kind, expected: &str) {
        let error = Error::Api(Status::failure("no", "x").with_code(code).boxed());
        let problem = Trouble::of(Verb::List, error).problem("s2", kind);
        assert_eq!(problem.map(|problem| problem.to_string()).as_deref().unwrap_or_default(), expected);
    }

    #[test]
    fn problems_say_what_where_and_what_to_do() {
        check(
            403,
            Kind::Ingress,
            "cluster s2, Ingress: cannot list: no; grant get, list and watch on ingresses.networking.k8s.io to this user",
        );
        check(
            404,
            Kind::GslbConfig,
            "cluster s2, GSLBConfig: cannot list: the API server does not serve gslbconfigs.amko.vmware.com (404); \
             apply the definitions in deploy/crds",
        );
        check(
            401,
            Kind::Service,
            "cluster s2: API server does not know us (401); renew the credentials in the kubeconfig; it is read again \
             every few seconds",
        );
        check(410, Kind::Service, "");
    }
}
