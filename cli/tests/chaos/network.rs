//! The network of a world under the weather of a wave.

use std::sync::{Arc, Mutex};

use local_stack::{Counts, Network, Place};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::schedule::Moment;
use crate::support::World;
use crate::weather::Weather;

/// The links between `mds` and the parts of a world.
pub(crate) struct Sky {
    network: Network,
    weather: Arc<Mutex<[Weather; 4]>>,
}

impl Sky {
    /// Puts links before every part of a world.
    pub(crate) async fn over(world: &mut World, database_url: &str, seed: u64) -> Self {
        let weather: Arc<Mutex<[Weather; 4]>> = Arc::default();
        let shared = Arc::clone(&weather);
        let network = Network::before(
            &mut world.stack,
            database_url,
            move |place, link, exchange| {
                // Each exchange has its own numbers, whatever the others drew.
                let own = (seed << 32) ^ ((link as u64) << 24) ^ exchange.number;
                let mut random = ChaCha8Rng::seed_from_u64(own);
                shared.lock().unwrap()[place as usize].disturb(exchange, &mut random)
            },
        );
        Self {
            network: network.await.unwrap(),
            weather,
        }
    }

    pub(crate) fn set(&self, weather: [Weather; 4]) {
        *self.weather.lock().unwrap() = weather;
    }

    pub(crate) fn exchanges(&self) -> Counts {
        self.network.exchanges()
    }

    pub(crate) fn disturbed(&self) -> u64 {
        self.network.disturbed().total()
    }

    /// Whether a moment has come, counted from the start of its wave.
    pub(crate) fn has_come(&self, moment: Moment, since: Counts) -> bool {
        self.exchanges().since(since).of(moment.place) >= moment.exchanges
    }

    pub(crate) fn cut(&self, place: Place) {
        self.network.cut(place);
    }

    pub(crate) fn mend(&self, place: Place) {
        self.network.mend(place);
    }
}
