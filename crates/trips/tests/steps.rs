//! The steps that a block needs, for every status and every kind of request.

use proptest::prelude::*;
use rstest::rstest;
use trips::status::Step::{Extract, SyncDb, SyncSocrata};
use trips::status::{BlockStatus, Step, StepSelection, steps_to_do};

const EVERYTHING: StepSelection = StepSelection {
    extract: true,
    sync_db: true,
    sync_socrata: true,
};
const NO_EXTRACT: StepSelection = StepSelection {
    extract: false,
    ..EVERYTHING
};
const NO_SYNC_DB: StepSelection = StepSelection {
    sync_db: false,
    ..EVERYTHING
};
const NO_SYNC_SOCRATA: StepSelection = StepSelection {
    sync_socrata: false,
    ..EVERYTHING
};

#[rstest]
#[case(BlockStatus::New, 0, "new")]
#[case(
    BlockStatus::NotPublished,
    1,
    "provider has not published the hour yet"
)]
#[case(BlockStatus::Archived, 2, "archived")]
#[case(BlockStatus::ExtractFailed, -2, "extraction failed")]
#[case(BlockStatus::Loaded, 5, "loaded")]
#[case(BlockStatus::LoadFailed, -5, "load failed")]
#[case(BlockStatus::LoadedWithRejects, 6, "loaded with rejects")]
#[case(BlockStatus::AllRejected, -6, "every trip rejected")]
#[case(BlockStatus::NoTrips, 7, "no trips")]
#[case(BlockStatus::Published, 8, "published")]
#[case(BlockStatus::PublishFailed, -8, "publishing failed")]
fn a_status_is_its_code(#[case] status: BlockStatus, #[case] code: i16, #[case] words: &str) {
    assert_eq!(status.code(), code);
    assert_eq!(BlockStatus::try_from(code), Ok(status));
    assert_eq!(status.as_str(), words);
    assert_eq!(status.is_failure(), code < 0);
    assert_eq!(serde_json::to_string(&status).unwrap(), code.to_string());
    assert_eq!(
        serde_json::from_str::<BlockStatus>(&code.to_string()).unwrap(),
        status
    );
}

#[test]
fn every_other_code_is_refused() {
    let codes = i16::MIN..=i16::MAX;
    assert_eq!(
        codes
            .filter(|code| BlockStatus::try_from(*code).is_ok())
            .count(),
        11
    );
    assert_eq!(
        BlockStatus::try_from(3).unwrap_err().to_string(),
        "3 is not the status of a block; the statuses are 0, 1, 2, -2, 5, -5, 6, -6, 7, 8, -8"
    );
}

#[rstest]
#[case(Extract, r#""extract""#)]
#[case(SyncDb, r#""sync-db""#)]
#[case(SyncSocrata, r#""sync-socrata""#)]
fn a_step_is_written_in_kebab_case(#[case] step: Step, #[case] json: &str) {
    assert_eq!(serde_json::to_string(&step).unwrap(), json);
    assert_eq!(serde_json::from_str::<Step>(json).unwrap(), step);
    assert_eq!(format!("\"{step}\""), json);
}

/// Without force: (all blocks, incomplete ones only).
#[rstest]
#[case(BlockStatus::New, &Step::ALL, &Step::ALL)]
#[case(BlockStatus::NotPublished, &Step::ALL, &Step::ALL)]
#[case(BlockStatus::ExtractFailed, &Step::ALL, &Step::ALL)]
#[case(BlockStatus::Archived, &[SyncDb, SyncSocrata], &[SyncDb, SyncSocrata])]
#[case(BlockStatus::LoadFailed, &[SyncDb, SyncSocrata], &[SyncDb, SyncSocrata])]
#[case(BlockStatus::Loaded, &[SyncSocrata], &[SyncSocrata])]
#[case(BlockStatus::LoadedWithRejects, &[SyncSocrata], &[SyncSocrata])]
#[case(BlockStatus::PublishFailed, &[SyncSocrata], &[SyncSocrata])]
#[case(BlockStatus::AllRejected, &[], &Step::ALL)]
#[case(BlockStatus::NoTrips, &[], &Step::ALL)]
#[case(BlockStatus::Published, &[], &[])]
fn the_steps_after_the_last_one_done(
    #[case] status: BlockStatus,
    #[case] steps: &[Step],
    #[case] incomplete_only: &[Step],
) {
    assert_eq!(steps_to_do(status, EVERYTHING, false, false), steps);
    assert_eq!(
        steps_to_do(status, EVERYTHING, false, true),
        incomplete_only
    );
}

