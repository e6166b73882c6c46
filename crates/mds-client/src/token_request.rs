//! How a token is asked for, where it stands in the answer, and how it is shown: what OAuth 2
//! client credentials and the logins of providers' own making differ in.

use std::collections::BTreeMap;

use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};
use url::Url;

use crate::config::{ProviderConfig, address};
use crate::fields::{Fields, ProviderConfigError};

/// Where a token's text goes in the value of a header.
pub(crate) const PLACE: &str = "{token}";

/// One request for a token.
#[derive(Clone)]
pub struct TokenRequest {
    pub(crate) url: Url,
    pub(crate) method: Method,
    pub(crate) headers: BTreeMap<String, SecretString>,
    pub(crate) body: TokenBody,
    /// Where the token stands in the answer.
    pub(crate) token_at: AnswerPath,
    /// Where the answer says how many seconds it lives.
    pub(crate) expires_in_path: AnswerPath,
    /// Headers of every later request, with [`PLACE`] for the token.
    pub(crate) send: BTreeMap<String, SecretString>,
}

#[derive(Clone)]
pub(crate) enum TokenBody {
    Empty,
    Form(Vec<(String, SecretString)>),
    /// A JSON object, as text.
    Json(SecretString),
}

/// A member of a JSON answer: its key, or the keys that lead to it with dots between (`data.token`,
/// `tokens.0`).
#[derive(Clone, Debug)]
pub(crate) struct AnswerPath(String);

impl AnswerPath {
    pub(crate) fn new(path: impl Into<String>) -> Self {
        Self(path.into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn find<'a>(&self, answer: &'a Value) -> Option<&'a Value> {
        answer.get(&self.0).or_else(|| {
            self.0
                .split('.')
                .try_fold(answer, |value, key| match value {
                    Value::Array(items) => key.parse::<usize>().ok().and_then(|n| items.get(n)),
                    other => other.get(key),
                })
        })
    }
}

impl TokenRequest {
    /// `token_request` of `auth_type` Custom.
    pub(crate) fn read(fields: &Fields) -> Result<Self, ProviderConfigError> {
        let json = is_json(fields, "body", true)?;
        let data = fields.members("data")?;
        let method = method(fields)?;
        let send = fields.secrets("send")?;
        if !send.values().any(|it| it.expose_secret().contains(PLACE)) {
            let why = format!(
                "needs a header that holds {PLACE}, such as {{\"Authorization\": \"Bearer {PLACE}\"}}"
            );
            return Err(ProviderConfigError::new("send", why));
        }
        Ok(Self {
            url: address("url", &fields.required("url")?)?,
            headers: fields.secrets("headers")?,
            body: match (data.is_empty(), json) {
                (true, _) => TokenBody::Empty,
                (false, true) => TokenBody::json(data),
                (false, false) => TokenBody::Form(fields.secrets("data")?.into_iter().collect()),
            },
            method,
            token_at: AnswerPath::new(fields.required("token")?),
            expires_in_path: expires_in_path(fields)?,
            send,
        })
    }

    /// `token_url`, `auth_data` and `auth_token_res_key` of `auth_type` OAuth.
    pub(crate) fn client_credentials(config: &ProviderConfig) -> Result<Self, ProviderConfigError> {
        let missing =
            |key| ProviderConfigError::new(key, "is missing, which auth_type OAuth needs");
        if config.auth_data.is_empty() {
            return Err(missing("auth_data"));
        }
        let mut data: Vec<_> = config.auth_data.clone().into_iter().collect();
        if !config.auth_data.contains_key("grant_type") {
            data.push(("grant_type".to_owned(), "client_credentials".into()));
        }
        Ok(Self {
            url: config
                .token_url
                .clone()
                .ok_or_else(|| missing("token_url"))?,
            method: Method::POST,
            headers: BTreeMap::new(),
            body: if config.auth_data_as_json {
                let member =
                    |(name, value): (String, SecretString)| (name, value.expose_secret().into());
                TokenBody::json(data.into_iter().map(member).collect())
            } else {
                TokenBody::Form(data)
            },
            token_at: AnswerPath::new(config.auth_token_res_key.clone()),
            expires_in_path: AnswerPath::new(EXPIRES_IN),
            send: BTreeMap::from([("Authorization".to_owned(), format!("Bearer {PLACE}").into())]),
        })
    }
}

impl TokenBody {
    fn json(data: Map<String, Value>) -> Self {
        Self::Json(Value::Object(data).to_string().into())
    }
}

const EXPIRES_IN: &str = "expires_in";

/// Whether a body is JSON (`json`) or a form (`form`).
pub(crate) fn is_json(
    fields: &Fields,
    key: &str,
    default: bool,
) -> Result<bool, ProviderConfigError> {
    match fields.text(key)?.as_deref().map(str::trim) {
        None | Some("") => Ok(default),
        Some(text) if text.eq_ignore_ascii_case("json") => Ok(true),
        Some(text) if text.eq_ignore_ascii_case("form") => Ok(false),
        Some(_) => Err(ProviderConfigError::new(key, "must be json or form")),
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

fn expires_in_path(fields: &Fields) -> Result<AnswerPath, ProviderConfigError> {
    let given = fields.text(EXPIRES_IN)?.filter(|path| !path.is_empty());
    Ok(AnswerPath::new(
        given.unwrap_or_else(|| EXPIRES_IN.to_owned()),
    ))
}
