//! Integer ids as UUIDs, and the public ids.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::collections::HashSet;

use proptest::prelude::*;
use rstest::rstest;
use secrecy::SecretString;
use trips::ids::{PublicIdKey, PublicIdKeyError, integer_id_to_uuid};
use uuid::{Uuid, Variant, uuid};

const PROVIDER: Uuid = uuid!("0309585e-599f-4e57-ac85-ffffffffffff");
const SECRET: &str = "0123456789abcdef";

fn key(secret: &str) -> PublicIdKey {
    PublicIdKey::new(&SecretString::from(secret)).unwrap()
}

#[rstest]
#[case::zero(0, "0309585e-599f-4e57-ac85-ffffffffffff")]
#[case::one(1, "0309585e-599f-4e57-ac85-fffffffffff1")]
#[case::five_digits(104_865, "0309585e-599f-4e57-ac85-fffffff199a1")]
#[case::eight_digits(99_999_999, "0309585e-599f-4e57-ac85-fffff5f5e0ff")]
#[case::zeros_at_the_end(0x10_0000, "0309585e-599f-4e57-ac85-ffffff100000")]
#[case::over_a_hyphen(0x1_0000_0000_0000, "0309585e-599f-4e57-ac81-000000000000")]
#[case::every_digit(u128::MAX, "ffffffff-ffff-ffff-ffff-ffffffffffff")]
#[case::but_one_digit(u128::MAX >> 4, "0fffffff-ffff-ffff-ffff-ffffffffffff")]
fn an_integer_id_replaces_the_last_digits(#[case] id: u128, #[case] expected: Uuid) {
    assert_eq!(integer_id_to_uuid(PROVIDER, id), expected);
}

/// The rule as the contract words it, applied to the text of the two ids.
fn by_text(provider_id: Uuid, id: u128) -> String {
    let digits = Uuid::from_u128(id).to_string();
    let leading = digits
        .find(|digit| digit != '0' && digit != '-')
        .unwrap_or(digits.len());
    format!(
        "{}{}",
        &provider_id.to_string()[..leading],
        &digits[leading..]
    )
}

proptest! {
    #[test]
    fn an_integer_id_follows_the_text_rule(provider in any::<u128>(), id in any::<u128>(), shift in 0..128_u32) {
        let (provider, id) = (Uuid::from_u128(provider), id >> shift);
        prop_assert_eq!(integer_id_to_uuid(provider, id).to_string(), by_text(provider, id));
    }

    #[test]
    fn public_ids_are_of_version_8(provider in any::<u128>(), id in any::<u128>()) {
        let (provider, id) = (Uuid::from_u128(provider), Uuid::from_u128(id));
        let public = key(SECRET).trip(provider, id);
        prop_assert_eq!((public.get_version_num(), public.get_variant()), (8, Variant::RFC4122));
        prop_assert_eq!(public, key(SECRET).trip(provider, id));
    }
}

/// Published rows have these ids, so they may never change.
#[test]
fn public_ids_never_change() {
    let id = uuid!("00000000-0000-0000-0000-000000000001");
    let ids = (
        key(SECRET).trip(PROVIDER, id),
        key(SECRET).device(PROVIDER, id),
    );
    assert_eq!(
        ids,
        (
            uuid!("6c32a87d-eece-8853-98f3-b87e31ab5aca"),
            uuid!("ef21d4a6-a982-8720-97ef-e5fd0f6d232e")
        )
    );
}

#[test]
fn public_ids_differ_by_kind_provider_id_and_key() {
    let other = uuid!("6ddcc0ad-1d66-4046-bba4-d1d96bb8ca4d");
    let ids = HashSet::from([
        key(SECRET).trip(PROVIDER, other),
        key(SECRET).device(PROVIDER, other),
        key(SECRET).trip(other, PROVIDER),
        key(SECRET).trip(PROVIDER, PROVIDER),
        key("another secret of enough bytes").trip(PROVIDER, other),
    ]);
    assert_eq!(ids.len(), 5);
}

#[test]
fn a_short_key_is_refused_and_not_shown() {
    let error = PublicIdKey::new(&SecretString::from("0123456789abcde")).unwrap_err();
    assert_eq!(error, PublicIdKeyError::TooShort { bytes: 15 });
    assert_eq!(
        error.to_string(),
        "PUBLIC_ID_KEY has 15 bytes; use a random one of at least 16 bytes"
    );
}

#[test]
fn a_key_is_never_shown() {
    assert_eq!(format!("{:?}", key(SECRET)), "PublicIdKey(redacted)");
}
