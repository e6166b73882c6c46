//! The links between `mds` and the parts of a stack.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sandbox_network::Link;
use serde_json::{Value, json};

use crate::schedule::Moment;
use crate::support::World;
use crate::weather::{Place, Weather};

/// The links in the order of [`Place::ALL`]. A place with several servers has several links.
pub(crate) struct Network {
    links: Vec<(Place, Link)>,
    weather: Arc<Mutex<[Weather; 4]>>,
}

/// The exchanges of each place so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts([u64; 4]);

impl Counts {
    pub(crate) fn of(self, place: Place) -> u64 {
        self.0[place as usize]
    }

    pub(crate) fn total(self) -> u64 {
        self.0.iter().sum()
    }
}

impl Network {
    /// Puts links before every part of a stack, and tells the configuration of them.
    pub(crate) async fn before(world: &mut World, role_url: &str, seed: u64) -> Self {
        let mut network = Self {
            links: Vec::new(),
            weather: Arc::default(),
        };
        let s3 = network
            .link(Place::S3, &world.stack.s3.endpoint_url(), seed)
            .await;
        let postgres = network.link(Place::Postgres, role_url, seed).await;
        let portal = network
            .link(Place::Portal, &world.stack.portal.url(), seed)
            .await;
        let mut providers = Vec::new();
        for (name, provider) in &world.stack.providers {
            let url = network
                .link(Place::Provider, &provider.base_url(), seed)
                .await;
            providers.push((name.clone(), url));
        }
        world
            .edit_settings(|settings| {
                settings["DATABASE_URL"] = json!(postgres);
                settings["SOCRATA_DATA_ENDPOINT"] = json!(portal);
            })
            .await;
        world
            .edit_providers(|entries: &mut Value| {
                for (name, url) in providers {
                    entries[name]["mds_api_url"] = json!(url);
                }
            })
            .await;
        world.stack.env.insert("AWS_ENDPOINT_URL_S3".to_owned(), s3);
        network
    }

    /// Opens a link to the server of a URL. Returns the URL that leads over it.
    async fn link(&mut self, place: Place, url: &str, seed: u64) -> String {
        let server = address(url);
        let weather = Arc::clone(&self.weather);
        let salt = self.links.len() as u64;
        let link = Link::start(server, move |exchange| {
            // Each exchange has its own numbers, whatever the others drew.
            let own = (seed << 32) ^ (salt << 24) ^ exchange.number;
            let mut random = ChaCha8Rng::seed_from_u64(own);
            weather.lock().unwrap()[place as usize].disturb(exchange, &mut random)
        })
        .await
        .unwrap();
        let url = url.replace(&server.to_string(), &link.address().to_string());
        self.links.push((place, link));
        url
    }

    pub(crate) fn set(&self, weather: [Weather; 4]) {
        *self.weather.lock().unwrap() = weather;
    }

    pub(crate) fn counts(&self) -> Counts {
        self.sum(Link::exchanges)
    }

    pub(crate) fn disturbed(&self) -> u64 {
        self.sum(Link::disturbed).total()
    }

    fn sum(&self, of: impl Fn(&Link) -> u64) -> Counts {
        let mut counts = Counts::default();
        for (place, link) in &self.links {
            counts.0[*place as usize] += of(link);
        }
        counts
    }

    /// Whether a moment has come, counted from the start of its wave.
    pub(crate) fn has_come(&self, moment: Moment, since: Counts) -> bool {
        self.counts().of(moment.place) - since.of(moment.place) >= moment.exchanges
    }

    pub(crate) fn cut(&self, place: Place) {
        self.at(place).for_each(Link::cut);
    }

    pub(crate) fn mend(&self, place: Place) {
        self.at(place).for_each(Link::mend);
    }

    fn at(&self, place: Place) -> impl Iterator<Item = &Link> {
        let links = self.links.iter();
        links
            .filter(move |(at, _)| *at == place)
            .map(|(_, link)| link)
    }
}

/// The `127.0.0.1:PORT` in a URL.
fn address(url: &str) -> SocketAddr {
    let start = url.find("127.0.0.1").unwrap();
    let rest = &url[start..];
    rest[..rest.find('/').unwrap_or(rest.len())]
        .parse()
        .unwrap()
}
