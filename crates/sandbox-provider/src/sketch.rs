//! A trip in outline: its times, its device and its kind. A sketch is cheap, so that trips can be
//! counted and skipped without generating their routes.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use uuid::{Builder, Uuid};

use super::MdsVersion;
use super::options::{ProviderOptions, Rates};
use super::quirk::Quirk;

pub(super) const HOUR_MS: i64 = 3_600_000;

/// The fleet is divided into this many groups, which take turns hour by hour. So a device rests for
/// some hours between two trips, and its trips do not overlap.
const GROUPS: u64 = 5;

/// The kinds of trips: ordinary, unusual and malformed ones.
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
    /// Whether a client has to reject the trip.
    pub(super) fn is_bad(self) -> bool {
        matches!(
            self,
            Self::MissingDevice | Self::EndBeforeStart | Self::OffGlobe
        )
    }

    fn draw(rates: &Rates, version: MdsVersion, mut roll: f64) -> Self {
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
            if roll < share {
                return kind;
            }
            roll -= share;
        }
        Self::Ordinary
    }
}

/// A trip in outline.
#[derive(Clone, Debug)]
pub(super) struct Sketch {
    pub(super) kind: Kind,
    /// Whether the trip is sent a second time.
    pub(super) is_sent_twice: bool,
    /// Whether this is the second time.
    pub(super) is_repeat: bool,
    /// Whether the trip differs from what was sent before.
    pub(super) is_revised: bool,
    /// When the ride started and ended, in milliseconds. The feed has `reported_start_ms` as the
    /// start.
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
    pub(super) reported_start_ms: i64,
    /// Whether the trip is the first of its hour.
    pub(super) is_first: bool,
    /// The number of the trip among all trips, and of its device in the fleet.
    pub(super) number: u64,
    pub(super) device: u64,
    /// The random numbers for all other properties.
    pub(super) random: ChaCha8Rng,
}

/// The position of a trip: it is the `index`th of `count` trips in an hour.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    /// Hours since 1970.
    pub(super) hour: i64,
    pub(super) index: u64,
    pub(super) count: u64,
    /// The highest number of trips in any hour.
    pub(super) peak: u64,
    /// The device of the first trip, counted within the hour's group of devices.
    pub(super) first_device: u64,
}

impl Sketch {
    pub(super) fn draw(options: &ProviderOptions, at: Position) -> Self {
        let mut random = random(options, Purpose::Trip, at.hour, at.index);
        let kind = Kind::draw(&options.rates, options.version, random.random());
        let duplicates = if options.quirks.has(Quirk::ChangedDuplicates) {
            1.0
        } else {
            options.rates.duplicates
        };
        let is_sent_twice = random.random::<f64>() < duplicates && !kind.is_bad();
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
            is_sent_twice,
            is_repeat: false,
            is_revised: false,
            start_ms,
            end_ms,
            reported_start_ms,
            is_first: at.index == 0,
            number: at.hour.unsigned_abs() * at.peak.max(1) + at.index,
            device: device(at),
            random,
        }
    }
}

/// The purpose of random numbers. Each purpose has numbers of its own.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Hour = 1,
    Trip = 2,
    Device = 3,
}

/// The random numbers for one thing: always the same ones for the same arguments.
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

/// The end of a trip, as milliseconds within the hour. Ends are in ascending order, and evenly
/// spread except for some randomness.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "far below 2^52"
)]
fn spread(random: &mut ChaCha8Rng, at: Position) -> i64 {
    let part = (at.index as f64 + random.random::<f64>()) / at.count.max(1) as f64;
    ((part * HOUR_MS as f64) as i64).clamp(0, HOUR_MS - 1)
}

/// The duration: nine minutes in the median, rarely less than two or more than an hour.
#[expect(clippy::cast_possible_truncation, reason = "a duration of hours fits")]
fn duration_ms(random: &mut ChaCha8Rng, kind: Kind) -> i64 {
    if kind == Kind::Phantom {
        return random.random_range(3_000..50_000);
    }
    let seconds = (540.0 * (0.8 * bell(random)).exp()).clamp(65.0, 10_800.0);
    (seconds * 1_000.0) as i64
}

/// A random number with approximately the standard normal distribution.
pub(super) fn bell(random: &mut ChaCha8Rng) -> f64 {
    let sum: f64 = (0..6).map(|_| random.random::<f64>()).sum();
    (sum - 3.0) * std::f64::consts::SQRT_2
}

/// The number of vehicles in the fleet.
pub(super) fn fleet(peak: u64) -> u64 {
    GROUPS * peak.max(1)
}

fn device(at: Position) -> u64 {
    let peak = at.peak.max(1);
    let group = at.hour.rem_euclid(GROUPS.cast_signed()).unsigned_abs();
    group * peak + (at.index + at.first_device) % peak
}
