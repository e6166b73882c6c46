//! What every request to a provider needs: its address, its settings and its credentials.

use std::sync::Arc;

use reqwest::header::HeaderValue;
use trips::block::ProviderName;
use url::Url;

use crate::auth::Auth;
use crate::config::ProviderConfig;
use crate::error::MdsError;
use crate::fields::ProviderConfigError;
use crate::options::ClientOptions;
use crate::pace::{LocalPace, Pace};
use crate::query::trips_url;
use crate::words::Secrets;

/// The API of one provider.
#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(crate) http: reqwest::Client,
    pub(crate) name: ProviderName,
    pub(crate) config: ProviderConfig,
    pub(crate) auth: Arc<Auth>,
    pub(crate) trips_url: Url,
    /// The configured `Accept` header, if it replaces the version's own.
    pub(crate) accept: Option<HeaderValue>,
    pub(crate) options: ClientOptions,
    pub(crate) pace: Arc<dyn Pace>,
}

impl Endpoint {
    pub(crate) fn new(
        http: reqwest::Client,
        name: ProviderName,
        config: ProviderConfig,
    ) -> Result<Self, MdsError> {
        let in_config = |error| in_config(&name, error);
        let auth = Arc::new(Auth::new(&http, &config).map_err(in_config)?);
        let accept = accept(&config).map_err(in_config)?;
        Ok(Self {
            accept,
            pace: Arc::new(LocalPace::new(&config)),
            trips_url: http_kit::without_credentials(trips_url(&config.mds_api_url)),
            http,
            name,
            config,
            auth,
            options: ClientOptions::default(),
        })
    }

    /// What must not be shown of the provider's words.
    pub(crate) async fn secrets(&self) -> Secrets {
        Secrets::of_entry(&self.config).and(self.auth.tokens().await)
    }
}

/// The configured `Accept` header.
pub(crate) fn accept(config: &ProviderConfig) -> Result<Option<HeaderValue>, ProviderConfigError> {
    let accept = config.accept.as_deref().map(HeaderValue::try_from);
    accept.transpose().map_err(|_| {
        ProviderConfigError::new("accept", "has characters that no HTTP header can carry")
    })
}

fn in_config(provider: &ProviderName, error: ProviderConfigError) -> MdsError {
    MdsError::Config {
        provider: provider.clone(),
        key: error.key,
        why: error.why,
    }
}
