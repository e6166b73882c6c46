use boundaries::{Boundaries, Builder, Layer};
use tokio::task::spawn_blocking;
use vault::Vault;

use crate::error::ConfigError;
use crate::settings::{BOUNDARIES, Settings};

/// Reads the layers that the settings name from the bucket. Some seconds and the size of the files:
/// do it once per environment.
///
/// # Errors
///
/// [`ConfigError`] naming `BOUNDARIES`: the setting is malformed, an object is missing or
/// unreadable, or it is no layer.
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
        .map_err(|_| ConfigError::invalid(BOUNDARIES, "could not be read: the work was cut off"))?
        .map_err(ConfigError::from)
}
