//! Reads the fields of a trip one by one. Collects the reasons to reject the trip, and what is odd
//! about the fields that it does without.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::cost::{CostError, minor_units};
use super::currency::{Currency, NO_CURRENCY};
use super::reject::RejectReason;
use super::scalar::{Id, Scalar, Stamp, StampError, whole};
use super::{Flag, Flags};
use crate::ids::integer_id_to_uuid;

pub(super) type Sent<'a> = Option<&'a RawValue>;

/// A field as read: `None` if it is absent, an error if its value is wrong. `null` and an empty
/// string count as absent.
pub(super) type Field<T> = Result<Option<T>, RejectReason>;

/// What the fields read so far say about the trip.
pub(super) struct Fields {
    /// Why the trip is rejected.
    pub(super) reasons: Vec<RejectReason>,
    /// What is odd about fields that the trip is loaded without.
    pub(super) flags: Flags,
    earliest: DateTime<Utc>,
    latest: DateTime<Utc>,
}

impl Fields {
    /// For a trip that is checked at `now`.
    pub(super) fn new(now: DateTime<Utc>) -> Self {
        Self {
            reasons: Vec::new(),
            flags: Flags::NONE,
            earliest: first_day().and_time(NaiveTime::MIN).and_utc(),
            latest: now.checked_add_days(Days::new(1)).unwrap_or(now),
        }
    }

    pub(super) fn refuse(&mut self, reason: RejectReason) {
        self.reasons.push(reason);
    }

    /// A field that a trip cannot do without: if it is absent or wrong, the trip is rejected.
    pub(super) fn required<T>(&mut self, name: &'static str, field: Field<T>) -> Option<T> {
        match field {
            Ok(Some(value)) => return Some(value),
            Ok(None) => self.refuse(RejectReason::MissingField { field: name }),
            Err(reason) => self.refuse(reason),
        }
        None
    }

    /// A field that no number depends on: if its value is wrong, the trip is loaded without it.
    pub(super) fn optional<T>(&mut self, field: Field<T>) -> Option<T> {
        field.unwrap_or_else(|_| {
            self.flags.insert(Flag::UnusableField);
            None
        })
    }

    /// The code of a currency. One that cannot be read has a code of its own: null means dollars.
    pub(super) fn currency(&mut self, field: &Field<Currency>) -> Option<String> {
        let code = match field {
            Ok(currency) => currency.map(|it| it.code),
            Err(_) => {
                self.flags.insert(Flag::UnusableField);
                Some(NO_CURRENCY)
            }
        };
        code.map(str::to_owned)
    }

    /// A cost. A wrong one is loaded as null, since a number in a wrong unit is worse than none.
    pub(super) fn cost(&mut self, sent: Sent<'_>, decimals: Option<i64>) -> Option<i64> {
        match minor_units(&present(sent)?, decimals) {
            Ok(cost) => return Some(cost),
            Err(CostError::Fraction) => self.flags.insert(Flag::FractionalCost),
            Err(CostError::Unusable) => self.flags.insert(Flag::UnusableField),
        }
        None
    }

    /// A time from 2010 to tomorrow.
    pub(super) fn time(&self, field: &'static str, sent: Sent<'_>) -> Field<Stamp> {
        read(sent, |scalar| match Stamp::of(scalar) {
            Ok(stamp) if (self.earliest..=self.latest).contains(&stamp.time) => Ok(stamp),
            Ok(_) | Err(StampError::BeyondCalendar) => Err(RejectReason::TimeOutOfRange { field }),
            Err(StampError::NotANumber) => Err(mistyped(field, "a timestamp")),
        })
    }
}

/// The provider's id, the only id that cannot be an integer.
pub(super) fn provider_id(sent: Sent<'_>) -> Field<Uuid> {
    let field = "provider_id";
    read(sent, |scalar| match Id::of(scalar) {
        Some(Id::Uuid(uuid)) => Ok(uuid),
        _ => Err(RejectReason::NotAUuid { field }),
    })
}

