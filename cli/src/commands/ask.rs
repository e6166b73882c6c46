//! Questions on a terminal. Whatever is asked can be given as an option instead.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::process::Command;

use anyhow::Context as _;
use console::Term;
use tokio::sync::oneshot;

/// Whether somebody is there to answer.
pub(crate) fn is_possible() -> bool {
    io::stdin().is_terminal()
}

/// Asks for a line; empty at the end of the input.
pub(crate) async fn line(question: String) -> anyhow::Result<String> {
    answered(move || {
        write(&question)?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        Ok(answer)
    })
    .await
}

/// Asks for a line that the terminal does not show.
pub(crate) async fn secret(question: String) -> anyhow::Result<String> {
    let mut echo = Echo { is_hidden: true };
    let answer = answered(move || {
        write(&format!("{question} (not shown)"))?;
        Term::stderr().read_secure_line()
    });
    let answer = answer.await;
    echo.is_hidden = false;
    answer
}

/// Asks yes or no. An empty answer is `default`.
pub(crate) async fn yes(question: &str, default: bool) -> anyhow::Result<bool> {
    let choice = if default { "[Y/n]" } else { "[y/N]" };
    let answer = line(format!("{question} {choice}")).await?;
    Ok(match answer.to_ascii_lowercase().as_str() {
        "" => default,
        "y" | "yes" => true,
        _ => false,
    })
}

fn write(question: &str) -> io::Result<()> {
    let mut out = io::stderr().lock();
    write!(out, "{question} ")?;
    out.flush()
}

/// Waits for an answer on a thread that nothing waits for at the end: a signal ends the command
/// even if nobody answers.
async fn answered(
    read: impl FnOnce() -> io::Result<String> + Send + 'static,
) -> anyhow::Result<String> {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || sender.send(read()));
    let answer = receiver.await.context("the question was not answered")?;
    Ok(answer?.trim().to_owned())
}

/// Lets the terminal show again what is typed, if a question ends without an answer.
struct Echo {
    is_hidden: bool,
}

impl Drop for Echo {
    fn drop(&mut self) {
        if self.is_hidden {
            // A terminal that is gone needs none.
            let _ = Command::new("stty").arg("echo").status();
        }
    }
}
