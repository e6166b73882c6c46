//! Settings and providers, told apart by what they hold: a variable may name the wrong one, and a
//! person may put it in the other's place.

use serde_json::{Map, Value};

use crate::environment::{PROVIDERS, SETTINGS};
use crate::error::ConfigError;
use crate::settings::Settings;

/// Which of the two files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// The settings.
    Settings,
    /// The providers.
    Providers,
}

impl FileKind {
    /// Says that a file is the other one, by what it has; `None` if it does not look like that.
    #[must_use]
    pub fn mistaken(self, file: &Value) -> Option<String> {
        self.mistaken_in(file.as_object()?)
    }

    fn mistaken_in(self, file: &Map<String, Value>) -> Option<String> {
        let has = |is_meant: &dyn Fn(&str, &Value) -> bool| {
            let mut members = file.iter();
            let found = members.find(|(name, value)| is_meant(name, value));
            found.map(|(name, _)| name)
        };
        let setting = has(&|name, _| Settings::keys().any(|key| key == name));
        let provider = has(&|_, value| value.get("mds_api_url").is_some());
        match (self, setting, provider) {
            (Self::Settings, None, Some(name)) => Some(format!(
                "is a providers file, and not the settings: it has the provider `{name}`"
            )),
            (Self::Providers, Some(key), None) => Some(format!(
                "is a settings file, and not that of the providers: it has the key {key}"
            )),
            _ => None,
        }
    }

    /// The name by which commands call the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Providers => "providers",
        }
    }

    /// The variable that names the file.
    #[must_use]
    pub fn variable(self) -> &'static str {
        match self {
            Self::Settings => SETTINGS,
            Self::Providers => PROVIDERS,
        }
    }

    /// Refuses the other file, which the variable then names.
    pub(crate) fn check_named(self, file: &Map<String, Value>) -> Result<(), ConfigError> {
        let Some(why) = self.mistaken_in(file) else {
            return Ok(());
        };
        let why = format!("names an object that {why}");
        Err(ConfigError::invalid(self.variable(), why))
    }
}

#[cfg(test)]
mod tests;
