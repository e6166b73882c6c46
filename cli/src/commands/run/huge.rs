//! Asks before a range of hours that nobody means.

use pipeline::{Context, Plan, PlanRequest};
use trips::words::counted;

use crate::commands::ask;
use crate::failure::usage;

/// A month of 27 providers. A larger request is more often a slip in a year than a wish.
const MANY_BLOCKS: u64 = 20_000;

/// Asks whether to go on with a request that is for very many blocks.
///
/// # Errors
///
/// A wrong usage, if the answer is no, or if nobody can be asked and `--yes` is not given.
pub(super) async fn confirm(
    ctx: &Context,
    request: &PlanRequest,
    is_confirmed: bool,
) -> anyhow::Result<()> {
    if is_confirmed || request.audit || pipeline::hours_in_range(ctx, request)? <= MANY_BLOCKS {
        return Ok(());
    }
    let dry = PlanRequest {
        dry_run: true,
        ..request.clone()
    };
    let plan = pipeline::plan_patiently(ctx, &dry, |_| {}).await?;
    let blocks = planned_rows(&plan);
    if blocks <= MANY_BLOCKS {
        return Ok(());
    }
    consent(&format!(
        "this is for {} ({})",
        counted(blocks, "block"),
        by_provider(&plan)
    ))
    .await
}

/// As [`confirm`], for a request that an execution of the state machine plans: the number of its
/// hours is known, and not what there is to do.
///
/// # Errors
///
/// As [`confirm`].
pub(crate) async fn confirm_hours(hours: u64, is_confirmed: bool) -> anyhow::Result<()> {
    if is_confirmed || hours <= MANY_BLOCKS {
        return Ok(());
    }
    consent(&format!(
        "this is for {} of each provider",
        counted(hours, "hour")
    ))
    .await
}

async fn consent(question: &str) -> anyhow::Result<()> {
    if !ask::is_possible() {
        return Err(usage(format!(
            "{question}: check --time-min and --time-max, and give --yes if they are meant"
        )));
    }
    if ask::yes(&format!("{question}. Go on?"), false).await? {
        return Ok(());
    }
    Err(usage("nothing was planned or run"))
}

/// Blocks with something to do, and those that the plan would add to the schedule all the same.
fn planned_rows(plan: &Plan) -> u64 {
    plan.block_count + plan.not_archived + plan.not_loaded
}

fn by_provider(plan: &Plan) -> String {
    let counts = plan.providers.iter().map(|it| {
        let blocks = it.block_count + it.not_archived + it.not_loaded;
        format!("{} {blocks}", it.provider)
    });
    counts.collect::<Vec<_>>().join(", ")
}
