//! Reads the fields of a trip one by one and collects the reasons to reject it.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::reject::RejectReason;
use super::scalar::{Id, Scalar, Stamp, StampError, whole};
use crate::ids::integer_id_to_uuid;

type Sent<'a> = Option<&'a RawValue>;

/// The reasons found so far.
///
/// Each reader returns `None` for a field that is absent or wrong. For a wrong field, and with
/// [`Fields::required`] for an absent one, it records a reason. `null` and an empty string count as
/// absent.
pub(super) struct Fields {
    pub(super) reasons: Vec<RejectReason>,
    earliest: DateTime<Utc>,
    latest: DateTime<Utc>,
}

impl Fields {
    /// Readers for a trip that is checked at `now`.
    pub(super) fn new(now: DateTime<Utc>) -> Self {
        Self {
            reasons: Vec::new(),
            earliest: first_day().and_time(NaiveTime::MIN).and_utc(),
            latest: now.checked_add_days(Days::new(1)).unwrap_or(now),
        }
    }

    pub(super) fn refuse(&mut self, reason: RejectReason) {
        self.reasons.push(reason);
    }

    /// Returns the field unchanged; records `MissingField` if it is absent.
    pub(super) fn required<'a>(&mut self, field: &'static str, sent: Sent<'a>) -> Sent<'a> {
        let sent = sent.filter(|raw| !Scalar::of(raw).is_empty_text());
        if sent.is_none() {
            self.refuse(RejectReason::MissingField { field });
        }
        sent
    }

    /// The provider's id, the only id that cannot be an integer.
    pub(super) fn provider_id(&mut self, sent: Sent<'_>) -> Option<Uuid> {
        let field = "provider_id";
        match Id::of(&Scalar::of(self.required(field, sent)?)) {
            Some(Id::Uuid(uuid)) => Some(uuid),
            _ => self.wrong(RejectReason::NotAUuid { field }),
        }
    }

    /// An id. A whole number becomes the UUID that stands for it with this provider.
    pub(super) fn id(
        &mut self,
        field: &'static str,
        sent: Sent<'_>,
        provider_id: Option<Uuid>,
    ) -> Option<Uuid> {
        match Id::of(&present(sent)?) {
            Some(Id::Uuid(uuid)) => Some(uuid),
            // Without a provider id, a reason is already recorded.
            Some(Id::Integer(id)) => provider_id.map(|provider| integer_id_to_uuid(provider, id)),
            None => self.wrong(RejectReason::NotAUuid { field }),
        }
    }

    /// A string.
    pub(super) fn text(&mut self, field: &'static str, sent: Sent<'_>) -> Option<String> {
        match present(sent)? {
            Scalar::Text(text) => Some(text.into_owned()),
            _ => self.mistyped(field, "a text"),
        }
    }

    /// A string that some providers send as a number.
    pub(super) fn text_or_number(&mut self, field: &'static str, sent: Sent<'_>) -> Option<String> {
        match present(sent)? {
            Scalar::Text(text) => Some(text.into_owned()),
            Scalar::Number(digits) => Some(digits.to_owned()),
            Scalar::Other => self.mistyped(field, "a text"),
        }
    }

    /// Strings, joined with `,`; an empty list counts as absent.
    pub(super) fn texts(&mut self, field: &'static str, sent: Sent<'_>) -> Option<String> {
        let Ok(texts) = serde_json::from_str::<Vec<String>>(sent?.get()) else {
            return self.mistyped(field, "a list of texts");
        };
        let joined = texts.join(",");
        if joined.contains('\0') {
            return self.mistyped(field, "a list of texts");
        }
        (!joined.is_empty()).then_some(joined)
    }

    /// A string, or strings joined with `,`: the text of 2.0 and its schema long disagreed.
    pub(super) fn text_or_texts(&mut self, field: &'static str, sent: Sent<'_>) -> Option<String> {
        match present(sent)? {
            Scalar::Text(text) => Some(text.into_owned()),
            _ => self.texts(field, sent),
        }
    }

    /// A whole number; a fraction is rounded.
    pub(super) fn whole(&mut self, field: &'static str, sent: Sent<'_>) -> Option<i64> {
        let number = match present(sent)? {
            Scalar::Number(digits) => whole(digits),
            _ => None,
        };
        number.or_else(|| self.mistyped(field, "a whole number"))
    }

    /// A time from 2010 to tomorrow.
    pub(super) fn time(&mut self, field: &'static str, sent: Sent<'_>) -> Option<Stamp> {
        match Stamp::of(&present(sent)?) {
            Ok(stamp) if (self.earliest..=self.latest).contains(&stamp.time) => Some(stamp),
            Ok(_) | Err(StampError::BeyondCalendar) => {
                self.wrong(RejectReason::TimeOutOfRange { field })
            }
            Err(StampError::NotANumber) => self.mistyped(field, "a timestamp"),
        }
    }

    fn mistyped<T>(&mut self, field: &'static str, expected: &'static str) -> Option<T> {
        self.wrong(RejectReason::MistypedField { field, expected })
    }

    fn wrong<T>(&mut self, reason: RejectReason) -> Option<T> {
        self.refuse(reason);
        None
    }
}

fn present(sent: Sent<'_>) -> Option<Scalar<'_>> {
    sent.map(Scalar::of)
        .filter(|scalar| !scalar.is_empty_text())
}

/// No shared scooter was rented before.
fn first_day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2010, 1, 1).unwrap_or(NaiveDate::MIN)
}
