//! The boundary layers, read from the bucket.

use boundaries::{Boundaries, Builder, Layer};
use tokio::task::spawn_blocking;
use vault::Vault;

use crate::error::ConfigError;
use crate::settings::{BOUNDARIES, Settings};

/// Reads the layers that the settings name from the bucket. That takes seconds, so do it once per
/// process.
///
/// # Errors
///
/// [`ConfigError`] that names `BOUNDARIES`: the setting is malformed, or an object is missing,
/// unreadable or not a layer.
pub async fn load_boundaries(
    vault: &Vault,
    settings: &Settings,
) -> Result<Boundaries, ConfigError> {
    let mut builder = Boundaries::builder();
    for layer in settings.boundaries()? {
        let text = vault
            .get_bytes(&layer.key)
            .await
            .map_err(|source| ConfigError::Object {
                key: BOUNDARIES,
                source,
            })?;
        builder = add(builder, layer, text).await?;
    }
    Ok(builder.build())
}

async fn add(builder: Builder, layer: Layer, text: Vec<u8>) -> Result<Builder, ConfigError> {
    spawn_blocking(move || builder.add_layer(&layer, &text))
        .await
        .map_err(|_| {
            ConfigError::invalid(BOUNDARIES, "could not be read: the work was interrupted")
        })?
        .map_err(ConfigError::from)
}