/// An id. A whole number becomes the UUID that stands for it with this provider.
pub(super) fn id(field: &'static str, sent: Sent<'_>, provider_id: Option<Uuid>) -> Field<Uuid> {
    read(sent, |scalar| match Id::of(scalar) {
        Some(Id::Uuid(uuid)) => Ok(uuid),
        // Without a provider id the trip is rejected for that, and the id is not used.
        Some(Id::Integer(id)) => Ok(integer_id_to_uuid(provider_id.unwrap_or_default(), id)),
        None => Err(RejectReason::NotAUuid { field }),
    })
}

/// A string.
pub(super) fn text(field: &'static str, sent: Sent<'_>) -> Field<String> {
    read(sent, |scalar| match scalar {
        Scalar::Text(text) => Ok(text.clone().into_owned()),
        _ => Err(mistyped(field, "a text")),
    })
}

/// A currency of ISO 4217, by its code.
pub(super) fn currency(field: &'static str, sent: Sent<'_>) -> Field<Currency> {
    let code = text(field, sent)?.map(|text| text.trim().to_ascii_uppercase());
    code.map(|code| Currency::of(&code).ok_or_else(|| mistyped(field, "a currency code")))
        .transpose()
}

/// A string that some providers send as a number.
pub(super) fn text_or_number(field: &'static str, sent: Sent<'_>) -> Field<String> {
    read(sent, |scalar| match scalar {
        Scalar::Text(text) => Ok(text.clone().into_owned()),
        Scalar::Number(digits) => Ok((*digits).to_owned()),
        Scalar::Other => Err(mistyped(field, "a text")),
    })
}

/// Strings, joined with `,`; an empty list counts as absent.
pub(super) fn texts(field: &'static str, sent: Sent<'_>) -> Field<String> {
    let Some(sent) = sent.filter(|raw| !Scalar::of(raw).is_empty_text()) else {
        return Ok(None);
    };
    let joined = serde_json::from_str::<Vec<String>>(sent.get())
        .map(|texts| texts.join(","))
        .ok()
        .filter(|joined| !joined.contains('\0'))
        .ok_or_else(|| mistyped(field, "a list of texts"))?;
    Ok((!joined.is_empty()).then_some(joined))
}

/// A string, or strings joined with `,`: the text of 2.0 and its schema long disagreed.
pub(super) fn text_or_texts(field: &'static str, sent: Sent<'_>) -> Field<String> {
    match present(sent) {
        Some(Scalar::Text(text)) => Ok(Some(text.into_owned())),
        None => Ok(None),
        Some(_) => texts(field, sent),
    }
}

/// A whole number; a fraction is rounded.
pub(super) fn whole_number(field: &'static str, sent: Sent<'_>) -> Field<i64> {
    read(sent, |scalar| {
        match scalar {
            Scalar::Number(digits) => whole(digits),
            _ => None,
        }
        .ok_or_else(|| mistyped(field, "a whole number"))
    })
}

/// A whole number that cannot be negative.
pub(super) fn size(field: &'static str, sent: Sent<'_>) -> Field<i64> {
    match whole_number(field, sent)? {
        Some(number) if number < 0 => Err(mistyped(field, "a size")),
        number => Ok(number),
    }
}

fn read<T>(sent: Sent<'_>, value: impl FnOnce(&Scalar<'_>) -> Result<T, RejectReason>) -> Field<T> {
    present(sent).map(|scalar| value(&scalar)).transpose()
}

fn present(sent: Sent<'_>) -> Option<Scalar<'_>> {
    sent.map(Scalar::of)
        .filter(|scalar| !scalar.is_empty_text())
}

fn mistyped(field: &'static str, expected: &'static str) -> RejectReason {
    RejectReason::MistypedField { field, expected }
}

/// No shared scooter was rented before.
fn first_day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2010, 1, 1).unwrap_or(NaiveDate::MIN)
}
