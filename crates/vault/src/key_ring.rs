//! The keys in use, and where to read them again.

use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::fernet::FernetKeys;

/// Keys are not read again before this time has passed, so that a bucket full of objects that no
/// key fits does not become as many requests.
const MIN_PAUSE: Duration = Duration::from_secs(5);

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
    /// When the keys were last read again. Locked while they are read.
    read_at: Mutex<Option<Instant>>,
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
            read_at: Mutex::default(),
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
        let mut read_at = self.0.read_at.lock().await;
        let current = self.current();
        if !current.are_same(tried) {
            // Another reader has renewed them meanwhile.
            return Ok(Some(current));
        }
        if read_at.is_some_and(|at| at.elapsed() < MIN_PAUSE) {
            return Ok(None);
        }
        let keys = source.read_keys().await?;
        *read_at = Some(Instant::now());
        if keys.are_same(&current) {
            return Ok(None);
        }
        let mut current = self
            .0
            .current
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *current = keys.clone();
        Ok(Some(keys))
    }
}
