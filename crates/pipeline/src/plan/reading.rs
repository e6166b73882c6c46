//! Reads the schedule of a plan ahead of the planner, and adds the blocks that it lacks.

use std::collections::VecDeque;

use store::{ScheduledBlock, Store, StoreError};
use tokio::sync::mpsc;
use trips::block::{HourRange, ProviderName};
use trips::time::CivilZone;

use super::blocks::{Part, ReadPart};
use crate::context::Context;
use crate::error::PipelineError;

/// How many parts are read at most before the planner has taken the first of them. A part that
/// takes one side long does not hold up the other side then.
const AHEAD: usize = 3;

/// A part is read over this many connections.
const HALVES: usize = 2;

/// Where the rows of a part come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Schedule {
    /// The schedule, to which the missing rows are added.
    Extended,
    /// The schedule as it is, for a dry run.
    AsItIs,
}

/// Providers of a part, each with its hours.
type Wanted = Vec<(ProviderName, HourRange)>;

/// For each of the providers, its rows.
type Scheduled = Vec<Vec<ScheduledBlock>>;

/// The parts of a plan in their order, whose schedule rows are being read, and added where they are
/// missing, while the caller works on an earlier part.
///
/// Each half of the providers has a connection of its own: to insert a block takes longer than
/// everything else that is done for it. Neither half waits for the other one, and neither keeps its
/// connection while nobody takes its rows.
pub(super) struct Reading<'a, P> {
    parts: P,
    /// Parts that are being read, or are read.
    started: VecDeque<Part<'a>>,
    halves: [Half; HALVES],
}

/// What reads one half of each part.
struct Half {
    wanted: mpsc::Sender<Wanted>,
    read: mpsc::Receiver<Result<Scheduled, StoreError>>,
}

impl<'a, P: Iterator<Item = Part<'a>>> Reading<'a, P> {
    pub(super) fn start(ctx: &Context, parts: P, schedule: Schedule) -> Self {
        Self {
            parts,
            started: VecDeque::with_capacity(AHEAD),
            halves: std::array::from_fn(|_| Half::start(ctx, schedule)),
        }
    }

    /// The next part with its rows, once they are read.
    pub(super) async fn next(&mut self) -> Result<Option<ReadPart<'a>>, PipelineError> {
        while self.started.len() < AHEAD
            && let Some(part) = self.parts.next()
        {
            for (half, wanted) in self.halves.iter().zip(halves(&part)) {
                // A half that has ended says why when its rows are taken.
                let _ = half.wanted.send(wanted).await;
            }
            self.started.push_back(part);
        }
        let Some(part) = self.started.pop_front() else {
            return Ok(None);
        };
        let mut scheduled = Vec::with_capacity(part.len());
        for half in &mut self.halves {
            let read = half.read.recv().await;
            scheduled.extend(read.ok_or_else(|| PipelineError::panicked("reading the schedule"))??);
        }
        Ok(Some(ReadPart::new(part, scheduled)))
    }
}

impl Half {
    fn start(ctx: &Context, schedule: Schedule) -> Self {
        let (wanted, mut next) = mpsc::channel::<Wanted>(AHEAD);
        let (found, read) = mpsc::channel(AHEAD);
        let (store, zone) = (ctx.store().clone(), *ctx.zone());
        tokio::spawn(async move {
            while let Some(wanted) = next.recv().await {
                let rows = read_half(&store, &wanted, schedule, &zone).await;
                let has_failed = rows.is_err();
                // If nobody waits for the rows, the plan has ended.
                if found.send(rows).await.is_err() || has_failed {
                    break;
                }
            }
        });
        Self { wanted, read }
    }
}

/// The providers of a part in their order, cut into halves.
fn halves(part: &Part<'_>) -> [Wanted; HALVES] {
    let length = part.len().div_ceil(HALVES);
    std::array::from_fn(|n| {
        let half = part.iter().skip(n * length).take(length);
        half.map(|(provider, range)| (provider.name.clone(), *range))
            .collect()
    })
}

async fn read_half(
    store: &Store,
    wanted: &Wanted,
    schedule: Schedule,
    zone: &CivilZone,
) -> Result<Scheduled, StoreError> {
    if schedule == Schedule::Extended {
        return Ok(store.plan_blocks(wanted, zone).await?.blocks);
    }
    let mut scheduled = Vec::with_capacity(wanted.len());
    for (name, range) in wanted {
        scheduled.push(store.blocks(name, *range).await?);
    }
    Ok(scheduled)
}
