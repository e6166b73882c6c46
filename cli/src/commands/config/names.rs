//! The names and keys under which something reads an object of the configuration.

use boundaries::Layer;
use config::Environment;
use trips::block::Stage;

use crate::failure;

/// The key of a file by its name or key.
pub(super) fn key_of(name: &str, env: &Environment) -> String {
    match name {
        "providers" => env.providers_key.clone(),
        "settings" => env.settings_key.clone(),
        key => key.to_owned(),
    }
}

/// Whether an object with this key is read only if it is encrypted.
pub(super) fn has_to_be_sealed(key: &str, env: &Environment) -> bool {
    let is_config = key == env.settings_key || key == env.providers_key;
    !(is_config || vault::is_configuration(key) || vault::may_be_plain(key))
}

/// Refuses a key that nothing reads: mostly a slip of the pen, after which the file that was meant
/// is as before.
pub(super) fn check_key(key: &str, env: &Environment, layers: &[Layer]) -> anyhow::Result<()> {
    if may_be_read(key, env, layers) {
        return Ok(());
    }
    Err(failure::usage(format!(
        "nothing reads an object `{key}`{} It may be `settings`, `providers`, `boundaries/….json`, \
         a key that BOUNDARIES or DATABASE_CA names, or that of an hour's object",
        match suggestion(key, env, layers) {
            meant if meant.is_empty() => ".".to_owned(),
            meant => meant,
        }
    )))
}

/// Whether something may read an object with this key.
pub(super) fn may_be_read(key: &str, env: &Environment, layers: &[Layer]) -> bool {
    let of_block = Stage::ALL
        .into_iter()
        .any(|stage| key.starts_with(&format!("{stage}/")));
    let is_free = of_block || key.starts_with("boundaries/") || key.ends_with(".pem");
    is_free || known(env, layers).iter().any(|it| it == key)
}

/// Whether an object with this key is read whatever layers the settings name.
pub(super) fn is_known(key: &str, env: &Environment) -> bool {
    key.ends_with(".pem") || known(env, &[]).iter().any(|it| it == key)
}

/// Asks whether a name or key is meant that is like one that nothing reads, or like its last part.
pub(super) fn suggestion(key: &str, env: &Environment, layers: &[Layer]) -> String {
    let known = known(env, layers);
    let names = ["settings", "providers"].into_iter();
    let names: Vec<_> = names.chain(known.iter().map(String::as_str)).collect();
    let meant = config::suggestion(key, &names);
    match key.rsplit_once('/') {
        Some((_, last)) if meant.is_empty() => config::suggestion(last, &names),
        _ => meant,
    }
}

/// The keys that are read by name.
fn known(env: &Environment, layers: &[Layer]) -> Vec<String> {
    let files = Stage::ALL.into_iter().flat_map(|stage| {
        ["settings", "providers"].map(|name| format!("config/{name}_{stage}.json"))
    });
    let mut known: Vec<String> = files.collect();
    known.extend([env.settings_key.clone(), env.providers_key.clone()]);
    known.extend(layers.iter().map(|layer| layer.key.clone()));
    known
}

/// Whether it is a settings or providers file of the other stage.
pub(super) fn is_of_another_stage(key: &str, env: &Environment) -> bool {
    let others = Stage::ALL.into_iter().filter(|stage| *stage != env.stage);
    let is_other = others
        .into_iter()
        .any(|stage| key.ends_with(&format!("_{stage}.json")));
    is_other && key != env.settings_key && key != env.providers_key
}
