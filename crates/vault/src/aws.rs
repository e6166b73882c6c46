//! The clients of AWS: region, credentials, endpoints, retries.

use std::fmt;
use std::time::Duration;

use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Credentials, ResponseChecksumValidation, SharedHttpClient};
use aws_smithy_http_client::Builder as HttpClientBuilder;
use aws_smithy_http_client::tls;
use secrecy::{ExposeSecret as _, SecretString};

use crate::error::VaultError;

const PLAIN_SCHEME: &str = "http://";

const REGION: &str = "AWS_REGION";
const DEFAULT_REGION: &str = "AWS_DEFAULT_REGION";
/// A misspelling in the deployments of the system that this one replaces.
const MISSPELLED_REGION: &str = "AWS_DEFALUT_REGION";
const ENDPOINT: &str = "AWS_ENDPOINT_URL";
const S3_ENDPOINT: &str = "AWS_ENDPOINT_URL_S3";
const PROFILE: &str = "AWS_PROFILE";
const ACCESS_KEY_ID: &str = "AWS_ACCESS_KEY_ID";
const SECRET_ACCESS_KEY: &str = "AWS_SECRET_ACCESS_KEY";
const SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";

const MAX_ATTEMPTS: u32 = 4;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// Local replacements of AWS accept any region, but a request must name one.
const LOCAL_REGION: &str = "us-east-1";

/// The values of the AWS SDK's environment variables.
///
/// The caller supplies the lookup, so that a file of variables works as well as the process's
/// environment. For what is not set, the SDK uses its other sources: profile files, the container,
/// the instance.
#[derive(Clone, Default)]
pub struct AwsOptions {
    region: Option<String>,
    fallback_region: Option<String>,
    endpoint: Option<String>,
    s3_endpoint: Option<String>,
    profile: Option<String>,
    static_keys: Option<StaticKeys>,
}

#[derive(Clone)]
struct StaticKeys {
    id: String,
    secret: SecretString,
    session_token: Option<SecretString>,
}

impl AwsOptions {
    /// Reads the variables (docs/CONTRACT.md, "Environment variables"). The misspelled
    /// `AWS_DEFALUT_REGION` is read last, with a warning. An empty value counts as not set.
    #[must_use]
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let get = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
        let region = get(REGION).or_else(|| get(DEFAULT_REGION));
        let fallback_region = region.is_none().then(|| get(MISSPELLED_REGION)).flatten();
        if fallback_region.is_some() {
            tracing::warn!(
                "AWS region is read from the misspelled variable AWS_DEFALUT_REGION; set AWS_REGION instead"
            );
        }
        Self {
            region,
            fallback_region,
            endpoint: get(ENDPOINT),
            s3_endpoint: get(S3_ENDPOINT),
            profile: get(PROFILE),
            static_keys: StaticKeys::from_lookup(get),
        }
    }

    /// The region that the variables name. The misspelled one is read last.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref().or(self.fallback_region.as_deref())
    }

    /// Loads the shared configuration of AWS clients: region, credentials, standard retries (4
    /// attempts), 5 s to connect, 60 s until a response begins.
    pub async fn load(&self) -> SdkConfig {
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .retry_config(RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT_TIMEOUT)
                    .read_timeout(READ_TIMEOUT)
                    .build(),
            );
        if let Some(client) = trusting_client() {
            loader = loader.http_client(client);
        }
        if let Some(profile) = &self.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(endpoint) = &self.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        if let Some(keys) = &self.static_keys {
            loader = loader.credentials_provider(keys.credentials());
        }
        self.with_region(loader).load().await
    }

    /// The server that has the buckets, as an error names it: `host:port` of the endpoint that is
    /// set, or the name of the region's.
    #[must_use]
    pub fn s3_host(&self, config: &SdkConfig) -> String {
        let given = self.s3_endpoint.as_deref().or(self.endpoint.as_deref());
        if let Some(url) = given.or(config.endpoint_url()) {
            let host = url.split_once("://").map_or(url, |(_, rest)| rest);
            let host = host.split(['/', '?']).next().unwrap_or_default();
            return host.rsplit('@').next().unwrap_or_default().to_owned();
        }
        match config.region().map(Region::as_ref) {
            Some(region) if region.starts_with("cn-") => format!("s3.{region}.amazonaws.com.cn"),
            Some(region) => format!("s3.{region}.amazonaws.com"),
            None => "s3.amazonaws.com".to_owned(),
        }
    }

    /// The region that the variables, or the profile, name.
    pub async fn find_region(&self) -> Option<String> {
        let region = self.load().await.region()?.to_string();
        Some(region)
    }

    /// Looks for credentials where the SDK does: variables, profiles, container, instance.
    ///
    /// # Errors
    ///
    /// [`VaultError::NoCredentials`]; none of the sources has any, or one did not respond.
    pub async fn find_credentials(&self) -> Result<(), VaultError> {
        let none = VaultError::NoCredentials {
            is_transient: false,
        };
        let config = self.load().await;
        let provider = config.credentials_provider().ok_or(none.clone())?;
        let found = provider.provide_credentials().await;
        found.map(|_| ()).map_err(|_| none)
    }

    /// The address of the server that has the buckets; `None` without a region.
    pub async fn find_s3_url(&self) -> Option<String> {
        let config = self.load().await;
        let given = self.s3_endpoint.as_deref().or(self.endpoint.as_deref());
        if let Some(url) = given.or(config.endpoint_url()) {
            return Some(url.to_owned());
        }
        config.region()?;
        Some(format!("https://{}/", self.s3_host(&config)))
    }

    fn with_region(&self, loader: ConfigLoader) -> ConfigLoader {
        if let Some(region) = &self.region {
            return loader.region(Region::new(region.clone()));
        }
        if let Some(region) = &self.fallback_region {
            let profiles = ProfileFileRegionProvider::builder();
            let profiles = match &self.profile {
                Some(name) => profiles.profile_name(name),
                None => profiles,
            };
            let chain = RegionProviderChain::first_try(profiles.build())
                .or_else(Region::new(region.clone()));
            return loader.region(chain);
        }
        if self.s3_endpoint.is_some() || self.endpoint.is_some() {
            return loader.region(Region::from_static(LOCAL_REGION));
        }
        loader
    }
}

