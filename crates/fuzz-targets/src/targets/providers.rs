//! The providers file.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use config::{ConfigWarning, Providers, Scope, providers_schema};
use serde_json::Value;
use trips::block::ProviderName;

use super::secrets::Secrets;
use crate::outcome::check_message;

pub(super) const WORDS: &[&str] = &[
    "bird",
    "all",
    "runs",
    "$schema",
    "mds_api_url",
    "provider_id",
    "provider_ids",
    "version",
    "auth_type",
    "token",
    "token_url",
    "auth_data",
    "auth_data_format",
    "token_request",
    "headers",
    "request",
    "auth",
    "request.auth.headers",
    "delay",
    "timeout",
    "interval",
    "deadline",
    "max_parallel",
    "mds_param_override",
    "time_format",
    "cost_unit",
    "reask_hours",
    "max_loss",
    "enabled",
    "active_from",
    "Bearer",
    "Basic",
    "OAuth",
    "Custom",
    "false",
    "2.0",
    "0.4",
    "https://mds.example.com/trips",
    "http://mds.example.com/",
    "2020-01-01-00",
];

/// Own addresses, words and names are shown.
const PUBLIC: &[&str] = &[
    "provider_id",
    "provider_ids",
    "version",
    "active_from",
    "enabled",
];

pub(super) fn check(data: &[u8]) {
    let secrets = Secrets::of(data, PUBLIC);
    let providers = match Providers::from_json(data) {
        Ok(providers) => providers,
        Err(error) => {
            check_message(&error.to_string());
            return secrets.check(&error.to_string(), &[OWN_WORDS, &SCHEMA]);
        }
    };
    check_nothing_lost(data, &providers);
    let faults: Vec<String> = providers.faults().map(ToString::to_string).collect();
    let warnings = providers.warnings().iter().map(ToString::to_string);
    for text in faults.iter().cloned().chain(warnings) {
        check_message(&text);
        secrets.check(&text, &[OWN_WORDS, &SCHEMA]);
    }
    for (name, entry) in &providers {
        let shown = format!("{entry:?}");
        let host = entry.mds_api_url.host_str().unwrap_or_default().to_owned();
        secrets.check(
            &shown.replace(&host, ""),
            &[OWN_WORDS, &SCHEMA, &host, name.as_str()],
        );
        let public = entry.clone().without_secrets();
        assert!(public.token.is_none() && public.headers.is_empty() && public.auth_data.is_empty());
        assert!(public.mds_api_url.password().is_none() && public.mds_api_url.query().is_none());
        assert!(entry.provider_ids.contains(&entry.provider_id));
    }
    for scope in [Scope::Plan, Scope::Extract, Scope::SyncDb] {
        let scoped =
            Providers::from_json_for(data, scope).expect("read by one scope, not by another");
        assert!(
            scoped.keys().eq(providers.keys()),
            "{scope:?} has other providers"
        );
        let scoped: Vec<String> = scoped.faults().map(ToString::to_string).collect();
        assert_eq!(scoped, faults);
    }
}

/// Every entry can be used, or it is said why not.
fn check_nothing_lost(data: &[u8], providers: &Providers) {
    let text = trips::text::strip_byte_order_mark(data);
    let Ok(Value::Object(entries)) = serde_json::from_slice(text) else {
        panic!("a file that is no object is read");
    };
    let names: BTreeSet<&str> = entries
        .keys()
        .map(String::as_str)
        .filter(|it| *it != config::SCHEMA)
        .collect();
    let usable: BTreeSet<&str> = providers.keys().map(ProviderName::as_str).collect();
    let invalid: BTreeSet<&str> = providers.all_invalid().map(|(name, _)| name).collect();
    assert!(usable.is_disjoint(&invalid) && usable.is_subset(&names) && invalid.is_subset(&names));
    let unreadable = providers
        .warnings()
        .iter()
        .filter(|warning| matches!(warning, ConfigWarning::UnreadableEntry { .. }))
        .count();
    assert_eq!(
        usable.len() + invalid.len() + unreadable,
        names.len(),
        "an entry is lost"
    );
}

/// Words of the messages.
const OWN_WORDS: &str = "provider must be a JSON object Bearer, Basic, OAuth or Custom seconds, \
    milliseconds, hour or rfc3339 unix the version's own provider_id is missing whole number mds_api_url is missing \
    token_request access_token provider_id provider_ids auth_type request.auth.headers must be text\
    must be a URL such as https://host/path must be an object; the entry is disabled, so it is skipped nothing reads the key \
    paging stays on, as it did in the older tools; only the boolean false, without quotes, turns it off, and then \
    the trips of all pages but the first are lost";

/// The names of keys.
static SCHEMA: LazyLock<String> = LazyLock::new(|| providers_schema().to_string());
