//! Pools and pool groups.

use std::time::Duration;

use model::http;

use super::{
    super::{
        ConvertError, Nothing, Pool, PoolGroup, PoolGroupMember, PoolServer, PoolServerAlgorithm, all, ip_from_bytes,
        ip_to_bytes, narrow, pool, required,
    },
    micros,
};

impl From<&http::Pool> for Pool {
    fn from(pool: &http::Pool) -> Self {
        let http::Pool {
            uuid,
            name,
            enabled,
            algorithm,
            servers,
            health_monitors,
            monitors_up_min,
            servers_up_min,
            passive_health,
            connections_per_server_max,
            response_timeout,
            idle_timeout,
            connection_lifetime,
            requests_per_connection_max,
            fail_action,
        } = pool;
        Self {
            uuid: uuid.clone(),
            name: name.clone(),
            enabled: *enabled,
            algorithm: PoolServerAlgorithm::from(*algorithm).into(),
            servers: servers.iter().map(PoolServer::from).collect(),
            health_monitors: health_monitors.clone(),
            monitors_up_min: *monitors_up_min,
            servers_up_min: *servers_up_min,
            passive_health: *passive_health,
            connections_per_server_max: *connections_per_server_max,
            response_timeout_us: micros(*response_timeout),
            idle_timeout_us: micros(*idle_timeout),
            connection_lifetime_us: micros(*connection_lifetime),
            requests_per_connection_max: *requests_per_connection_max,
            fail_action: Some(fail_action.into()),
        }
    }
}

impl TryFrom<Pool> for http::Pool {
    type Error = ConvertError;
    fn try_from(message: Pool) -> Result<Self, ConvertError> {
        let Pool {
            uuid,
            name,
            enabled,
            algorithm,
            servers,
            health_monitors,
            monitors_up_min,
            servers_up_min,
            passive_health,
            connections_per_server_max,
            response_timeout_us,
            idle_timeout_us,
            connection_lifetime_us,
            requests_per_connection_max,
            fail_action,
        } = message;
        Ok(Self {
            uuid,
            name,
            enabled,
            algorithm: PoolServerAlgorithm::known(algorithm)?,
            servers: all(servers)?,
            health_monitors,
            monitors_up_min,
            servers_up_min,
            passive_health,
            connections_per_server_max,
            response_timeout: Duration::from_micros(response_timeout_us),
            idle_timeout: Duration::from_micros(idle_timeout_us),
            connection_lifetime: Duration::from_micros(connection_lifetime_us),
            requests_per_connection_max,
            fail_action: required("fail_action", fail_action)?.try_into()?,
        })
    }
}

impl From<&http::FailAction> for pool::FailAction {
    fn from(action: &http::FailAction) -> Self {
        match action {
            http::FailAction::ServiceUnavailable => Self::ServiceUnavailable(Nothing {}),
            http::FailAction::CloseConnection => Self::CloseConnection(Nothing {}),
            http::FailAction::Respond(response) => Self::Respond(response.into()),
            http::FailAction::Redirect(redirect) => Self::Redirect(redirect.into()),
        }
    }
}

impl TryFrom<pool::FailAction> for http::FailAction {
    type Error = ConvertError;
    fn try_from(message: pool::FailAction) -> Result<Self, ConvertError> {
        Ok(match message {
            pool::FailAction::ServiceUnavailable(Nothing {}) => Self::ServiceUnavailable,
            pool::FailAction::CloseConnection(Nothing {}) => Self::CloseConnection,
            pool::FailAction::Respond(response) => Self::Respond(response.try_into()?),
            pool::FailAction::Redirect(redirect) => Self::Redirect(redirect.try_into()?),
        })
    }
}

impl From<&http::Server> for PoolServer {
    fn from(http::Server { ip, port, hostname, enabled, ratio }: &http::Server) -> Self {
        Self {
            ip: ip_to_bytes(ip),
            port: u32::from(*port),
            hostname: hostname.clone(),
            enabled: *enabled,
            ratio: u32::from(*ratio),
        }
    }
}

impl TryFrom<PoolServer> for http::Server {
    type Error = ConvertError;
    fn try_from(PoolServer { ip, port, hostname, enabled, ratio }: PoolServer) -> Result<Self, ConvertError> {
        let (ip, port) = (ip_from_bytes(&ip)?, narrow("port", port)?);
        Ok(Self { ip, port, hostname, enabled, ratio: narrow("ratio", ratio)? })
    }
}

impl From<&http::PoolGroup> for PoolGroup {
    fn from(http::PoolGroup { uuid, name, members, servers_min }: &http::PoolGroup) -> Self {
        Self {
            uuid: uuid.clone(),
            name: name.clone(),
            members: members.iter().map(PoolGroupMember::from).collect(),
            servers_min: u32::from(*servers_min),
        }
    }
}

impl TryFrom<PoolGroup> for http::PoolGroup {
    type Error = ConvertError;
    fn try_from(PoolGroup { uuid, name, members, servers_min }: PoolGroup) -> Result<Self, ConvertError> {
        Ok(Self { uuid, name, members: all(members)?, servers_min: narrow("servers_min", servers_min)? })
    }
}

impl From<&http::PoolGroupMember> for PoolGroupMember {
    fn from(http::PoolGroupMember { pool, ratio, priority }: &http::PoolGroupMember) -> Self {
        Self { pool: pool.clone(), ratio: u32::from(*ratio), priority: *priority }
    }
}

impl TryFrom<PoolGroupMember> for http::PoolGroupMember {
    type Error = ConvertError;
    fn try_from(PoolGroupMember { pool, ratio, priority }: PoolGroupMember) -> Result<Self, ConvertError> {
        Ok(Self { pool, ratio: narrow("ratio", ratio)?, priority })
    }
}
