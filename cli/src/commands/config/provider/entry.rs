//! The keys of an entry: from options, or from whoever sits at the terminal.

use std::io::Read as _;
use std::path::Path;

use config::KeySpec;
use mds_client::{AuthType, ProviderConfig};
use serde_json::{Map, Value, json};

use crate::args::{ProviderKeys, Source};
use crate::commands::ask;
use crate::failure;
use crate::output;

/// The keys of an entry, in the order in which they are described.
#[derive(Debug, Default)]
pub(super) struct Entry(Map<String, Value>);

impl Entry {
    /// Reads the values of the options.
    pub(super) async fn from_options(keys: &ProviderKeys) -> anyhow::Result<Self> {
        let mut entry = Self::default();
        for (option, given) in &keys.0 {
            let text = match option.source {
                Source::Value => given.clone(),
                Source::File => read(option.key, given).await?,
                Source::Variable => std::env::var(given).map_err(|_| {
                    failure::usage(format!(
                        "--{}: the variable {given} is not set",
                        option.name
                    ))
                })?,
            };
            let value = option
                .key
                .value(&text)
                .map_err(|why| failure::usage(format!("--{}: it {why}", option.name)))?;
            entry.set(option.key.name, value);
        }
        Ok(entry)
    }

    pub(super) fn set(&mut self, key: &str, value: Value) {
        self.0.insert(key.to_owned(), value);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// The keys with their values, as changes of the file.
    pub(super) fn changes(&self) -> Vec<(&'static str, Option<Value>)> {
        let keys = config::provider_keys().iter();
        keys.filter_map(|key| Some((key.name, Some(self.0.get(key.name)?.clone()))))
            .collect()
    }

    /// Checks that requests could be sent with the entry as it will be.
    pub(super) fn check(name: &str, entry: &Value) -> anyhow::Result<()> {
        let checked =
            ProviderConfig::from_value(entry.clone()).and_then(|config| config.check_login());
        checked.map_err(|error| {
            failure::usage(format!(
                "providers is not stored: {name}.{} {}",
                error.key, error.why
            ))
        })
    }

    /// Adds what is required and was not given: by questions on a terminal, or else by the error
    /// that names the options.
    pub(super) async fn complete(&mut self) -> anyhow::Result<()> {
        if !ask::is_possible() {
            return self.require();
        }
        for key in ["mds_api_url", "provider_id"] {
            self.ask(key).await?;
        }
        self.ask_with_default("version", "0.2").await?;
        if !self.has("token") {
            self.ask_with_default("auth_type", "Bearer").await?;
        }
        match self.auth_type() {
            Some(AuthType::Bearer) => self.ask("token").await?,
            Some(AuthType::Basic) => self.ask_login(["username", "password"]).await?,
            Some(AuthType::OAuth) => {
                self.ask("token_url").await?;
                self.ask_login(["client_id", "client_secret"]).await?;
            }
            Some(AuthType::Custom) if !self.has_headers() => self.ask_header().await?,
            // The check names what is wrong with it.
            Some(AuthType::Custom) | None => {}
        }
        Ok(())
    }

    fn require(&self) -> anyhow::Result<()> {
        let mut missing = Vec::new();
        let mut need = |key: &str, option: &'static str| {
            if !self.has(key) {
                missing.push(option);
            }
        };
        need("mds_api_url", "--mds-api-url");
        need("provider_id", "--provider-id");
        match self.auth_type() {
            Some(AuthType::Bearer) => need("token", "--token-file or --token-env"),
            Some(AuthType::Basic | AuthType::OAuth) => {
                need("auth_data", "--auth-data-file or --auth-data-env");
                if self.auth_type() == Some(AuthType::OAuth) {
                    need("token_url", "--token-url");
                }
            }
            Some(AuthType::Custom) if !self.has_headers() => {
                missing.push("--request-auth-headers-file, --headers-file or --token-request-file");
            }
            Some(AuthType::Custom) => {}
            None if self.has("auth_type") => {}
            None => missing.push("--auth-type"),
        }
        if missing.is_empty() {
            return Ok(());
        }
        Err(failure::usage(format!(
            "these options are required, since standard input is no terminal: {}",
            missing.join(", ")
        )))
    }

    /// How the entry logs in; `None` if that was not said, or not understood.
    fn auth_type(&self) -> Option<AuthType> {
        match self.0.get("auth_type") {
            Some(text) => text.as_str()?.parse().ok(),
            None => self.has("token").then_some(AuthType::Bearer),
        }
    }

    fn has_headers(&self) -> bool {
        let keys = ["request.auth.headers", "headers", "token_request"];
        keys.iter().any(|key| self.has(key))
    }

    async fn ask(&mut self, key: &str) -> anyhow::Result<()> {
        if self.has(key) {
            return Ok(());
        }
        let spec = spec(key)?;
        let question = format!("{key}: {}", spec.meaning);
        let answer = if spec.is_secret() {
            ask::secret(question).await?
        } else {
            ask::line(question).await?
        };
        if answer.is_empty() {
            return Err(failure::usage(format!("{key} is required")));
        }
        self.set(key, answer.into());
        Ok(())
    }

    async fn ask_with_default(&mut self, key: &str, default: &str) -> anyhow::Result<()> {
        if self.has(key) {
            return Ok(());
        }
        let question = format!("{key}: {} [{default}]", spec(key)?.meaning);
        let answer = ask::line(question).await?;
        let answer = if answer.is_empty() { default } else { &answer };
        self.set(key, answer.into());
        Ok(())
    }

    async fn ask_login(&mut self, [user, password]: [&str; 2]) -> anyhow::Result<()> {
        if self.has("auth_data") {
            return Ok(());
        }
        let name = ask::line(format!("{user}:")).await?;
        let secret = ask::secret(format!("{password}:")).await?;
        self.set("auth_data", json!({ user: name, password: secret }));
        Ok(())
    }

    async fn ask_header(&mut self) -> anyhow::Result<()> {
        let name = ask::line("name of the header that logs in:".to_owned()).await?;
        let value = ask::secret(format!("{name}:")).await?;
        self.set("request.auth.headers", json!({ name: value }));
        Ok(())
    }
}

fn spec(key: &str) -> anyhow::Result<&'static KeySpec> {
    let mut keys = config::provider_keys().iter();
    keys.find(|it| it.name == key)
        .ok_or_else(|| failure::usage(format!("no entry has a key {key}")))
}

/// The text of a file. Standard input at a terminal is a question whose answer is not shown.
async fn read(key: &KeySpec, file: &str) -> anyhow::Result<String> {
    if file == output::STANDARD {
        if ask::is_possible() {
            return ask::secret(format!("{}: {}", key.name, key.meaning)).await;
        }
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        return Ok(text);
    }
    let text = super::super::read(Path::new(file))?;
    String::from_utf8(text).map_err(|_| failure::usage(format!("{file} is not UTF-8")))
}
