//! What keeps hours from being whole, in words, each with the command that repairs it.

use chrono::TimeDelta;
use serde::Serialize;
use store::split_failure;
use trips::block::{Block, Hour, HourRange, ProviderName};
use trips::hour_state::HourState;
use trips::time::CivilZone;

use crate::error::ErrorName;

/// A sweep has tried every hour again that is due for longer than this.
const SWEPT_AFTER: TimeDelta = TimeDelta::hours(36);

/// The error of a response that was refused.
const LOST: Option<ErrorName> = Some(ErrorName::ProviderLostTrips);

/// What to do about hours whose responses may lack something. A feed that is always odd, and lacks
/// nothing, needs nobody.
const MAY_LACK: &str = "the hours are done, and their answers may lack something, as the message says: once its cause is \
                        corrected, the command requests them again";
/// The same if other hours lie between them.
const SOME_MAY_LACK: &str = "the hours are done, and their answers may lack something, as the message says: once its cause \
                             is corrected, the command requests the last of them again, and the query of docs/DATA.md, \
                             \"What an answer may lack\", lists the others";

/// Hours of a provider that are not whole for the same reason, or whose last response was refused,
/// or is archived and may lack something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// How the hours stand.
    pub state: HourState,
    /// The name of the error that the last step ended with.
    pub error_name: Option<String>,
    /// The newest message.
    pub message: Option<String>,
    /// Number of hours.
    pub hours: u64,
    /// Label of the first hour.
    pub first: String,
    /// Label of the last hour.
    pub last: String,
    /// Whether it does not pass by itself: no retry mends the error, or the nightly sweep has tried
    /// already.
    pub needs_a_person: bool,
    /// What to do first.
    pub advice: &'static str,
    /// The command that does the hours again.
    pub command: String,
}

/// Groups the hours of a provider that are not whole.
pub(super) struct Problems<'a> {
    zone: &'a CivilZone,
    provider: &'a ProviderName,
    /// The hours before this one are due.
    due: Hour,
    /// Whether there is a portal that a run can publish to, and that rows wait for.
    pub(super) has_portal: bool,
    groups: Vec<Group>,
}

struct Group {
    state: HourState,
    error_name: Option<ErrorName>,
    message: Option<String>,
    hours: u64,
    first: Hour,
    last: Hour,
}

impl Group {
    /// Whether the hours are whole, and their responses may lack something.
    fn may_lack(&self) -> bool {
        self.state.is_complete() && self.error_name.is_none()
    }

    /// Whether no other hours lie between these.
    fn is_contiguous(&self) -> bool {
        let range = HourRange::new(self.first, self.last.next());
        range.is_some_and(|range| range.len() == self.hours)
    }
}

impl<'a> Problems<'a> {
    pub(super) fn new(
        zone: &'a CivilZone,
        provider: &'a ProviderName,
        due: Hour,
        has_portal: bool,
    ) -> Self {
        Self {
            zone,
            provider,
            due,
            has_portal,
            groups: Vec::new(),
        }
    }

    /// Adds an hour. Hours come in order.
    pub(super) fn add(&mut self, hour: Hour, state: HourState, message: Option<&str>) {
        let (error_name, text) = message.map_or((None, None), named);
        let text = text.map(str::to_owned);
        let group = self.groups.iter_mut().find(|group| {
            let is_same = group.state == state && group.error_name == error_name;
            // The command accepts the losses of every hour that it covers.
            is_same && (error_name != LOST || group.last.next() == hour)
        });
        match group {
            Some(group) => {
                group.hours += 1;
                group.last = hour;
                group.message = text.or(group.message.take());
            }
            None => self.groups.push(Group {
                state,
                error_name,
                message: text,
                hours: 1,
                first: hour,
                last: hour,
            }),
        }
    }

    pub(super) fn end(self) -> Vec<Problem> {
        let mut problems: Vec<_> = self
            .groups
            .iter()
            .map(|group| self.problem(group))
            .collect();
        problems.sort_by_key(|problem| (!problem.needs_a_person, std::cmp::Reverse(problem.hours)));
        problems
    }

    fn problem(&self, group: &Group) -> Problem {
        Problem {
            state: group.state,
            error_name: group.error_name.map(|name| name.as_str().to_owned()),
            message: group.message.clone(),
            hours: group.hours,
            first: group.first.label(self.zone),
            last: group.last.label(self.zone),
            needs_a_person: self.needs_a_person(group),
            advice: match (group.may_lack(), group.is_contiguous()) {
                (true, true) => MAY_LACK,
                (true, false) => SOME_MAY_LACK,
                (false, _) => advice(group.state, group.error_name, self.was_swept(group)),
            },
            command: self.command(group),
        }
    }

