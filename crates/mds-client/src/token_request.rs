//! How a token is requested, where the response holds it, and which headers carry it. OAuth 2
//! client credentials and the logins that providers invented differ in these.

use std::collections::BTreeMap;

use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};
use url::Url;

use crate::fields::{BodyFormat, Fields, ProviderConfigError};

/// Stands for the token in the value of a header.
pub(crate) const TOKEN_PLACEHOLDER: &str = "{token}";
pub(crate) const EXPIRES_IN: &str = "expires_in";

/// One request for a token.
#[derive(Clone)]
pub struct TokenRequest {
    pub(crate) url: Url,
    pub(crate) method: Method,
    pub(crate) headers: BTreeMap<String, SecretString>,
    pub(crate) body: TokenBody,
    /// Where the response holds the token.
    pub(crate) token_path: ResponsePath,
    /// Where the response says in how many seconds the token expires.
    pub(crate) expires_in_path: ResponsePath,
    /// Headers of every later request, with [`TOKEN_PLACEHOLDER`] for the token.
    pub(crate) send: BTreeMap<String, SecretString>,
}

#[derive(Clone)]
pub(crate) enum TokenBody {
    Empty,
    Form(Vec<(String, SecretString)>),
    /// A JSON object, as text.
    Json(SecretString),
}

/// A member of a JSON response: its key, or a path of keys with dots between them (`data.token`,
/// `tokens.0`).
#[derive(Clone, Debug)]
pub(crate) struct ResponsePath(String);

impl ResponsePath {
    pub(crate) fn new(path: impl Into<String>) -> Self {
        Self(path.into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn find<'a>(&self, response: &'a Value) -> Option<&'a Value> {
        response.get(&self.0).or_else(|| {
            self.0
                .split('.')
                .try_fold(response, |value, key| match value {
                    Value::Array(items) => key.parse::<usize>().ok().and_then(|n| items.get(n)),
                    other => other.get(key),
                })
        })
    }
}

impl TokenRequest {
    /// Every key that is read; others are ignored.
    pub const KEYS: [&'static str; 8] = [
        "url",
        "method",
        "body",
        "headers",
        "data",
        "token",
        "expires_in",
        "send",
    ];

    /// `token_request` of `auth_type` Custom.
    pub(crate) fn read(fields: &Fields) -> Result<Self, ProviderConfigError> {
        let format = fields.body_format("body", BodyFormat::Json)?;
        let data = fields.members("data")?;
        let method = method(fields)?;
        let send = fields.secrets("send")?;
        if !send
            .values()
            .any(|it| it.expose_secret().contains(TOKEN_PLACEHOLDER))
        {
            let why = format!(
                "needs a header that holds {TOKEN_PLACEHOLDER}, such as {{\"Authorization\": \"Bearer {TOKEN_PLACEHOLDER}\"}}"
            );
            return Err(ProviderConfigError::new("send", why));
        }
        Ok(Self {
            url: fields.required_url("url")?,
            headers: fields.secrets("headers")?,
            body: match format {
                _ if data.is_empty() => TokenBody::Empty,
                BodyFormat::Json => TokenBody::json(data),
                BodyFormat::Form => TokenBody::Form(
                    fields
                        .login("data", BodyFormat::Form)?
                        .into_iter()
                        .collect(),
                ),
            },
            method,
            token_path: ResponsePath::new(fields.required("token")?),
            expires_in_path: expires_in_path(fields)?,
            send,
        })
    }

    /// What it sends, and what later requests send beside the token.
    pub(crate) fn secrets(&self) -> Vec<SecretString> {
        let headers = self.headers.values().chain(self.send.values()).cloned();
        headers.chain(self.body.secrets()).collect()
    }
}

impl TokenBody {
    fn secrets(&self) -> Vec<SecretString> {
        match self {
            Self::Empty => Vec::new(),
            Self::Form(fields) => fields.iter().map(|(_, value)| value.clone()).collect(),
            Self::Json(text) => {
                let mut texts = Vec::new();
                collect(
                    &serde_json::from_str(text.expose_secret()).unwrap_or_default(),
                    &mut texts,
                );
                texts
            }
        }
    }

    pub(crate) fn json(data: Map<String, Value>) -> Self {
        Self::Json(Value::Object(data).to_string().into())
    }
}

/// The texts within a value.
fn collect(value: &Value, texts: &mut Vec<SecretString>) {
    match value {
        Value::String(text) => texts.push(text.as_str().into()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Object(members) => members.values().for_each(|value| collect(value, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn method(fields: &Fields) -> Result<Method, ProviderConfigError> {
    match fields.text("method")?.as_deref().map(str::trim) {
        None | Some("") => Ok(Method::POST),
        Some(text) if text.eq_ignore_ascii_case("post") => Ok(Method::POST),
        Some(text) if text.eq_ignore_ascii_case("get") => Ok(Method::GET),
        Some(_) => Err(ProviderConfigError::new("method", "must be GET or POST")),
    }
}

fn expires_in_path(fields: &Fields) -> Result<ResponsePath, ProviderConfigError> {
    let given = fields.text(EXPIRES_IN)?.filter(|path| !path.is_empty());
    Ok(ResponsePath::new(
        given.unwrap_or_else(|| EXPIRES_IN.to_owned()),
    ))
}
