//! The two files of the configuration and the boundaries.

use std::time::Duration;

use boundaries::Layer;
use config::{Environment, Providers, Settings};
use futures::future::join_all;
use tokio::task::spawn_blocking;
use trips::words::counted;
use vault::{StoredAs, StoredInfo, Unreadable, Vault, VaultError};

use super::bucket;
use super::report::{Check, Verdict, timed};
use crate::judge::{FileVerdict, judge_providers, judge_settings};

/// What was found of the two files.
pub(super) struct Found {
    pub(super) settings: Option<Settings>,
    pub(super) settings_check: Check,
    pub(super) providers: Option<Providers>,
    pub(super) providers_check: Check,
    /// Keys of objects that a Fernet key has opened.
    opened: Vec<String>,
    /// Keys of objects that no Fernet key opens.
    closed: Vec<String>,
}

struct File {
    key: String,
    text: Result<(Vec<u8>, StoredInfo), VaultError>,
}

/// Reads and checks the two files.
pub(super) async fn read(env: &Environment, vault: &Vault, limit: Duration) -> Found {
    let (mut settings_file, mut providers_file) = (None, None);
    let (mut settings, mut providers) = (None, None);
    let (settings_check, providers_check) = futures::join!(
        timed("settings", Some(env.settings_key.clone()), limit, async {
            let file = settings_file.insert(get(vault, &env.settings_key).await);
            check_settings(env, vault, file, &mut settings).await
        }),
        timed("providers", Some(env.providers_key.clone()), limit, async {
            let file = providers_file.insert(get(vault, &env.providers_key).await);
            check_providers(env, file, &mut providers)
        }),
    );
    let files: Vec<File> = [settings_file, providers_file]
        .into_iter()
        .flatten()
        .collect();
    let keys = |is: fn(&File) -> bool| {
        let found = files.iter().filter(|file| is(file));
        found.map(|file| file.key.clone()).collect()
    };
    Found {
        opened: keys(File::was_opened),
        closed: keys(File::has_no_key),
        settings,
        settings_check,
        providers,
        providers_check,
    }
}

async fn get(vault: &Vault, key: &str) -> File {
    File {
        key: key.to_owned(),
        text: vault.get_with_info(key).await,
    }
}

impl File {
    fn was_opened(&self) -> bool {
        self.text
            .as_ref()
            .is_ok_and(|(_, info)| info.stored_as != StoredAs::Plain)
    }

    fn has_no_key(&self) -> bool {
        matches!(
            self.text,
            Err(VaultError::Unreadable {
                why: Unreadable::NoKeyFits { .. },
                ..
            })
        )
    }

    /// The text, or why there is none. `name` is the file's name for `mds config`.
    fn text(&self, env: &Environment, name: &str) -> Result<&[u8], Verdict> {
        match &self.text {
            Ok((_, info)) if info.stored_as == StoredAs::Plain && !env.may_be_plain() => {
                Err(Verdict::broken(
                    "it is not encrypted, and this is production",
                    format!("mds config put {name} FILE"),
                ))
            }
            Ok((text, _)) => Ok(text),
            Err(_) if self.has_no_key() => {
                Err(Verdict::not_tried("the Fernet key does not open it"))
            }
            Err(error @ VaultError::NotFound { .. }) => Err(Verdict::broken(
                error.to_string(),
                format!("mds config put {name} FILE; `mds init` writes one to begin with"),
            )),
            Err(error @ VaultError::Unreadable { .. }) => Err(Verdict::broken(
                error.to_string(),
                format!("mds config put {name} FILE"),
            )),
            Err(error) => Err(bucket::verdict(error)),
        }
    }
}

