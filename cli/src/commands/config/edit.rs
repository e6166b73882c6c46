//! `mds config edit`: a stored file in an editor, checked before it is stored again.

use std::env;
use std::path::Path;
use std::process::{ExitCode, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

use super::history;
use super::private::PrivateFile;
use super::put::{self, Proposal};
use super::target::{Stored, Target};
use crate::args::EditArgs;
use crate::commands::ask;
use crate::failure;

/// Variables that name the editor, the first that is set.
const EDITORS: [&str; 2] = ["VISUAL", "EDITOR"];
const DEFAULT_EDITOR: &str = "vi";
/// The user's own folder in memory.
const RUNTIME_FOLDER: &str = "XDG_RUNTIME_DIR";
/// The exit status of a process that a signal ended is this and the signal's number.
const SIGNALLED: u8 = 128;

/// `mds config edit`.
pub(crate) async fn edit(args: &EditArgs, json: bool) -> anyhow::Result<ExitCode> {
    if !args.yes && !ask::is_possible() {
        return Err(failure::usage(
            "standard input is no terminal, so nobody can be asked whether the change is right; add --yes",
        ));
    }
    let target = Target::open(&args.name, &args.stage).await?;
    let stored = target.current().await?.ok_or_else(|| {
        failure::usage(format!(
            "there is no {} yet; `mds config put {} FILE` stores one",
            target.key, args.name
        ))
    })?;
    let text = match (&args.version, &stored.text) {
        (Some(version), _) => target.text(Some(version)).await?,
        (None, Some(text)) => text.clone(),
        (None, None) => target.text(None).await?,
    };
    let name = target.key.rsplit('/').next().unwrap_or(&target.key);
    let runtime = env::var_os(RUNTIME_FOLDER);
    let file = PrivateFile::new(runtime.as_deref().map(Path::new), name, &text)
        .context("no private file can be made for the editor")?;
    let session = Session {
        args,
        target: &target,
        stored: &stored,
        file: &file,
        is_editing: AtomicBool::new(false),
        json,
    };
    let ended = tokio::select! {
        ended = session.run() => ended,
        signalled = session.stop_requested() => {
            signalled.map(ExitCode::from)
        }
    };
    file.remove()
        .context("the private file cannot be removed; it holds secrets")?;
    ended
}

/// One edit, however often the editor is opened.
struct Session<'a> {
    args: &'a EditArgs,
    target: &'a Target,
    stored: &'a Stored,
    file: &'a PrivateFile,
    is_editing: AtomicBool,
    json: bool,
}

impl Session<'_> {
    async fn run(&self) -> anyhow::Result<ExitCode> {
        let Some(proposal) = self.proposal().await? else {
            return Ok(ExitCode::SUCCESS);
        };
        proposal.show(self.json);
        if !self.args.yes && !ask::yes("store it?", false).await? {
            note!("nothing is stored");
            return Ok(ExitCode::SUCCESS);
        }
        let former = match put::store(self.target, Some(self.stored), &proposal).await {
            Ok(former) => former,
            Err(error) => return Err(self.kept(error, &proposal.text).await),
        };
        put::report(self.target, &proposal, former.as_deref(), self.json)?;
        Ok(ExitCode::SUCCESS)
    }

    /// The edited text, once it can be stored; `None` if nothing was changed.
    async fn proposal(&self) -> anyhow::Result<Option<Proposal>> {
        loop {
            self.open_editor().await?;
            let text = self.file.read().context("the edited file cannot be read")?;
            if self.stored.text.as_ref() == Some(&text) {
                note!("nothing was changed, so nothing is stored");
                return Ok(None);
            }
            let seal = put::seal_of(self.target, Some(self.stored));
            let (stored, accepts) = (Some(self.stored), self.args.accept_removal);
            let proposed = put::propose(self.target, stored, text.clone(), seal, accepts).await;
            let error = match proposed {
                Ok(proposal) => return Ok(Some(proposal)),
                Err(error) => error.context(format!("{} is not stored", self.args.name)),
            };
            if !ask::is_possible() {
                return Err(self.kept(error, &text).await);
            }
            note!("mds: {error:#}");
            if !ask::yes("edit it again?", true).await? {
                return Err(self.kept(error, &text).await);
            }
        }
    }

    async fn open_editor(&self) -> anyhow::Result<()> {
        let editor = EDITORS.iter().find_map(|name| {
            let value = env::var(name).ok()?;
            (!value.trim().is_empty()).then_some(value)
        });
        let editor = editor.unwrap_or_else(|| DEFAULT_EDITOR.to_owned());
        self.is_editing.store(true, Ordering::Relaxed);
        // By the shell, because the variable may hold arguments. It gives way to the editor, so
        // that a signal ends the editor, too.
        let status = Command::new("sh")
            .args(["-c", &format!("exec {editor} \"$@\""), "sh"])
            .arg(self.file.path())
            .kill_on_drop(true)
            .status()
            .await;
        self.is_editing.store(false, Ordering::Relaxed);
        let status: ExitStatus = status.context("no shell can be started for the editor")?;
        if status.success() {
            return Ok(());
        }
        Err(failure::usage(format!(
            "nothing is stored: the editor `{editor}` ended with {status}; VISUAL or EDITOR names another one"
        )))
    }

    /// Keeps a text that cannot be stored in the bucket, encrypted, so that no secret stays on this
    /// machine and no work is lost.
    async fn kept(&self, error: anyhow::Error, text: &[u8]) -> anyhow::Error {
        match history::keep_draft(self.target, text).await {
            Ok(id) => failure::usage(format!(
                "{error:#}. Your text is kept, encrypted: `mds config edit {} --version {id}` goes on with it",
                self.args.name
            )),
            Err(other) => error.context(format!("{other:#}")),
        }
    }

    /// Waits for a signal that ends the command, and returns the exit status. Ctrl-C in the editor
    /// is the editor's.
    async fn stop_requested(&self) -> anyhow::Result<u8> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        loop {
            let kind = tokio::select! {
                _ = interrupt.recv() => SignalKind::interrupt(),
                _ = terminate.recv() => SignalKind::terminate(),
                _ = hang_up.recv() => SignalKind::hangup(),
            };
            if kind != SignalKind::interrupt() || !self.is_editing.load(Ordering::Relaxed) {
                let number = u8::try_from(kind.as_raw_value()).unwrap_or_default();
                return Ok(SIGNALLED + number);
            }
        }
    }
}
