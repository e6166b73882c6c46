//! The keys in use, and where to read them again.

use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use tokio::sync::Mutex;

use crate::fernet::FernetKeys;

/// Keys are not read again before this time has passed, so that a bucket full of objects that no
/// key fits does not become as many requests.
const MIN_PAUSE: Duration = Duration::from_secs(5);

/// Keys that should be read again, but cannot be, are used until they are this many times as old as
/// they should be.
const MAX_OVERDUE: u32 = 3;

/// Where the keys can be read again, because they may have been replaced since the process started.
pub trait ReadKeys: Send + Sync {
    /// Reads the keys.
    ///
    /// # Errors
    ///
    /// [`ReadKeysError`]: the keys cannot be read, or are not keys.
    fn read_keys(
        &self,
    ) -> Pin<Box<dyn Future<Output = Result<FernetKeys, ReadKeysError>> + Send + '_>>;
}

/// Why the keys cannot be read again. Holds no key.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct ReadKeysError {
    /// What happened.
    pub message: String,
    /// Whether the same request may succeed later.
    pub is_transient: bool,
}

/// The keys of a vault. Clones share them, so that all have new keys at once.
#[derive(Clone)]
pub(crate) struct KeyRing(Arc<Ring>);

struct Ring {
    current: RwLock<FernetKeys>,
    source: Option<Box<dyn ReadKeys>>,
    /// Locked while the keys are read.
    reads: Mutex<Reads>,
}

/// When the keys were read. The clock is that of the wall: another one may stand still while a
/// Lambda environment is frozen.
struct Reads {
    /// When they were last read.
    read: SystemTime,
    /// When they were last read because none fitted.
    renewed: Option<SystemTime>,
    /// When they could not be read because of their age.
    failed: Option<SystemTime>,
}

impl KeyRing {
    /// Keys that stay the same.
    pub(crate) fn new(keys: FernetKeys) -> Self {
        Self::of(keys, None)
    }

    /// Keys that can be read again.
    pub(crate) fn with_source(keys: FernetKeys, source: Box<dyn ReadKeys>) -> Self {
        Self::of(keys, Some(source))
    }

    fn of(keys: FernetKeys, source: Option<Box<dyn ReadKeys>>) -> Self {
        Self(Arc::new(Ring {
            current: RwLock::new(keys),
            source,
            reads: Mutex::new(Reads {
                read: SystemTime::now(),
                renewed: None,
                failed: None,
            }),
        }))
    }

    pub(crate) fn current(&self) -> FernetKeys {
        let keys = self.0.current.read();
        keys.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the keys again, after none of `tried` fitted. Returns them if they are others.
    pub(crate) async fn renew(
        &self,
        tried: &FernetKeys,
    ) -> Result<Option<FernetKeys>, ReadKeysError> {
        let Some(source) = &self.0.source else {
            return Ok(None);
        };
        let mut reads = self.0.reads.lock().await;
        let current = self.current();
        if !current.are_same(tried) {
            // Another reader has renewed them meanwhile.
            return Ok(Some(current));
        }
        if reads.renewed.is_some_and(|at| age(at) < MIN_PAUSE) {
            return Ok(None);
        }
        let keys = source.read_keys().await?;
        reads.renewed = Some(SystemTime::now());
        self.replace(&mut reads, keys.clone());
        Ok((!keys.are_same(&current)).then_some(keys))
    }

    /// Reads the keys again if they are older than `max_age`.
    pub(crate) async fn refresh(&self, max_age: Duration) -> Result<(), ReadKeysError> {
        let Some(source) = &self.0.source else {
            return Ok(());
        };
        let mut reads = self.0.reads.lock().await;
        let old = age(reads.read);
        if old < max_age {
            return Ok(());
        }
        let is_usable = old < max_age * MAX_OVERDUE;
        if is_usable && reads.failed.is_some_and(|at| age(at) < MIN_PAUSE) {
            return Ok(());
        }
        match source.read_keys().await {
            Ok(keys) => self.replace(&mut reads, keys),
            Err(failed) if is_usable => {
                reads.failed = Some(SystemTime::now());
                tracing::warn!(
                    error.message = %failed,
                    "keys could not be read again, going on with those of before"
                );
            }
            Err(failed) => return Err(failed),
        }
        Ok(())
    }

    fn replace(&self, reads: &mut Reads, keys: FernetKeys) {
        reads.read = SystemTime::now();
        let mut current = self
            .0
            .current
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *current = keys;
    }
}

/// A time in the future is of a clock that was set back since, so nobody knows its age.
fn age(at: SystemTime) -> Duration {
    at.elapsed().unwrap_or(Duration::MAX)
}
