//! `mds config rotate-key`: encrypts every object with the first key, and says when the older keys
//! may go.

use std::process::ExitCode;
use std::time::SystemTime;

use serde_json::json;
use trips::words::counted;
use vault::{RotationFailure, RotationProgress, RotationReport, Unreadable, Vault, VaultError};

use crate::args::RotateArgs;
use crate::commands::connect;
use crate::failure::{FAILED, usage};
use crate::output;
use crate::progress::Progress;

/// The older versions of the rotated objects, in a bucket that keeps them.
enum Versions {
    /// They are still there.
    Kept(u64),
    /// They were deleted, but for those that are younger than the rotation.
    Purged { deleted: u64, kept: u64 },
    /// The role may not list them, or the service has none.
    Unknown(VaultError),
}

pub(crate) async fn rotate_key(
    args: &RotateArgs,
    json: bool,
    progress: &Progress,
) -> anyhow::Result<ExitCode> {
    let (_, vault) = connect::bucket().await?;
    let began = SystemTime::now();
    let objects = progress.start_objects();
    let rotated = vault
        .rotate(&args.prefix, |seen: &RotationProgress| {
            objects.show(seen.done());
        })
        .await;
    progress.end();
    let report = rotated?;
    if report.seen() == 0 && !args.prefix.is_empty() {
        return Err(usage(format!(
            "no object of the bucket {} begins with {}",
            vault.bucket(),
            args.prefix
        )));
    }
    for failure in &report.failed {
        note!("{failure}{}", way_out(failure, vault.bucket()));
    }
    for key in &report.exposed {
        note!("{key} {}", remedy(key));
    }
    let versions = versions(&vault, args, &report, began).await?;
    let advice = advice(&vault, args, &report, &versions);
    if json {
        output::text(&as_json(&report, &versions, &advice))?;
    } else {
        output::text(&format!("{report}\n{}\n{}", versions.line(), advice.text))?;
    }
    Ok(if report.failed.is_empty() && report.exposed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FAILED)
    })
}

/// What to do about an object that is not one of ours and lies in the place of one, and about a
/// copy that no key opens.
fn way_out(failure: &RotationFailure, bucket: &str) -> String {
    let VaultError::Unreadable { why, .. } = &failure.error else {
        return String::new();
    };
    match why {
        Unreadable::Unknown => {
            "; only encrypted objects belong there, and it may be the only copy: if it is a token within quotes or other \
             text, store the token alone; if not, move it elsewhere"
                .to_owned()
        }
        Unreadable::NoKeyFits { .. } | Unreadable::CutShort | Unreadable::Content
            if vault::is_copy(&failure.key) =>
        {
            format!(
                "; no step reads this copy: if you have no other key that opens it, delete it: aws s3 rm s3://{bucket}/{}",
                failure.key
            )
        }
        _ => String::new(),
    }
}

/// What to do about a plain object that should be encrypted.
fn remedy(key: &str) -> &'static str {
    if vault::is_configuration(key) {
        "is not encrypted; store it again with `mds config put`"
    } else {
        "is not encrypted, so no step reads it; put back the object that belongs there"
    }
}

/// Counts or deletes older versions. As long as an object could not be rotated, none is deleted: it
/// may be the last that can be read.
async fn versions(
    vault: &Vault,
    args: &RotateArgs,
    report: &RotationReport,
    began: SystemTime,
) -> Result<Versions, VaultError> {
    if args.purge_versions && report.failed.is_empty() {
        let purged = vault.purge_noncurrent(&args.prefix, began).await?;
        return Ok(Versions::Purged {
            deleted: purged.deleted,
            kept: purged.kept,
        });
    }
    match vault.count_noncurrent(&args.prefix).await {
        Ok(count) => Ok(Versions::Kept(count)),
        Err(error) if args.purge_versions => Err(error),
        Err(error) => Ok(Versions::Unknown(error)),
    }
}

impl Versions {
    fn left(&self) -> Option<u64> {
        match self {
            Self::Kept(count) | Self::Purged { kept: count, .. } => Some(*count),
            Self::Unknown(_) => None,
        }
    }

    fn line(&self) -> String {
        match self {
            Self::Kept(count) => format!("{} in the bucket", counted(*count, "older version")),
            Self::Purged { deleted, kept } => format!(
                "{} deleted, {kept} kept since they are younger",
                counted(*deleted, "older version")
            ),
            Self::Unknown(error) => format!("older versions were not counted: {error}"),
        }
    }
}

/// Whether the older keys may go, and why not.
struct Advice {
    may_go: bool,
    text: String,
}

fn advice(
    vault: &Vault,
    args: &RotateArgs,
    report: &RotationReport,
    versions: &Versions,
) -> Advice {
    let keep = |text: String| Advice {
        may_go: false,
        text,
    };
    if vault.key_count() < 2 {
        return keep("only one key is configured, so there is no older one to remove".to_owned());
    }
    if !report.failed.is_empty() {
        return keep(format!(
            "keep the older keys: {} could not be rotated",
            counted(report.failed.len(), "object")
        ));
    }
    if !args.prefix.is_empty() {
        return keep(format!(
            "no object under {} needs the older keys; rotate without --prefix before they go",
            args.prefix
        ));
    }
    let left = match versions.left() {
        Some(0) => String::new(),
        Some(count) => format!(
            "; whoever has them can still read {} (--purge-versions)",
            counted(count, "older version")
        ),
        None => "; whoever has them may still read older versions".to_owned(),
    };
    Advice {
        may_go: true,
        text: format!(
            "no object needs the older keys any more: they may be removed from ATD_MDS_FERNET_KEY as \
             soon as every process has the first one{left}"
        ),
    }
}

fn as_json(report: &RotationReport, versions: &Versions, advice: &Advice) -> serde_json::Value {
    let failed: Vec<_> = report.failed.iter().map(|it| it.key.as_str()).collect();
    json!({
        "rotated": report.rotated,
        "already_current": report.already_current,
        "plain": report.plain,
        "not_encrypted": report.exposed,
        "of_another_kind": report.foreign,
        "failed": failed,
        "older_versions": versions.left(),
        "older_keys_may_go": advice.may_go,
    })
}

#[cfg(test)]
mod tests;
