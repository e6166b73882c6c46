//! `mds config put`, and how every command stores a text: checked, compared with what is there, and
//! only if nobody has changed that meanwhile.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::{Value, json};
use trips::text::strip_byte_order_mark;
use vault::{Seal, StoredAs, VaultError, WriteCondition};

use super::content;
use super::diff::Difference;
use super::history;
use super::names;
use super::target::{Stored, Target};
use crate::args::{PutArgs, StageArgs};
use crate::failure;
use crate::output;

/// A text that may take the place of what is stored.
pub(super) struct Proposal {
    pub(super) text: Vec<u8>,
    pub(super) difference: Difference,
    pub(super) warnings: Vec<String>,
    /// How it is stored.
    pub(super) seal: Seal,
}

/// `mds config put`.
pub(super) async fn put(
    name: &str,
    file: &Path,
    options: &PutArgs,
    stage: &StageArgs,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let target = Target::open(name, stage).await?;
    let text = super::read(file)?;
    let stored = target.current().await?;
    let seal = if options.plain_text {
        Seal::Plain
    } else {
        Seal::Encrypt
    };
    let proposal = propose(&target, stored.as_ref(), text, seal, options.accept_removal).await;
    let proposal = proposal.with_context(|| format!("{name} is not stored: {}", file.display()))?;
    proposal.show(json);
    let former = store(&target, stored.as_ref(), &proposal).await?;
    report(&target, &proposal, former.as_deref(), json)?;
    Ok(ExitCode::SUCCESS)
}

/// Checks a text, and compares it with what is stored.
pub(super) async fn propose(
    target: &Target,
    stored: Option<&Stored>,
    text: Vec<u8>,
    seal: Seal,
    accept_removal: bool,
) -> anyhow::Result<Proposal> {
    let (key, env) = (&target.key, &target.env);
    // Windows editors write it, and the older tools cannot read a file that begins with it.
    let text = strip_byte_order_mark(&text).to_vec();
    let mut warnings = content::check(key, env, &target.vault, &text).await?;
    if !accept_removal {
        content::check_readable(stored)?;
        if target.is_providers() {
            content::check_removal(stored, &text)?;
        }
    }
    if seal == Seal::Encrypt && !accept_removal {
        content::check_fernet_key(target).await?;
    }
    warnings.extend(content::becomes_encrypted(target, stored, seal));
    if seal == Seal::Plain {
        if names::has_to_be_sealed(key, env) {
            return Err(failure::usage(
                "only configuration and boundaries may be plain; leave out --plain-text",
            ));
        }
        env.check_plain(key)?;
    }
    warnings.extend(content::missing_boundaries(target, stored, &text).await?);
    let before = stored.and_then(|it| it.text.as_deref());
    Ok(Proposal {
        difference: Difference::new(target.kind(), before, &text),
        text,
        warnings,
        seal,
    })
}

impl Proposal {
    /// Shows what changes, and what is allowed but seldom meant.
    pub(super) fn show(&self, json: bool) {
        if json {
            return;
        }
        for warning in &self.warnings {
            note!("warning: {warning}");
        }
        output::note(format_args!("{}", self.difference));
    }
}

/// How an object is stored again: boundaries stay plain if they are, all else is encrypted.
pub(super) fn seal_of(target: &Target, stored: Option<&Stored>) -> Seal {
    let is_plain = stored.is_some_and(|it| it.stored_as == Some(StoredAs::Plain));
    if is_plain && vault::may_be_plain(&target.key) {
        Seal::Plain
    } else {
        Seal::Encrypt
    }
}

/// Keeps the former version and stores the text, if the bucket still has what was read. Returns the
/// key of the former version, if the text differs from it.
pub(super) async fn store(
    target: &Target,
    stored: Option<&Stored>,
    proposal: &Proposal,
) -> anyhow::Result<Option<String>> {
    write(target, stored, proposal)
        .await
        .map_err(|error| match error {
            VaultError::Changed { .. } => failure::usage(format!(
                "nothing is stored: somebody else changed {} in the meantime; look at it with `mds config get`, and try \
                 again",
                target.key
            )),
            error => error.into(),
        })
}

async fn write(
    target: &Target,
    stored: Option<&Stored>,
    proposal: &Proposal,
) -> Result<Option<String>, VaultError> {
    let is_new = |it: &&Stored| it.text.as_deref() != Some(&proposal.text);
    let former = match stored.filter(is_new) {
        Some(stored) => Some(history::keep(target, stored).await?),
        None => None,
    };
    let condition = stored.map_or(WriteCondition::IfAbsent, |it| {
        WriteCondition::tagged(it.etag.clone())
    });
    let (text, seal) = (&proposal.text, proposal.seal);
    let vault = &target.vault;
    Box::pin(vault.put_bytes_if(&target.key, text, seal, condition)).await?;
    Ok(former)
}

/// Says what was stored.
pub(super) fn report(
    target: &Target,
    proposal: &Proposal,
    former: Option<&str>,
    json: bool,
) -> anyhow::Result<()> {
    let bucket = target.vault.bucket();
    if json {
        return output::json(&document(target, proposal, former));
    }
    note!("stored {} in {bucket}", target.key);
    if let Some(former) = former {
        note!("the former version is kept as {former}");
    }
    Ok(())
}

fn document(target: &Target, proposal: &Proposal, former: Option<&str>) -> Value {
    let mut document = proposal.difference.as_json();
    document["key"] = target.key.as_str().into();
    document["bucket"] = target.vault.bucket().into();
    document["warnings"] = json!(proposal.warnings);
    document["former"] = json!(former);
    document
}
