//! The answers, and the texts of the files that are made of them.

use anyhow::Context as _;
use boundaries::Layer;
use config::Settings;
use secrecy::ExposeSecret as _;
use vault::FernetKeys;

use super::ask::Asker;
use super::bucket::Bucket;
use super::{given, local};
use crate::args::InitArgs;
use crate::commands::config::check_text;

mod environment;
mod files;

pub(super) use self::environment::{env_text, environment};
pub(crate) use self::files::secrets;
use self::files::{providers, read_boundaries, settings};

const NONE: &str = "none";

/// What the files are to hold. A file without a text is stored already and stays.
pub(super) struct Answers {
    /// The settings, of this folder or made of the answers.
    pub(super) settings: Option<String>,
    pub(super) providers: Option<String>,
    /// Those of them that are made of the answers.
    pub(super) new_settings: Option<String>,
    pub(super) new_providers: Option<String>,
    pub(super) boundaries: Vec<(Layer, Vec<u8>)>,
    /// The provider to probe, if one was named.
    pub(super) provider: Option<String>,
}

impl Answers {
    /// Asks for what neither the folder nor the bucket has.
    pub(super) async fn gather(
        args: &InitArgs,
        asker: &mut Asker,
        bucket: &Bucket,
    ) -> anyhow::Result<Self> {
        let local_settings = local::read(&args.folder, local::SETTINGS)?;
        let local_providers = local::read(&args.folder, local::PROVIDERS)?;
        let is_new =
            |local: &Option<String>, stored: &Option<Vec<u8>>| local.is_none() && stored.is_none();
        given::check_settings(args, local_settings.as_deref(), bucket)?;
        given::check_providers(args, local_providers.as_deref(), bucket)?;
        let mut boundaries = Vec::new();
        let mut new_settings = None;
        if is_new(&local_settings, &bucket.settings) {
            boundaries = read_boundaries(args, asker).await?;
            new_settings = Some(settings(args, asker, &boundaries).await?);
        } else if !args.boundaries.is_empty() {
            boundaries = read_boundaries(args, asker).await?;
        }
        let mut provider = args.provider.clone().filter(|name| name != NONE);
        let mut new_providers = None;
        if is_new(&local_providers, &bucket.providers) {
            let (name, text) = providers(args, asker).await?;
            (provider, new_providers) = (name, Some(text));
        }
        Ok(Self {
            settings: local_settings.or_else(|| new_settings.clone()),
            providers: local_providers.or_else(|| new_providers.clone()),
            new_settings,
            new_providers,
            boundaries,
            provider,
        })
    }

    /// Checks the texts as `mds config put` does, and that an hour can be loaded with them.
    pub(super) async fn check(&self, bucket: &Bucket) -> anyhow::Result<()> {
        let env = &bucket.env;
        for (file, key, text) in [
            (local::SETTINGS, &env.settings_key, &self.settings),
            (local::PROVIDERS, &env.providers_key, &self.providers),
        ] {
            if let Some(text) = text {
                let warnings = check_text(key, env, &bucket.vault, text.as_bytes());
                for warning in warnings.await.context(file)? {
                    note!("warning: {file}: {warning}");
                }
            }
        }
        if let Some(text) = &self.settings {
            let settings = Settings::from_json(text.as_bytes()).context(local::SETTINGS)?;
            settings.public_id_key().context(local::SETTINGS)?;
        }
        for (layer, text) in &self.boundaries {
            let layers = std::slice::from_ref(layer);
            for warning in config::check_boundary(layers, &layer.key, text)? {
                note!("warning: {warning}");
            }
        }
        Ok(())
    }
}

/// 32 random bytes, in base64.
fn random_key() -> String {
    FernetKeys::generate().expose_secret().to_owned()
}