impl fmt::Debug for AwsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsOptions")
            .field("region", &self.region())
            .field("profile", &self.profile)
            .field("static_keys", &self.static_keys.is_some())
            .finish_non_exhaustive()
    }
}

impl StaticKeys {
    fn from_lookup(get: impl Fn(&str) -> Option<String>) -> Option<Self> {
        Some(Self {
            id: get(ACCESS_KEY_ID)?,
            secret: SecretString::from(get(SECRET_ACCESS_KEY)?),
            session_token: get(SESSION_TOKEN).map(SecretString::from),
        })
    }

    fn credentials(&self) -> Credentials {
        Credentials::new(
            &self.id,
            self.secret.expose_secret(),
            self.session_token
                .as_ref()
                .map(|token| token.expose_secret().to_owned()),
            None,
            "Environment",
        )
    }
}

/// Creates a client for S3. If an endpoint is set (`AWS_ENDPOINT_URL_S3`, or `AWS_ENDPOINT_URL`),
/// the bucket is a part of the path, since a server on loopback has no host name for each bucket.
#[must_use]
pub fn s3_client(config: &SdkConfig, options: &AwsOptions) -> Client {
    let mut builder = aws_sdk_s3::config::Builder::from(config)
        // The HMAC authenticates a token, and the length of every body is checked. A checksum of
        // each download would only cost time.
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    let endpoint = options.s3_endpoint.as_ref().or(options.endpoint.as_ref());
    if let Some(endpoint) = endpoint {
        builder = builder.endpoint_url(endpoint).force_path_style(true);
        if let Some(client) = direct_client(endpoint) {
            builder = builder.http_client(client);
        }
    }
    Client::from_conf(builder.build())
}

/// The HTTP client for a machine without certificate authorities, where the SDK's own would trust
/// none.
fn trusting_client() -> Option<SharedHttpClient> {
    let mut store = tls::TrustStore::empty();
    for authority in roots::built_in()? {
        store.add_pem_certificate(roots::pem(authority));
    }
    let context = tls::TlsContext::builder().with_trust_store(store).build();
    let provider = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc);
    let builder = HttpClientBuilder::new().tls_provider(provider);
    // A builder fails only for authorities that are none.
    Some(builder.tls_context(context.ok()?).build_https())
}

/// The HTTP client for an endpoint without TLS, which is on this machine. The SDK's own would send
/// the requests to the proxy of the environment (`http_proxy`), in the clear.
#[must_use]
pub fn direct_client(endpoint: &str) -> Option<SharedHttpClient> {
    let is_plain = endpoint
        .get(..PLAIN_SCHEME.len())
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case(PLAIN_SCHEME));
    is_plain.then(|| HttpClientBuilder::new().build_http())
}

#[cfg(test)]
mod tests;
