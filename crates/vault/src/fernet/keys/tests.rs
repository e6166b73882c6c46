//! Lists of keys, well-formed and malformed.

use super::*;

const GOOD: &str = "mldLZF4-C206rmYvoW8CEwLfbzyRPujPHAQM_67McRQ=";

fn parse(text: &str) -> Result<FernetKeys, KeyError> {
    FernetKeys::parse(&SecretString::from(text))
}

#[test]
fn a_list_of_keys_is_read_in_order() {
    let keys = parse(&format!(" {GOOD} ,{GOOD}, ")).unwrap();
    assert_eq!(keys.count(), 2);
    assert_eq!(format!("{keys:?}"), "FernetKeys(2 redacted)");
}

#[test]
fn a_bad_key_is_named_by_its_position_and_not_shown() {
    let error = parse(&format!("{GOOD},canary-not-a-key")).unwrap_err();
    assert_eq!(
        error,
        KeyError::Malformed {
            position: 2,
            count: 2
        }
    );
    assert!(!format!("{error} {error:?}").contains("canary"));
}

#[test]
fn keys_of_another_length_or_alphabet_are_refused() {
    for bad in ["AAAA", &"A".repeat(44), &GOOD.replace('_', "*"), &GOOD[1..]] {
        assert_eq!(
            parse(bad).unwrap_err(),
            KeyError::Malformed {
                position: 1,
                count: 1
            }
        );
    }
    assert_eq!(parse(" , ").unwrap_err(), KeyError::NoKey);
}

#[test]
fn a_key_in_the_standard_alphabet_is_the_same_key() {
    let standard = GOOD.replace('-', "+").replace('_', "/");
    assert_ne!(standard, GOOD);
    for text in [
        &standard,
        standard.trim_end_matches('='),
        &GOOD.replace('_', "/"),
    ] {
        assert!(
            parse(text).unwrap().are_same(&parse(GOOD).unwrap()),
            "{text}"
        );
    }
}

#[test]
fn bits_that_belong_to_no_byte_are_ignored_as_python_does() {
    // Q and R differ in the last two bits, which are beyond the 32 bytes.
    let other = format!("{}R=", GOOD.strip_suffix("Q=").unwrap());
    assert!(parse(&other).unwrap().are_same(&parse(GOOD).unwrap()));
}

#[test]
fn a_generated_key_is_a_key() {
    let key = FernetKeys::generate();
    assert!(FernetKeys::parse(&key).is_ok());
    assert_ne!(key.expose_secret(), FernetKeys::generate().expose_secret());
}

/// Docker keeps the quotes of an `--env-file`, and Python's decoder drops them.
#[rstest::rstest]
#[case(format!("\"{GOOD}\""))]
#[case(format!("'{GOOD}'"))]
#[case(format!("\"{GOOD},{GOOD}\""))]
fn a_key_in_quotes_is_named_as_such(#[case] quoted: String) {
    let error = parse(&quoted).unwrap_err().to_string();
    assert!(error.contains("quotes"), "{error}");
    assert!(!error.contains(GOOD), "{error}");
}
