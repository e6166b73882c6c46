//! The variables of the environment.

use config::{ConfigError, Environment, KeySource};
use http_kit::ClientError;
use secrecy::ExposeSecret as _;
use vault::FernetKeys;

use super::Lookup;
use super::report::Verdict;

const BUCKET: &str = "ATD_MDS_BUCKET";
const KEY: &str = "ATD_MDS_FERNET_KEY";
const KEY_SECRET: &str = "ATD_MDS_FERNET_KEY_SECRET";

/// Reads the variables. In place of a bucket or a key that is missing or malformed, which are
/// checked by themselves, stand values that open nothing.
pub(super) fn read(lookup: Lookup<'_>) -> Result<Environment, ConfigError> {
    let has_key = fernet_key(lookup).is_ok();
    Environment::from_lookup(|name| match name {
        BUCKET => value(lookup, BUCKET).or_else(|| Some("no-bucket".to_owned())),
        KEY if !has_key => Some(FernetKeys::generate().expose_secret().to_owned()),
        KEY_SECRET if !has_key => None,
        _ => lookup(name),
    })
}

pub(super) fn has_bucket(lookup: Lookup<'_>) -> bool {
    value(lookup, BUCKET).is_some()
}

/// The stage, unless the variables allow no request: then every run fails, whatever else is right.
pub(super) fn describe(env: &Environment) -> Verdict {
    match http_kit::client() {
        Ok(_) => Verdict::ok(format!("stage {}", env.stage)),
        Err(ClientError::Machine { cause }) => Verdict::broken(
            format!("this machine's HTTP client cannot be built: {cause}"),
            "install the machine's certificate authorities (ca-certificates)",
        ),
        Err(error) => Verdict::broken(error.to_string(), "correct the variable"),
    }
}

/// Whether there is a key, or a secret that should hold one.
pub(super) fn fernet_key(lookup: Lookup<'_>) -> Result<Verdict, Verdict> {
    let read = Environment::from_lookup(|name| match name {
        BUCKET => Some("no-bucket".to_owned()),
        KEY | KEY_SECRET => lookup(name),
        _ => None,
    });
    match read {
        Ok(env) => Ok(match env.fernet_keys {
            KeySource::Given(keys) if keys.count() == 1 => Verdict::ok("one key"),
            KeySource::Given(keys) => Verdict::ok(format!(
                "{} keys, of which the first encrypts",
                keys.count()
            )),
            KeySource::SecretsManager { .. } => {
                Verdict::ok("from the secret that ATD_MDS_FERNET_KEY_SECRET names")
            }
        }),
        Err(why) => Err(Verdict::broken(
            why.to_string(),
            "set ATD_MDS_FERNET_KEY to the key that sealed the files in the bucket; for a new bucket `mds init` makes one",
        )),
    }
}

fn value(lookup: Lookup<'_>, name: &str) -> Option<String> {
    lookup(name).filter(|value| !value.trim().is_empty())
}
