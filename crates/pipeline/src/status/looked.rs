//! Which providers a report looks at, and what is expected of them.

use chrono::{DateTime, TimeDelta, Utc};
use store::ExpectedHours;
use trips::block::{Hour, ProviderName};

use super::StatusRequest;
use crate::context::Context;
use crate::error::PipelineError;
use crate::plan::{active_from, named_providers};

/// A provider that a report looks at.
pub(super) struct Looked {
    pub(super) name: ProviderName,
    pub(super) enabled: bool,
    /// Whether runs for all providers request its hours.
    pub(super) is_requested: bool,
    pub(super) lag_hours: u32,
    /// The hours before this one are due.
    pub(super) due: Hour,
    pub(super) active_from: Option<Hour>,
}

impl Looked {
    /// The hours that the provider should have; `None` if nothing is expected of it.
    pub(super) fn expected(&self) -> Option<ExpectedHours> {
        self.enabled.then(|| ExpectedHours {
            provider: self.name.clone(),
            start: self.active_from,
            end: self.due,
        })
    }
}

/// The providers of the request in the order of their names. All of them include those whose
/// entries cannot be used: their hours stay away, and somebody has to see it.
pub(super) fn looked_at(
    ctx: &Context,
    request: &StatusRequest,
    made_at: DateTime<Utc>,
) -> Result<Vec<Looked>, PipelineError> {
    let due = |lag_hours| Hour::containing(made_at - TimeDelta::hours(i64::from(lag_hours)));
    let mut looked = Vec::new();
    for provider in named_providers(ctx, &names(request))? {
        let lag_hours = ctx.config().env.lag_of(provider.config.lag_hours);
        looked.push(Looked {
            name: provider.name.clone(),
            enabled: provider.config.enabled,
            is_requested: provider.config.enabled,
            lag_hours,
            due: due(lag_hours),
            active_from: active_from(ctx, provider)?,
        });
    }
    if request.providers.is_empty() {
        let lag_hours = ctx.config().env.lag_of(None);
        looked.extend(ctx.unusable_providers().map(|name| Looked {
            name,
            enabled: true,
            is_requested: false,
            lag_hours,
            due: due(lag_hours),
            active_from: None,
        }));
        looked.sort_by(|a, b| a.name.cmp(&b.name));
    }
    Ok(looked)
}

/// All enabled ones, unless the request names some.
fn names(request: &StatusRequest) -> Vec<&str> {
    if request.providers.is_empty() {
        return vec!["all"];
    }
    request.providers.iter().map(String::as_str).collect()
}
