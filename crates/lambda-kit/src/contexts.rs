//! The configurations that an execution environment holds, and which of them an event needs.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use config::{ConfigVersion, Environment, Scope};
use pipeline::{Context, PipelineError};
use tokio::sync::Mutex;

/// An environment works on one event at a time. A step holds one connection for its claim or for
/// the turn at the dataset, and another one for its plan, pace and outcome. One is in reserve. The
/// slots of requests to a provider have one more beside the pool.
const CONNECTIONS: usize = 3;

/// How many configurations an environment holds: that of a run which is about to end, and that of
/// the run which has begun meanwhile.
const MAX_HELD: usize = 2;

/// An item of a planner that recorded no configuration is done with one that was current this long
/// ago.
const MAX_UNCHECKED: Duration = Duration::from_secs(30);

/// Configurations with their clients, the last used one last.
#[derive(Default)]
pub struct Contexts(Mutex<Vec<Held>>);

struct Held {
    ctx: Arc<Context>,
    /// When the bucket was last seen to have this configuration; `None` for one that was loaded as
    /// a run's.
    current_at: Option<SystemTime>,
}

impl Contexts {
    /// The configuration that the bucket has now.
    ///
    /// # Errors
    ///
    /// Those of [`Context::connect_for`].
    pub async fn current(&self, scope: Scope) -> Result<Arc<Context>, PipelineError> {
        self.current_within(scope, Duration::ZERO).await
    }

    /// The configuration of a run: `version`, whatever the bucket has now. Without one, it is that
    /// which the bucket had half a minute ago or later.
    ///
    /// # Errors
    ///
    /// Those of [`Context::connect_for`]: `ConfigInvalid` if the bucket no longer has the version.
    pub async fn of_run(
        &self,
        scope: Scope,
        version: Option<&ConfigVersion>,
    ) -> Result<Arc<Context>, PipelineError> {
        let Some(version) = version else {
            return self.current_within(scope, MAX_UNCHECKED).await;
        };
        let mut held = self.0.lock().await;
        let position = held
            .iter()
            .position(|it| it.is_of(scope) && it.ctx.has_version(version));
        match position {
            Some(position) => Ok(use_again(&mut held, position)),
            None => load(&mut held, scope, Some(version)).await,
        }
    }

    /// Closes the database connections that nobody uses.
    pub async fn close_idle(&self) {
        for held in self.0.lock().await.iter() {
            held.ctx.close_idle().await;
        }
    }

    async fn current_within(
        &self,
        scope: Scope,
        max_age: Duration,
    ) -> Result<Arc<Context>, PipelineError> {
        let mut held = self.0.lock().await;
        for position in (0..held.len()).rev() {
            let candidate = &mut held[position];
            if !candidate.is_of(scope) {
                continue;
            }
            if candidate.age().is_some_and(|age| age < max_age) {
                return Ok(use_again(&mut held, position));
            }
            if candidate.ctx.is_current().await? {
                candidate.current_at = Some(SystemTime::now());
                return Ok(use_again(&mut held, position));
            }
            candidate.current_at = None;
        }
        load(&mut held, scope, None).await
    }
}

impl Held {
    fn is_of(&self, scope: Scope) -> bool {
        self.ctx.config().scope == scope
    }

    /// How long ago this was seen to be current. The clock is that of the wall, because another one
    /// may stand still while the environment is frozen.
    fn age(&self) -> Option<Duration> {
        self.current_at?.elapsed().ok()
    }
}

fn use_again(held: &mut Vec<Held>, position: usize) -> Arc<Context> {
    let used = held.remove(position);
    let ctx = Arc::clone(&used.ctx);
    held.push(used);
    ctx
}

async fn load(
    held: &mut Vec<Held>,
    scope: Scope,
    version: Option<&ConfigVersion>,
) -> Result<Arc<Context>, PipelineError> {
    let began = SystemTime::now();
    let env = Environment::from_process()?;
    let ctx = Context::connect_for(env, scope, version, CONNECTIONS).await?;
    let ctx = Arc::new(ctx);
    tracing::info!(stage = %ctx.config().env.stage, "configuration loaded");
    if held.len() == MAX_HELD {
        held.remove(0);
    }
    held.push(Held {
        ctx: Arc::clone(&ctx),
        current_at: version.is_none().then_some(began),
    });
    Ok(ctx)
}