    /// Hours that were requested before are requested again.
    fn command(&self, group: &Group) -> String {
        // By force, hours between them would be requested again as well.
        let is_last_alone = group.may_lack() && !group.is_contiguous();
        let first = Block {
            provider: self.provider.clone(),
            hour: if is_last_alone {
                group.last
            } else {
                group.first
            },
        };
        let command = first.command_to(group.last, self.zone) + without_portal(self.has_portal);
        if group.error_name == LOST {
            return format!("{command} --force --accept-losses");
        }
        if group.may_lack() {
            return format!("{command} --force");
        }
        format!("{command} --incomplete-only")
    }

    fn needs_a_person(&self, group: &Group) -> bool {
        let is_permanent = group.error_name.is_some_and(|name| !name.is_transient());
        let is_stuck = self.was_swept(group) && !group.may_lack();
        is_permanent || is_stuck || group.state == HourState::AllRejected
    }

    fn was_swept(&self, group: &Group) -> bool {
        was_swept(group.first, self.due)
    }
}

/// Whether every sweep since has tried the hour in vain.
pub(super) fn was_swept(first: Hour, due: Hour) -> bool {
    first.end() < due.start() - SWEPT_AFTER
}

/// The problem of a provider of which the database knows no hour: it is new there, or the database
/// is new or not the right one. It stands for the newest due hour.
pub(super) fn never_planned(
    zone: &CivilZone,
    provider: &ProviderName,
    due: Hour,
    has_portal: bool,
) -> Problem {
    let newest = Hour::containing(due.start() - TimeDelta::hours(1)).label(zone);
    Problem {
        state: HourState::Missing,
        error_name: None,
        message: Some("no hour was ever planned".to_owned()),
        hours: 1,
        first: newest.clone(),
        last: newest,
        needs_a_person: true,
        advice: "if hours were loaded before, see whether the settings name the right database; if not, begin with the \
                 newest hour, or with more of them by `--time-min` and `--time-max`",
        command: format!(
            "mds run --provider {provider} --scheduled{}",
            without_portal(has_portal)
        ),
    }
}

/// A run publishes nothing if the settings name no portal. The command says so by itself.
fn without_portal(has_portal: bool) -> &'static str {
    if has_portal { "" } else { " --no-sync-socrata" }
}

/// The name of the error that a row's message begins with, and the text after it.
fn named(message: &str) -> (Option<ErrorName>, Option<&str>) {
    let name = split_failure(message).and_then(|(name, text)| {
        let known = ErrorName::ALL.into_iter().find(|it| it.as_str() == name)?;
        Some((known, text))
    });
    name.map_or((None, Some(message)), |(name, text)| {
        (Some(name), Some(text))
    })
}

fn advice(state: HourState, error: Option<ErrorName>, was_swept: bool) -> &'static str {
    match (state, error) {
        (HourState::AllRejected, _) => {
            "look at the reject reasons with `mds archive get --object rejects`, and correct the provider's entry"
        }
        (_, Some(ErrorName::ProviderRejected)) => {
            "correct the provider's entry: its address, login or version"
        }
        (_, Some(ErrorName::ProviderMalformed)) => {
            "`mds extract --file FILE` keeps the response as FILE.malformed: look at it, and talk to the provider"
        }
        (_, Some(ErrorName::ProviderLostTrips)) => {
            "the last response was refused, and the hour stays as it was: talk to the provider; if the trips are really \
             gone, the command accepts it"
        }
        (_, Some(ErrorName::ArchiveUnreadable)) => {
            "add the key that encrypted the archive; if the object is damaged, restore it, or request the hour again with \
             --force in place of --incomplete-only"
        }
        (_, Some(ErrorName::ArchiveMissing)) => {
            "put the archive back if there is a copy: the command loads it; otherwise it requests an hour that was never \
             loaded from its provider again"
        }
        (_, Some(ErrorName::SocrataRejected)) => {
            "correct the dataset or its login; the message has the portal's words"
        }
        (_, Some(ErrorName::ConfigInvalid)) => "correct the setting that the message names",
        (_, Some(ErrorName::DatabaseUnavailable)) if was_swept => {
            "see to the database, as the message says; once it takes rows, the command does what is left"
        }
        (HourState::NotPublishedYet, _) if was_swept => {
            "ask the provider when it publishes the hours"
        }
        (HourState::Missing | HourState::UnderWay, None) if was_swept => {
            "see whether the hourly run and the nightly sweep are started at all"
        }
        _ if was_swept => "no run or sweep has done what is left: the message names the cause",
        _ => "nothing: the next sweep does what is left",
    }
}

#[cfg(test)]
mod tests;
