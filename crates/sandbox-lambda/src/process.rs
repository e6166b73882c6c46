//! The process of a function.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::api::{Extensions, InvokeError, RuntimeApi};

/// How long an invocation may take.
const INVOKE_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a line may take from the process to its reader.
const LINE_TIMEOUT: Duration = Duration::from_secs(10);
/// The pause between two looks for a line.
const LINE_PAUSE: Duration = Duration::from_millis(5);

/// A process that runs a function's binary, as Lambda does. Dropping it kills the process.
#[derive(Debug)]
pub struct FunctionProcess {
    api: RuntimeApi,
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    readers: [JoinHandle<()>; 2],
}

impl FunctionProcess {
    /// Starts the binary with the environment variables in `env` and those that Lambda sets.
    ///
    /// # Errors
    ///
    /// No port is free, or the binary cannot be started.
    pub async fn start(binary: &Path, env: &BTreeMap<String, String>) -> io::Result<Self> {
        Self::start_with(binary, env, Extensions::Served).await
    }

    /// The same as [`Self::start`], with an Extensions API that answers otherwise than Lambda's.
    ///
    /// # Errors
    ///
    /// No port is free, or the binary cannot be started.
    pub async fn start_with(
        binary: &Path,
        env: &BTreeMap<String, String>,
        extensions: Extensions,
    ) -> io::Result<Self> {
        let api = RuntimeApi::start(extensions).await;
        let api = api.map_err(io::Error::other)?;
        let mut child = Command::new(binary)
            .env_clear()
            .envs(env)
            .env("AWS_LAMBDA_RUNTIME_API", api.address())
            .env("AWS_LAMBDA_FUNCTION_NAME", "sandbox")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let readers = [
            tokio::spawn(collect(stdout, Arc::clone(&lines))),
            tokio::spawn(collect(stderr, Arc::default())),
        ];
        Ok(Self {
            api,
            child,
            lines,
            readers,
        })
    }

    /// Sends an event to the function and waits for the result, at most for a minute.
    ///
    /// # Errors
    ///
    /// [`InvokeError`]: the function failed, or did not respond properly.
    pub async fn invoke(&self, event: &Value) -> Result<Value, InvokeError> {
        self.api.invoke(event, INVOKE_TIMEOUT).await
    }

    /// The same as [`Self::invoke`], with another timeout.
    ///
    /// # Errors
    ///
    /// [`InvokeError`]: the function failed, or did not respond properly.
    pub async fn invoke_within(
        &self,
        event: &Value,
        timeout: Duration,
    ) -> Result<Value, InvokeError> {
        self.api.invoke(event, timeout).await
    }

    /// Waits until the function has requested its first event.
    pub async fn ready(&self) {
        self.api.first_request().await;
    }

    /// The lines that the function has written to standard output so far.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The last line that is JSON and fulfils `is_match`. A line can arrive after the result of the
    /// invocation that wrote it, so this waits up to ten seconds for such a line.
    pub async fn json_line(&self, is_match: impl Fn(&Value) -> bool) -> Option<Value> {
        let deadline = Instant::now() + LINE_TIMEOUT;
        loop {
            let lines = self.lines();
            let mut values = lines
                .iter()
                .filter_map(|line| serde_json::from_str(line).ok());
            let found = values.rfind(&is_match);
            if found.is_some() || Instant::now() > deadline {
                return found;
            }
            sleep(LINE_PAUSE).await;
        }
    }

    /// The id of the process, or `None` if it has ended.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits until the process has ended by itself.
    ///
    /// # Errors
    ///
    /// The operating system does not report how the process ended.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        for reader in &mut self.readers {
            // A reader ends when its pipe is closed.
            let _ = reader.await;
        }
        Ok(status)
    }
}

async fn collect(pipe: Option<impl AsyncRead + Unpin>, into: Arc<Mutex<Vec<String>>>) {
    let Some(pipe) = pipe else { return };
    let mut lines = BufReader::new(pipe).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        into.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line);
    }
}
