//! The first frame of either side: who it is, and what it speaks.

use std::time::Duration;

use site_replication::SiteId;

use crate::stream::{Ended, line};
use crate::wire::Hello;

/// What this release speaks. One higher with each release that changes what travels; releases next to each other speak.
pub(crate) const PROTOCOL: u32 = 1;
/// No silence that another site asks for is longer.
const KEEP_ALIVE_MAX: Duration = Duration::from_secs(60);

/// What the other site said, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) site: SiteId,
    pub(crate) software: String,
    pub(crate) keep_alive: Duration,
}

pub(crate) fn say(own: &SiteId, to: &SiteId, software: &str, keep_alive: Duration) -> Hello {
    Hello {
        protocol: PROTOCOL,
        site: own.to_string(),
        to: to.to_string(),
        software: software.to_owned(),
        keep_alive_ms: u64::try_from(keep_alive.as_millis()).unwrap_or(u64::MAX),
    }
}

/// Whether this site, `own`, is meant, and what is spoken is near enough.
pub(crate) fn heed(own: &SiteId, hello: &Hello) -> Result<Said, Ended> {
    if hello.to != own.to_string() {
        return Err(Ended::ours(format!("site {} was looked for here, but this is site {own}", line(&hello.to))));
    }
    if hello.protocol.abs_diff(PROTOCOL) > 1 {
        return Err(Ended::ours(format!(
            "site {} ({}) speaks protocol {}, site {own} speaks {PROTOCOL}: more than one release apart; bring the older \
             one closer first",
            line(&hello.site),
            line(&hello.software),
            hello.protocol
        )));
    }
    Ok(Said {
        site: SiteId::from(hello.site.as_str()),
        software: line(&hello.software),
        keep_alive: Duration::from_millis(hello.keep_alive_ms).min(KEEP_ALIVE_MAX),
    })
}
