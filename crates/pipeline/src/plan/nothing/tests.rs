use rstest::rstest;
use trips::status::BlockStatus::{self, *};

use super::*;

fn only(step: Step) -> PlanRequest {
    PlanRequest {
        no_extract: step != Step::Extract,
        no_sync_db: step != Step::SyncDb,
        no_sync_socrata: step != Step::SyncSocrata,
        ..PlanRequest::default()
    }
}

#[rstest]
#[case(Step::Extract, Archived, LeftOut::Done)]
#[case(Step::Extract, Published, LeftOut::Done)]
#[case(Step::SyncDb, New, LeftOut::NotArchived)]
#[case(Step::SyncDb, NotPublished, LeftOut::NotArchived)]
#[case(Step::SyncDb, ExtractFailed, LeftOut::NotArchived)]
#[case(Step::SyncDb, Loaded, LeftOut::Done)]
#[case(Step::SyncDb, NoTrips, LeftOut::Done)]
#[case(Step::SyncSocrata, New, LeftOut::NotArchived)]
#[case(Step::SyncSocrata, Archived, LeftOut::NotLoaded)]
#[case(Step::SyncSocrata, LoadFailed, LeftOut::NotLoaded)]
#[case(Step::SyncSocrata, AllRejected, LeftOut::Done)]
#[case(Step::SyncSocrata, Published, LeftOut::Done)]
fn a_block_without_steps_is_done_or_waits_for_the_step_before(
    #[case] step: Step,
    #[case] status: BlockStatus,
    #[case] why: LeftOut,
) {
    assert_eq!(left_out(status, &only(step)), why);
}

#[test]
fn a_forced_plan_that_publishes_leaves_out_what_is_not_loaded() {
    let forced = PlanRequest {
        force: true,
        ..only(Step::SyncSocrata)
    };
    assert_eq!(left_out(New, &forced), LeftOut::NotLoaded);
    assert_eq!(left_out(AllRejected, &forced), LeftOut::Done);
    assert_eq!(left_out(NoTrips, &forced), LeftOut::Done);
}

#[test]
fn a_sweep_counts_what_is_published_as_done() {
    let sweep = PlanRequest {
        incomplete_only: true,
        ..PlanRequest::default()
    };
    assert_eq!(left_out(Published, &sweep), LeftOut::Done);
}
