//! Options that contradict what an earlier call has written. It is never overwritten, so an option
//! that is silently left out would be a wrong answer for ever.

use mds_client::MdsVersion;
use serde_json::Value;
use trips::text::strip_byte_order_mark;

use super::bucket::Bucket;
use super::local;
use crate::args::InitArgs;
use crate::failure::usage;

/// Refuses an option that contradicts the settings of this folder or of the bucket.
pub(super) fn check_settings(
    args: &InitArgs,
    local: Option<&str>,
    bucket: &Bucket,
) -> anyhow::Result<()> {
    let Some(written) = Written::find("settings", local::SETTINGS, local, &bucket.settings) else {
        return Ok(());
    };
    for (option, given, key) in [
        ("--database-url", &args.database_url, "DATABASE_URL"),
        ("--time-zone", &args.time_zone, "TIME_ZONE"),
        ("--portal", &args.portal, "SOCRATA_DATA_ENDPOINT"),
        ("--dataset", &args.dataset, "SOCRATA_DATASET"),
    ] {
        written.check(args, option, given.as_deref(), &written.value[key], key)?;
    }
    Ok(())
}

/// Refuses an option that contradicts the provider's entry in this folder or in the bucket.
pub(super) fn check_providers(
    args: &InitArgs,
    local: Option<&str>,
    bucket: &Bucket,
) -> anyhow::Result<()> {
    let written = Written::find("providers", local::PROVIDERS, local, &bucket.providers);
    let (Some(written), Some(name)) = (written, &args.provider) else {
        return Ok(());
    };
    let entry = &written.value[name.as_str()];
    for (option, given, key) in [
        ("--provider-url", &args.provider_url, "mds_api_url"),
        ("--provider-id", &args.provider_id, "provider_id"),
        ("--provider-version", &args.provider_version, "version"),
        ("--auth-type", &args.auth_type, "auth_type"),
    ] {
        written.check(args, option, given.as_deref(), &entry[key], key)?;
    }
    Ok(())
}

/// A file that an earlier call has written.
struct Written {
    name: &'static str,
    file: &'static str,
    is_local: bool,
    value: Value,
}

impl Written {
    /// The file of the folder or, if there is none, that of the bucket. What is not JSON is found
    /// out later.
    fn find(
        name: &'static str,
        file: &'static str,
        local: Option<&str>,
        stored: &Option<Vec<u8>>,
    ) -> Option<Self> {
        let text = local.map(str::as_bytes).or(stored.as_deref())?;
        Some(Self {
            name,
            file,
            is_local: local.is_some(),
            value: serde_json::from_slice(strip_byte_order_mark(text)).ok()?,
        })
    }

    /// The values are not shown: an address may hold a password.
    fn check(
        &self,
        args: &InitArgs,
        option: &str,
        given: Option<&str>,
        written: &Value,
        key: &str,
    ) -> anyhow::Result<()> {
        match (given, written.as_str()) {
            (Some(given), Some(written)) if !is_same(given, written) => Err(usage(format!(
                "{option} contradicts {key} of {}, which is kept: {}",
                self.place(args),
                if self.is_local {
                    "edit that file, or remove it to have it made anew".to_owned()
                } else {
                    format!("change it with `mds config edit {}`", self.name)
                }
            ))),
            _ => Ok(()),
        }
    }

    fn place(&self, args: &InitArgs) -> String {
        if self.is_local {
            args.folder.join(self.file).display().to_string()
        } else {
            format!("the {} in the bucket", self.name)
        }
    }
}

/// Whether both mean the same version, id or name.
fn is_same(given: &str, written: &str) -> bool {
    let version = |text: &str| text.parse::<MdsVersion>().ok();
    given.eq_ignore_ascii_case(written)
        || version(given).is_some_and(|it| version(written) == Some(it))
}
