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

use super::api::{InvokeError, RuntimeApi};

/// How long a function may take to answer, unless an event says otherwise.
const TIME: Duration = Duration::from_secs(60);

/// How long a line may take from the process to its reader.
const LINE_TIME: Duration = Duration::from_secs(10);
const LINE_PAUSE: Duration = Duration::from_millis(5);

/// A function's binary in an environment of its own, as Lambda runs it. Dropping it kills the
/// process.
#[derive(Debug)]
pub struct FunctionProcess {
    api: RuntimeApi,
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    readers: [JoinHandle<()>; 2],
}

impl FunctionProcess {
    /// Starts the binary with these environment variables and no others beside Lambda's own.
    ///
    /// # Errors
    ///
    /// There is no free port, or the binary cannot be run.
    pub async fn start(binary: &Path, env: &BTreeMap<String, String>) -> io::Result<Self> {
        let api = RuntimeApi::start().await.map_err(io::Error::other)?;
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

    /// Hands the function an event and waits for its answer.
    ///
    /// # Errors
    ///
    /// [`InvokeError`]
    pub async fn invoke(&self, event: &Value) -> Result<Value, InvokeError> {
        self.api.invoke(event, TIME).await
    }

    /// The same with less or more time than usual.
    ///
    /// # Errors
    ///
    /// [`InvokeError`]
    pub async fn invoke_within(&self, event: &Value, time: Duration) -> Result<Value, InvokeError> {
        self.api.invoke(event, time).await
    }

    /// Waits until the function has asked for its first event.
    pub async fn ready(&self) {
        self.api.first_request().await;
    }

    /// What it has written to standard output so far, line by line.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The last line so far that is JSON for which `is_it` holds. What a process has written may
    /// reach its reader after the answer has, so this waits a little for such a line.
    pub async fn json_line(&self, is_it: impl Fn(&Value) -> bool) -> Option<Value> {
        let deadline = Instant::now() + LINE_TIME;
        loop {
            let lines = self.lines();
            let mut values = lines
                .iter()
                .filter_map(|line| serde_json::from_str(line).ok());
            let found = values.rfind(&is_it);
            if found.is_some() || Instant::now() > deadline {
                return found;
            }
            sleep(LINE_PAUSE).await;
        }
    }

    /// The process's id, to send signals to; none once it has ended.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits for the process to end by itself.
    ///
    /// # Errors
    ///
    /// The system does not say how it ended.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        for reader in &mut self.readers {
            // A reader ends with its pipe.
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
