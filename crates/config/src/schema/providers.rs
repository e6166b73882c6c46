//! The keys of a provider's entry.

use super::key::{KeyForm, KeySpec};

/// More hours than a year has make no sense.
const MAX_HOURS: u32 = 24 * 366;

const ENTRY: [KeySpec; 34] = [
    KeySpec::new(
        "mds_api_url",
        KeyForm::Url,
        "Base of the API, or the full address of its trips.",
    ),
    KeySpec::new("provider_id", KeyForm::Uuid, "The provider's UUID in MDS."),
    KeySpec::new(
        "provider_ids",
        KeyForm::Uuids,
        "Further ids under which its trips arrive.",
    ),
    KeySpec::new(
        "version",
        KeyForm::Text,
        "Version of MDS: 0.2 (the default), 0.3, 0.4, 1.0, 1.1, 1.2 or 2.0.",
    ),
    KeySpec::new(
        "auth_type",
        KeyForm::Words(&["Bearer", "Basic", "OAuth", "Custom"]),
        "How requests log in; Bearer by default if there is a token.",
    ),
    KeySpec::new("token", KeyForm::Secret, "The token of Bearer."),
    KeySpec::new("token_url", KeyForm::Url, "Where OAuth gets its token."),
    KeySpec::new(
        "auth_data",
        KeyForm::Secrets,
        "username and password of Basic, or what OAuth posts to token_url.",
    ),
    KeySpec::new(
        "auth_data_format",
        KeyForm::Words(&["form", "json"]),
        "How auth_data is posted; form by default.",
    ),
    KeySpec::new(
        "auth_token_res_key",
        KeyForm::Text,
        "Where the token is in OAuth's response, with dots between keys; access_token by default.",
    ),
    KeySpec::new(
        "token_request",
        KeyForm::Object,
        "A login of the provider's own making, for Custom.",
    ),
    KeySpec::new(
        "request.auth.headers",
        KeyForm::Secrets,
        "Headers of every request, which win over all others.",
    ),
    KeySpec::new("headers", KeyForm::Secrets, "Headers of every request."),
    KeySpec::new(
        "accept",
        KeyForm::Text,
        "The whole Accept header; the version's by default.",
    ),
    KeySpec::new(
        "paging",
        KeyForm::Switch,
        "Whether links.next is followed; true by default.",
    ),
    KeySpec::new("delay", KeyForm::Seconds, "Seconds between two requests."),
    KeySpec::new(
        "max_parallel",
        KeyForm::Whole(1, 1000),
        "Hours and lists that are requested at once.",
    ),
    KeySpec::new(
        "max_attempts",
        KeyForm::Whole(1, 100),
        "Attempts at a request; 3 by default.",
    ),
    KeySpec::new(
        "timeout",
        KeyForm::Seconds,
        "Seconds to wait for the next byte; 60 by default.",
    ),
    KeySpec::new("interval", KeyForm::Seconds, "The old name of timeout."),
    KeySpec::new(
        "deadline",
        KeyForm::Seconds,
        "Seconds for an hour as a whole, retries included; 1800 by default.",
    ),
    KeySpec::new(
        "mds_param_override",
        KeyForm::Texts,
        "Our name of a query parameter to theirs.",
    ),
    KeySpec::new(
        "time_format",
        KeyForm::Text,
        "How the query writes a time: seconds, milliseconds, hour or rfc3339; the version's by default.",
    ),
    KeySpec::new(
        "swap_coordinates",
        KeyForm::Switch,
        "Whether latitude and longitude are exchanged in the feed.",
    ),
    KeySpec::new(
        "cost_unit",
        KeyForm::Words(&["minor", "major"]),
        "Whether costs are in the currency's minor unit, the default, or in dollars and the like.",
    ),
    KeySpec::new(
        "withdrawals",
        KeyForm::Words(&["mark", "keep"]),
        "Whether trips that the provider no longer returns are marked, the default, or kept.",
    ),
    KeySpec::new(
        "lookback_hours",
        KeyForm::Whole(0, MAX_HOURS),
        "0.2: hours before the block that are requested too; 24 by default.",
    ),
    KeySpec::new(
        "lag_hours",
        KeyForm::Whole(0, MAX_HOURS),
        "Hours after its end before a schedule requests an hour; 30 by default.",
    ),
    KeySpec::new(
        "reask_hours",
        KeyForm::Wholes(1, MAX_HOURS),
        "Ages in hours at which an hour is requested again, such as 24, 168.",
    ),
    KeySpec::new(
        "max_loss",
        KeyForm::Share,
        "Which share of a block's loaded trips a later response may lack; 0.2 by default.",
    ),
    KeySpec::new(
        "vehicles",
        KeyForm::Switch,
        "2.0: whether /vehicles is requested for what trips lack; true by default.",
    ),
    KeySpec::new(
        "telemetry",
        KeyForm::Switch,
        "2.0: whether the points of the trips are archived too.",
    ),
    KeySpec::new(
        "enabled",
        KeyForm::Switch,
        "Whether runs over all providers include this one; true by default.",
    ),
    KeySpec::new(
        "active_from",
        KeyForm::Text,
        "The first hour of runs over all providers: 2020-03-01-00 or an RFC 3339 instant.",
    ),
];

const TOKEN_REQUEST: [KeySpec; 8] = [
    KeySpec::new("url", KeyForm::Url, "Where the token is requested."),
    KeySpec::new(
        "method",
        KeyForm::Words(&["POST", "GET"]),
        "POST by default.",
    ),
    KeySpec::new(
        "body",
        KeyForm::Words(&["json", "form"]),
        "How data is sent; json by default.",
    ),
    KeySpec::new(
        "headers",
        KeyForm::Secrets,
        "Headers of the request for the token.",
    ),
    KeySpec::new("data", KeyForm::Secrets, "What is sent."),
    KeySpec::new(
        "token",
        KeyForm::Text,
        "Where the token is in the response, with dots between keys.",
    ),
    KeySpec::new(
        "expires_in",
        KeyForm::Text,
        "Where the response says for how many seconds the token is valid.",
    ),
    KeySpec::new(
        "send",
        KeyForm::Secrets,
        "Headers of every later request; {token} is replaced by the token.",
    ),
];

/// The keys of an entry, with their meanings.
#[must_use]
pub fn provider_keys() -> &'static [KeySpec] {
    &ENTRY
}

/// The keys of `token_request`, with their meanings.
#[must_use]
pub fn token_request_keys() -> &'static [KeySpec] {
    &TOKEN_REQUEST
}
