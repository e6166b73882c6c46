//! A trip in outline: when, by which device, and what is odd about it. Cheap to make, so that trips
//! can be counted and skipped without drawing their routes.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use uuid::{Builder, Uuid};

use super::MdsVersion;
use super::oddity::Oddity;
use super::options::{ProviderOptions, Rates};

pub(super) const HOUR_MS: i64 = 3_600_000;

/// Blocks of devices: an hour takes the block of its number, so that a device rests for some hours
/// between two trips and they don't overlap.
const BLOCKS: u64 = 5;

/// What is odd about a trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Ordinary,
    Outside,
    Phantom,
    AbsurdDistance,
    NullIsland,
    MissingDevice,
    EndBeforeStart,
    OffGlobe,
    /// 2.0: moved by the provider's staff.
    NotRider,
}

impl Kind {
    /// Bad trips are those that nobody can load.
    pub(super) fn is_bad(self) -> bool {
        matches!(
            self,
            Self::MissingDevice | Self::EndBeforeStart | Self::OffGlobe
        )
    }

    fn draw(rates: &Rates, version: MdsVersion, mut lot: f64) -> Self {
        let shares = [
            (Self::MissingDevice, rates.missing_device),
            (Self::EndBeforeStart, rates.end_before_start),
            (Self::OffGlobe, rates.off_globe),
            (Self::NullIsland, rates.null_island),
            (Self::Outside, rates.outside),
            (Self::Phantom, rates.phantom),
            (Self::AbsurdDistance, rates.absurd_distance),
            (
                Self::NotRider,
                if version.is_flat() {
                    rates.not_rider
                } else {
                    0.0
                },
            ),
        ];
        for (kind, share) in shares {
            if lot < share {
                return kind;
            }
            lot -= share;
        }
        Self::Ordinary
    }
}

/// A trip in outline.
#[derive(Clone, Debug)]
pub(super) struct Sketch {
    pub(super) kind: Kind,
    /// Whether it is sent a second time.
    pub(super) twice: bool,
    /// Whether this is the second time.
    pub(super) again: bool,
    /// Whether it is told otherwise than at first.
    pub(super) revised: bool,
    /// When the ride began and ended, in milliseconds; `reported_start` is what the feed says.
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
    pub(super) reported_start_ms: i64,
    /// The trip's number among all of the provider's, and the device's in its fleet.
    pub(super) number: u64,
    pub(super) device: u64,
    /// What further properties are drawn from.
    pub(super) random: ChaCha8Rng,
}

/// Where the `index`th of an hour's `count` trips is drawn from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    /// Hours since 1970.
    pub(super) hour: i64,
    pub(super) index: u64,
    pub(super) count: u64,
    /// The most trips that any hour has.
    pub(super) peak: u64,
    /// The device of the first trip within the hour's block of devices.
    pub(super) turn: u64,
}

impl Sketch {
    pub(super) fn draw(options: &ProviderOptions, at: Position) -> Self {
        let mut random = random(options, Purpose::Trip, at.hour, at.index);
        let kind = Kind::draw(&options.rates, options.version, random.random());
        let duplicates = if options.oddities.has(Oddity::ChangedDuplicates) {
            1.0
        } else {
            options.rates.duplicates
        };
        let twice = random.random::<f64>() < duplicates && !kind.is_bad();
        let end_ms = at.hour * HOUR_MS + spread(&mut random, at);
        let duration_ms = duration_ms(&mut random, kind);
        let start_ms = end_ms - duration_ms;
        let reported_start_ms = if kind == Kind::EndBeforeStart {
            end_ms + random.random_range(60_000..600_000)
        } else {
            start_ms
        };
        Self {
            kind,
            twice,
            again: false,
            revised: false,
            start_ms,
            end_ms,
            reported_start_ms,
            number: at.hour.unsigned_abs() * at.peak.max(1) + at.index,
            device: device(at),
            random,
        }
    }
}

/// What a random number is for: the same place in the world draws different ones.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Hour = 1,
    Trip = 2,
    Device = 3,
}

/// The source of random numbers for one thing in this provider's world.
pub(super) fn random(
    options: &ProviderOptions,
    purpose: Purpose,
    place: i64,
    index: u64,
) -> ChaCha8Rng {
    let (high, low) = options.provider_id.as_u64_pair();
    let world = options.seed ^ (purpose as u64).rotate_left(56);
    let mut seed = [0; 32];
    let words = [
        world,
        high ^ low.rotate_left(32),
        place.cast_unsigned(),
        index,
    ];
    for (bytes, word) in seed.chunks_exact_mut(8).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    ChaCha8Rng::from_seed(seed)
}

/// A UUID of version 4.
pub(super) fn uuid(random: &mut ChaCha8Rng) -> Uuid {
    Builder::from_random_bytes(random.random()).into_uuid()
}

/// The end's place within the hour: trips come in the order of their ends, evenly but for chance.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "far below 2^52"
)]
fn spread(random: &mut ChaCha8Rng, at: Position) -> i64 {
    let part = (at.index as f64 + random.random::<f64>()) / at.count.max(1) as f64;
    ((part * HOUR_MS as f64) as i64).clamp(0, HOUR_MS - 1)
}

/// Nine minutes in the median, seldom less than two or more than an hour.
#[expect(clippy::cast_possible_truncation, reason = "hours in milliseconds")]
fn duration_ms(random: &mut ChaCha8Rng, kind: Kind) -> i64 {
    if kind == Kind::Phantom {
        return random.random_range(3_000..50_000);
    }
    let seconds = (540.0 * (0.8 * bell(random)).exp()).clamp(65.0, 10_800.0);
    (seconds * 1_000.0) as i64
}

/// A number around 0 with a deviation of 1, nearly as the normal distribution has it.
pub(super) fn bell(random: &mut ChaCha8Rng) -> f64 {
    let sum: f64 = (0..6).map(|_| random.random::<f64>()).sum();
    (sum - 3.0) * std::f64::consts::SQRT_2
}

/// How many vehicles there are; they are numbered from 0.
pub(super) fn fleet(peak: u64) -> u64 {
    BLOCKS * peak.max(1)
}

fn device(at: Position) -> u64 {
    let peak = at.peak.max(1);
    let block = at.hour.rem_euclid(BLOCKS.cast_signed()).unsigned_abs();
    block * peak + (at.index + at.turn) % peak
}
