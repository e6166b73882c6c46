//! The error names that the state machine matches on.

use pipeline::ErrorName;
use rstest::rstest;

#[test]
fn names_are_those_of_the_contract_in_its_order() {
    let names: Vec<_> = ErrorName::ALL.iter().map(|name| name.as_str()).collect();
    insta::assert_snapshot!(names.join(" "), @"InvalidInput ConfigInvalid ProviderNotReady ProviderThrottled ProviderUnavailable ProviderRejected ProviderMalformed ProviderLostTrips ArchiveMissing ArchiveUnreadable StorageUnavailable DatabaseUnavailable SocrataThrottled SocrataUnavailable SocrataRejected BlockBusy RunHadFailures Internal");
}

#[test]
fn a_name_is_written_and_read_as_itself() {
    for name in ErrorName::ALL {
        let json = serde_json::to_string(&name).unwrap();
        assert_eq!(json, format!("\"{name}\""));
        assert_eq!(serde_json::from_str::<ErrorName>(&json).unwrap(), name);
    }
}

#[rstest]
#[case(ErrorName::ProviderNotReady, true)]
#[case(ErrorName::ProviderThrottled, true)]
#[case(ErrorName::ProviderUnavailable, true)]
#[case(ErrorName::StorageUnavailable, true)]
#[case(ErrorName::DatabaseUnavailable, true)]
#[case(ErrorName::SocrataThrottled, true)]
#[case(ErrorName::SocrataUnavailable, true)]
#[case(ErrorName::BlockBusy, true)]
#[case(ErrorName::InvalidInput, false)]
#[case(ErrorName::ConfigInvalid, false)]
#[case(ErrorName::ProviderRejected, false)]
#[case(ErrorName::ProviderMalformed, false)]
#[case(ErrorName::ProviderLostTrips, false)]
#[case(ErrorName::ArchiveMissing, false)]
#[case(ErrorName::ArchiveUnreadable, false)]
#[case(ErrorName::SocrataRejected, false)]
#[case(ErrorName::RunHadFailures, false)]
#[case(ErrorName::Internal, false)]
fn waiting_helps_against_what_can_pass(#[case] name: ErrorName, #[case] is_transient: bool) {
    assert_eq!(name.is_transient(), is_transient);
}

#[test]
fn an_error_says_what_is_wrong_once() {
    let zone = trips::time::CivilZone::default();
    let below = zone.parse_time("2020-01-01-24").unwrap_err();
    let error = pipeline::PipelineError::from(below.clone());
    assert_eq!(error.to_string(), below.to_string());
    assert!(std::error::Error::source(&error).is_none());
}
