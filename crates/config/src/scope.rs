//! What each part of the system reads of the two files.

use mds_client::ProviderConfig;

/// Who reads the configuration. Each reads only what its work needs, so that a function which
/// parses what strangers send holds no secret that it has no use for.
///
/// | scope | secrets of the settings | providers |
/// | --- | --- | --- |
/// | `All` | all | all |
/// | `Plan` | the database's | without their secrets |
/// | `Audit` | and the portal's | without their secrets |
/// | `Extract` | the database's | all |
/// | `SyncDb` | and `PUBLIC_ID_KEY` | without their secrets |
/// | `SyncSocrata` | and the portal's | none, the file is not read |
/// | `Migrate` | the database's, and the login for migrations | none, the file is not read |
///
/// `Audit` and `SyncSocrata` keep `PUBLIC_ID_KEY` only if devices change the id under which they
/// are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The command line.
    All,
    /// A plan.
    Plan,
    /// A plan of what differs between database and portal.
    Audit,
    /// The step `extract`.
    Extract,
    /// The step `sync-db`.
    SyncDb,
    /// The step `sync-socrata`.
    SyncSocrata,
    /// The migration of the database.
    Migrate,
}

/// The prefixes of the keys that only some scopes keep.
const PORTAL: &str = "SOCRATA_";
const MIGRATION: &str = "MIGRATION_";
pub(crate) const PUBLIC_ID_KEY: &str = "PUBLIC_ID_KEY";

impl Scope {
    /// Whether the providers file is read.
    #[must_use]
    pub fn has_providers(self) -> bool {
        !matches!(self, Self::SyncSocrata | Self::Migrate)
    }

    /// Whether the portal can be reached with what is kept of the settings.
    #[must_use]
    pub fn has_portal(self) -> bool {
        matches!(self, Self::All | Self::Audit | Self::SyncSocrata)
    }

    /// Whether boundaries are read.
    #[must_use]
    pub fn has_boundaries(self) -> bool {
        matches!(self, Self::All | Self::SyncDb)
    }

    /// Whether the value under a key of the settings is kept. `ids_change`: devices change the id
    /// under which they are published.
    pub(crate) fn keeps(self, key: &str, ids_change: bool) -> bool {
        if key.starts_with(PORTAL) {
            self.has_portal()
        } else if key.starts_with(MIGRATION) {
            matches!(self, Self::All | Self::Migrate)
        } else if key == PUBLIC_ID_KEY {
            match self {
                Self::All | Self::SyncDb => true,
                Self::Audit | Self::SyncSocrata => ids_change,
                Self::Plan | Self::Extract | Self::Migrate => false,
            }
        } else {
            true
        }
    }

    /// What is kept of a provider's entry.
    pub(crate) fn kept_of(self, provider: ProviderConfig) -> ProviderConfig {
        match self {
            Self::All | Self::Extract => provider,
            _ => provider.without_secrets(),
        }
    }
}
