//! Questions on a terminal. Whatever is asked can be given as an option instead.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use tokio::task::spawn_blocking;

/// Whether somebody is there to answer.
pub(super) fn is_possible() -> bool {
    io::stdin().is_terminal()
}

/// Asks for a line; empty at the end of the input.
pub(super) async fn line(question: String) -> anyhow::Result<String> {
    let answer = spawn_blocking(move || -> io::Result<String> {
        let mut out = io::stderr().lock();
        write!(out, "{question} ")?;
        out.flush()?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        Ok(answer)
    });
    Ok(answer.await??.trim().to_owned())
}

/// Asks yes or no. An empty answer is `default`.
pub(super) async fn yes(question: &str, default: bool) -> anyhow::Result<bool> {
    let choice = if default { "[Y/n]" } else { "[y/N]" };
    let answer = line(format!("{question} {choice}")).await?;
    Ok(match answer.to_ascii_lowercase().as_str() {
        "" => default,
        "y" | "yes" => true,
        _ => false,
    })
}
