//! The ways from the pipeline to the parts of a stack, which can be long or bad.

use std::net::SocketAddr;

use sandbox_network::{Disturbance, Exchange, Link};
use serde_json::json;

use crate::{LocalStack, StackError};

/// The servers that the pipeline talks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// The database.
    Postgres,
    /// The bucket.
    S3,
    /// Every provider.
    Provider,
    /// The portal.
    Portal,
}

impl Place {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Postgres, Self::S3, Self::Provider, Self::Portal];
}

/// Links to every part of a stack. A place with several servers has several links.
#[derive(Debug)]
pub struct Network {
    links: Vec<(Place, Link)>,
}

/// A number for each place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts([u64; 4]);

impl Counts {
    /// The number of a place.
    #[must_use]
    pub fn of(self, place: Place) -> u64 {
        self.0[place as usize]
    }

    /// The sum of all places.
    #[must_use]
    pub fn total(self) -> u64 {
        self.0.iter().sum()
    }

    /// What has been added since other counts.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        let mut added = self;
        for (count, before) in added.0.iter_mut().zip(before.0) {
            *count -= before;
        }
        added
    }
}

impl Network {
    /// Puts a link before every part of a stack, and writes their addresses into its environment
    /// and configuration. `database_url` replaces the stack's own, for instance with another login.
    ///
    /// `decide` says what happens to each exchange. It also gets the number of the link.
    ///
    /// # Errors
    ///
    /// [`StackError::Network`] if a link cannot listen or a URL has no address on loopback, or the
    /// error of the configuration.
    pub async fn before(
        stack: &mut LocalStack,
        database_url: &str,
        decide: impl Fn(Place, usize, &Exchange<'_>) -> Disturbance + Clone + Send + Sync + 'static,
    ) -> Result<Self, StackError> {
        let mut network = Self { links: Vec::new() };
        let (s3, portal) = (stack.s3.endpoint_url(), stack.portal.url());
        let postgres = network
            .link(Place::Postgres, database_url, decide.clone())
            .await?;
        let s3 = network.link(Place::S3, &s3, decide.clone()).await?;
        let portal = network.link(Place::Portal, &portal, decide.clone()).await?;
        let mut providers = Vec::new();
        for (name, provider) in &stack.providers {
            let url = provider.base_url();
            let way = network.link(Place::Provider, &url, decide.clone()).await?;
            providers.push((name.clone(), way));
        }
        for (name, way) in providers {
            stack.put_provider(&name, "mds_api_url", json!(way)).await?;
        }
        stack.put_setting("DATABASE_URL", json!(postgres)).await?;
        stack
            .put_setting("SOCRATA_DATA_ENDPOINT", json!(portal))
            .await?;
        stack.env.insert("AWS_ENDPOINT_URL_S3".to_owned(), s3);
        Ok(network)
    }

    /// Opens a link to the server of a URL. Returns the URL that leads over it.
    async fn link(
        &mut self,
        place: Place,
        url: &str,
        decide: impl Fn(Place, usize, &Exchange<'_>) -> Disturbance + Send + Sync + 'static,
    ) -> Result<String, StackError> {
        let server = address(url)?;
        let number = self.links.len();
        let decide = move |exchange: &Exchange<'_>| decide(place, number, exchange);
        let link = Link::start(server, decide)
            .await
            .map_err(|error| StackError::Network(error.to_string()))?;
        let way = url.replace(&server.to_string(), &link.address().to_string());
        self.links.push((place, link));
        Ok(way)
    }

    /// The exchanges so far.
    #[must_use]
    pub fn exchanges(&self) -> Counts {
        self.sum(Link::exchanges)
    }

    /// The exchanges that did not simply pass, delays apart.
    #[must_use]
    pub fn disturbed(&self) -> Counts {
        self.sum(Link::disturbed)
    }

    /// Cuts the ways to a place. New connections are refused.
    pub fn cut(&self, place: Place) {
        self.at(place).for_each(Link::cut);
    }

    /// Opens the ways to a place again.
    pub fn mend(&self, place: Place) {
        self.at(place).for_each(Link::mend);
    }

    fn at(&self, place: Place) -> impl Iterator<Item = &Link> {
        let links = self.links.iter();
        links
            .filter(move |(at, _)| *at == place)
            .map(|(_, link)| link)
    }

    fn sum(&self, of: impl Fn(&Link) -> u64) -> Counts {
        let mut counts = Counts::default();
        for (place, link) in &self.links {
            counts.0[*place as usize] += of(link);
        }
        counts
    }
}

/// The `127.0.0.1:PORT` in a URL.
pub(crate) fn address(url: &str) -> Result<SocketAddr, StackError> {
    let start = url.find("127.0.0.1");
    let address = start.map(|start| {
        let rest = &url[start..];
        &rest[..rest.find('/').unwrap_or(rest.len())]
    });
    address
        .and_then(|address| address.parse().ok())
        .ok_or_else(|| {
            StackError::Network("a URL of the stack has no port on 127.0.0.1".to_owned())
        })
}
