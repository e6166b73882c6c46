//! The boundary layers, read from the bucket.

use boundaries::{Boundaries, Builder, Layer, LayerName};
use tokio::task::spawn_blocking;
use vault::Vault;

use crate::error::ConfigError;
use crate::load::read_version;
use crate::settings::{BOUNDARIES, Settings};
use crate::version::BoundaryVersions;

/// Reads the layers that the settings name from the bucket, as they are now. That takes seconds, so
/// do it once per configuration.
///
/// # Errors
///
/// [`ConfigError`] that names `BOUNDARIES`: the setting is malformed, or an object is missing,
/// unreadable or not a layer.
pub async fn load_boundaries(
    vault: &Vault,
    settings: &Settings,
) -> Result<Boundaries, ConfigError> {
    load_boundaries_at(vault, settings, &BoundaryVersions::new()).await
}

/// As [`load_boundaries`], of certain versions. A layer without one is read as it is now.
///
/// # Errors
///
/// As [`load_boundaries`]; [`ConfigError::Superseded`] if the bucket no longer has a version.
pub async fn load_boundaries_at(
    vault: &Vault,
    settings: &Settings,
    versions: &BoundaryVersions,
) -> Result<Boundaries, ConfigError> {
    let mut builder = Boundaries::builder();
    for layer in settings.boundaries()? {
        let version = versions.get(&layer.key);
        let (text, _) = read_version(vault, BOUNDARIES, &layer.key, version).await?;
        let key = layer.key.clone();
        let name = layer.layer;
        builder = add(builder, layer, text).await?;
        if name == LayerName::CensusGeoid {
            warn_of_shortened_geoids(&key, &builder);
        }
        if builder.is_without_area(name) {
            tracing::warn!(
                s3.key = key,
                "no feature of a boundary layer has an area, so no point is in it"
            );
        }
    }
    Ok(builder.build())
}

/// Checks a layer's file as [`load_boundaries`] does, and whether it can label any point. `layers`
/// are those that the settings name. A file that none of them names may belong to any layer, with
/// any property. Returns what is seldom meant.
///
/// # Errors
///
/// [`ConfigError::Boundary`], which names the file.
pub fn check_boundary(
    layers: &[Layer],
    key: &str,
    text: &[u8],
) -> Result<Vec<String>, ConfigError> {
    let mut warnings = Vec::new();
    let mut is_named = false;
    for layer in layers.iter().filter(|layer| layer.key == key) {
        is_named = true;
        warnings.extend(boundaries::check_layer(layer, text)?);
    }
    if !is_named {
        boundaries::check_geometry(key, text)?;
    }
    Ok(warnings)
}

async fn add(builder: Builder, layer: Layer, text: Vec<u8>) -> Result<Builder, ConfigError> {
    spawn_blocking(move || builder.add_layer(&layer, &text))
        .await
        .map_err(|_| {
            ConfigError::invalid(BOUNDARIES, "could not be read: the work was interrupted")
        })?
        .map_err(ConfigError::from)
}

fn warn_of_shortened_geoids(key: &str, builder: &Builder) {
    if builder.shortened_geoids() > 0 {
        tracing::warn!(
            s3.key = key,
            boundaries.features = builder.shortened_geoids(),
            "census tracts have ids of ten digits: a leading zero may be lost, write them as texts of eleven"
        );
    }
}