async fn check_settings(
    env: &Environment,
    vault: &Vault,
    file: &File,
    usable: &mut Option<Settings>,
) -> Verdict {
    const REMEDY: &str = "mds config edit settings";
    let text = match file.text(env, "settings") {
        Ok(text) => text,
        Err(verdict) => return verdict,
    };
    let judged = judge_settings(env, vault, text).await;
    let zone = judged.file.as_ref().map(|it| it.time_zone.name());
    let zone = zone.unwrap_or_default();
    *usable = judged.file;
    match judged.verdict {
        FileVerdict::Unusable(problem) => return Verdict::broken(problem.message, REMEDY),
        FileVerdict::LoadsNothing(why) => return Verdict::broken(why, REMEDY),
        FileVerdict::Usable => {}
    }
    if !judged.warnings.is_empty() {
        return Verdict::warning(judged.warnings.join("; "), REMEDY);
    }
    Verdict::ok(format!("they can be used; the city's time zone is {zone}"))
}

fn check_providers(env: &Environment, file: &File, usable: &mut Option<Providers>) -> Verdict {
    const REMEDY: &str = "mds config edit providers";
    let text = match file.text(env, "providers") {
        Ok(text) => text,
        Err(verdict) => return verdict,
    };
    let judged = judge_providers(text);
    let (mut enabled, mut all) = (0, 0);
    if let Some(providers) = &judged.file {
        enabled = providers.iter().filter(|(_, it)| it.enabled).count();
        all = providers.iter().count();
    }
    *usable = judged.file;
    if let FileVerdict::Unusable(problem) = judged.verdict {
        return Verdict::broken(problem.message, REMEDY);
    }
    match enabled {
        _ if !judged.warnings.is_empty() => Verdict::warning(judged.warnings.join("; "), REMEDY),
        0 => Verdict::warning(
            format!(
                "none of {} is enabled, so no hour is requested",
                counted(all, "provider")
            ),
            REMEDY,
        ),
        _ => Verdict::ok(format!("{enabled} of {all} are enabled")),
    }
}

/// Whether the key is the one that sealed the files in the bucket.
pub(super) fn key_fits(key: Result<Verdict, Verdict>, found: &Found) -> Verdict {
    let well_formed = match key {
        Ok(verdict) => verdict,
        Err(broken) => return broken,
    };
    if !found.closed.is_empty() {
        return Verdict::broken(
            format!("it does not open {}", found.closed.join(" and ")),
            "add the key that sealed them after the first one in ATD_MDS_FERNET_KEY, separated by a comma",
        );
    }
    if found.opened.is_empty() {
        return well_formed;
    }
    Verdict::ok(format!("it opens {}", found.opened.join(" and ")))
}

/// Checks each layer as a load does.
pub(super) async fn boundaries(vault: &Vault, settings: &Settings, limit: Duration) -> Vec<Check> {
    let layers = match settings.boundaries() {
        Ok(layers) => layers,
        Err(error) => {
            let broken = Verdict::broken(error.to_string(), "mds config edit settings");
            return vec![Check::at_once("boundaries", broken)];
        }
    };
    if layers.is_empty() {
        let none = Verdict::ok("BOUNDARIES is [], so trips get no district, tract or cell");
        return vec![Check::at_once("boundaries", none)];
    }
    let checks = layers.into_iter().map(|layer| {
        let about = Some(layer.layer.to_string());
        timed("boundaries", about, limit, layer_verdict(vault, layer))
    });
    join_all(checks).await
}

async fn layer_verdict(vault: &Vault, layer: Layer) -> Verdict {
    let key = layer.key.clone();
    let remedy = format!(
        "mds config put {key} FILE --plain-text, or take the layer out of BOUNDARIES (mds config edit settings)"
    );
    let text = match vault.get_bytes(&key).await {
        Ok(text) => text,
        Err(error @ (VaultError::NotFound { .. } | VaultError::Unreadable { .. })) => {
            return Verdict::broken(error.to_string(), remedy);
        }
        Err(error) => return bucket::verdict(&error),
    };
    let property = layer.property.clone();
    let checked = spawn_blocking(move || config::check_boundary(&[layer], &key, &text)).await;
    match checked {
        Ok(Ok(warnings)) if !warnings.is_empty() => Verdict::warning(warnings.join("; "), remedy),
        Ok(Ok(_)) => Verdict::ok(format!("labels are read from the property {property}")),
        Ok(Err(error)) => Verdict::broken(error.to_string(), remedy),
        Err(_) => Verdict::not_tried("the work was interrupted"),
    }
}
