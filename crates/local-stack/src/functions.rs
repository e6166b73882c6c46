//! Lambda functions that run against the stack.

use std::io;
use std::path::Path;

use sandbox_lambda::FunctionProcess;

use crate::LocalStack;

impl LocalStack {
    /// Starts a function's binary with the environment that leads to these parts.
    ///
    /// # Errors
    ///
    /// The binary cannot be started.
    pub async fn function(&self, binary: impl AsRef<Path>) -> io::Result<FunctionProcess> {
        FunctionProcess::start(binary.as_ref(), &self.env).await
    }
}