#[rstest]
#[case::nothing_to_load(BlockStatus::New, NO_EXTRACT, &[])]
#[case::nothing_to_publish(BlockStatus::New, NO_SYNC_DB, &[Extract])]
#[case::do_not_publish(BlockStatus::New, NO_SYNC_SOCRATA, &[Extract, SyncDb])]
#[case::load_what_is_there(BlockStatus::Archived, NO_EXTRACT, &[SyncDb, SyncSocrata])]
#[case::archived_but_not_loaded(BlockStatus::Archived, NO_SYNC_DB, &[])]
#[case::publish_what_is_there(BlockStatus::Loaded, NO_SYNC_DB, &[SyncSocrata])]
#[case::nothing_left(BlockStatus::Loaded, NO_SYNC_SOCRATA, &[])]
fn a_step_needs_the_one_before_it(
    #[case] status: BlockStatus,
    #[case] selection: StepSelection,
    #[case] steps: &[Step],
) {
    assert_eq!(steps_to_do(status, selection, false, false), steps);
}

#[rstest]
#[case(BlockStatus::NoTrips)]
#[case(BlockStatus::AllRejected)]
fn late_trips_are_requested_if_extract_is_selected(#[case] status: BlockStatus) {
    assert_eq!(steps_to_do(status, NO_SYNC_DB, false, true), [Extract]);
    assert_eq!(steps_to_do(status, NO_EXTRACT, false, true), []);
}

#[test]
fn force_repeats_every_selected_step_of_every_block() {
    for status in BlockStatus::ALL {
        assert_eq!(steps_to_do(status, EVERYTHING, true, false), Step::ALL);
        assert_eq!(
            steps_to_do(status, NO_EXTRACT, true, false),
            [SyncDb, SyncSocrata]
        );
        assert_eq!(
            steps_to_do(status, NO_SYNC_DB, true, false),
            [Extract, SyncSocrata]
        );
    }
}

#[rstest]
#[case(BlockStatus::New, false)]
#[case(BlockStatus::NotPublished, false)]
#[case(BlockStatus::Archived, false)]
#[case(BlockStatus::ExtractFailed, false)]
#[case(BlockStatus::LoadFailed, false)]
#[case(BlockStatus::AllRejected, false)]
#[case(BlockStatus::NoTrips, false)]
#[case(BlockStatus::Loaded, true)]
#[case(BlockStatus::LoadedWithRejects, true)]
#[case(BlockStatus::Published, true)]
#[case(BlockStatus::PublishFailed, true)]
fn a_forced_publish_covers_the_blocks_that_are_loaded(
    #[case] status: BlockStatus,
    #[case] is_covered: bool,
) {
    let publish_only = StepSelection {
        extract: false,
        ..NO_SYNC_DB
    };
    assert_eq!(status.is_loaded(), is_covered);
    let steps: &[Step] = if is_covered { &[SyncSocrata] } else { &[] };
    assert_eq!(steps_to_do(status, publish_only, true, false), steps);
}

#[test]
fn force_with_incomplete_only_leaves_published_blocks_alone() {
    for status in BlockStatus::ALL {
        let steps = steps_to_do(status, EVERYTHING, true, true);
        assert_eq!(
            steps.is_empty(),
            status == BlockStatus::Published,
            "{status}"
        );
    }
}

proptest! {
    #[test]
    fn without_force_every_step_has_its_input(
        status in prop::sample::select(BlockStatus::ALL.to_vec()),
        (extract, sync_db, sync_socrata) in any::<(bool, bool, bool)>(),
        incomplete_only in any::<bool>(),
    ) {
        let selection = StepSelection { extract, sync_db, sync_socrata };
        let steps = steps_to_do(status, selection, false, incomplete_only);
        for (position, step) in steps.iter().enumerate() {
            prop_assert!(selection.includes(*step));
            let earlier = Step::ALL.into_iter().filter(|other| other < step);
            for before in earlier {
                prop_assert!(status.has_done(before) || steps[..position].contains(&before));
            }
        }
    }
}
