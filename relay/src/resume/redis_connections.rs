//! Connections to one Redis: one that short commands share, and others that are lent to blocking ones.

use std::{sync::Mutex, time::Duration};

use redis::{
    AsyncConnectionConfig, Client, Cmd, FromRedisValue, Pipeline, RedisError,
    aio::MultiplexedConnection,
};
use tokio::time::Instant;

use super::StoreError;
use crate::lock::Locked as _;

/// How long a connection may take. Redis is near, or of no use.
pub(super) const CONNECT: Duration = Duration::from_secs(1);

/// How long a Redis that could not be connected to is not tried again: until then short commands
/// are refused at once.
pub(super) const RETRY: Duration = Duration::from_secs(3);

/// How long an answer may take. While it is waited for, the stream's clients wait too.
const ANSWER: Duration = Duration::from_secs(2);

/// How long one blocking read waits before the writer's lease is looked at.
pub(super) const BLOCK: Duration = Duration::from_secs(1);

pub(super) struct Connections {
    client: Client,
    shared: tokio::sync::Mutex<Shared>,
    /// For blocking reads, which must not hold up others. As many as remote streams were read at
    /// once.
    idle: Mutex<Vec<MultiplexedConnection>>,
}

#[derive(Default)]
struct Shared {
    connection: Option<MultiplexedConnection>,
    /// When a new one is tried at the earliest.
    retry_at: Option<Instant>,
}

impl Connections {
    /// Connects when first needed.
    pub(super) fn new(url: &str) -> Result<Self, RedisError> {
        let client = Client::open(url)?;
        Ok(Self { client, shared: tokio::sync::Mutex::default(), idle: Mutex::default() })
    }

    async fn connect(&self, answer: Duration) -> Result<MultiplexedConnection, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(answer));
        self.client.get_multiplexed_async_connection_with_config(&config).await
    }

    /// Asks on the shared connection; after a failure the next one is made anew. One that broke may
    /// have died while it was idle: then a new one is asked. What a relay asks of Redis does no harm
    /// twice; at worst its own first asking says that a name is taken.
    pub(super) async fn ask<T: FromRedisValue>(
        &self,
        commands: &Pipeline,
    ) -> Result<T, StoreError> {
        let (mut connection, is_new) = self.shared().await?;
        let answer = commands.query_async(&mut connection).await;
        let Err(error) = answer else { return Ok(answer?) };
        self.shared.lock().await.connection = None;
        if is_new || !error.is_connection_dropped() {
            return Err(error.into());
        }
        let (mut connection, _) = self.shared().await?;
        Ok(commands.query_async(&mut connection).await?)
    }

    /// The connection, and whether it is a new one. Whoever comes while one connects waits for the same
    /// attempt, and fails with it.
    async fn shared(&self) -> Result<(MultiplexedConnection, bool), StoreError> {
        let mut shared = self.shared.lock().await;
        if let Some(connection) = &shared.connection {
            return Ok((connection.clone(), false));
        }
        if shared.retry_at.is_some_and(|at| Instant::now() < at) {
            return Err(StoreError::Unavailable("no connection was had a moment ago".to_owned()));
        }
        let connected = self.connect(ANSWER).await;
        shared.retry_at = connected.is_err().then(|| Instant::now() + RETRY);
        shared.connection = connected.as_ref().ok().cloned();
        Ok((connected?, true))
    }

    /// Asks on a connection that nobody else uses meanwhile. One may have died while it was idle:
    /// then a new one is asked.
    pub(super) async fn ask_alone<T: FromRedisValue>(
        &self,
        command: &Cmd,
    ) -> Result<T, RedisError> {
        let idle = self.idle.locked().pop();
        if let Some(connection) = idle
            && let Ok(answer) = self.ask_on(connection, command).await
        {
            return Ok(answer);
        }
        self.ask_on(self.connect(BLOCK + ANSWER).await?, command).await
    }

    async fn ask_on<T: FromRedisValue>(
        &self,
        mut connection: MultiplexedConnection,
        command: &Cmd,
    ) -> Result<T, RedisError> {
        let answer = command.query_async(&mut connection).await?;
        self.idle.locked().push(connection);
        Ok(answer)
    }
}
