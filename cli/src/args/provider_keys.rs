//! An option for each key of a provider's entry. Secrets are read from a file or a variable, never
//! from the command line, which other users of the machine can see.

use std::sync::LazyLock;

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use config::KeySpec;

/// The heading of these options in the help.
const HEADING: &str = "Keys of the entry";
/// `mds config provider enable` and `disable` set this key.
const ENABLED: &str = "enabled";

/// Where an option's value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// From the command line.
    Value,
    /// From a file, or standard input.
    File,
    /// From a variable of the environment.
    Variable,
}

/// An option that sets a key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyOption {
    pub(crate) key: &'static KeySpec,
    pub(crate) source: Source,
    /// The option without its dashes.
    pub(crate) name: &'static str,
}

/// The options that were given, with their values.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProviderKeys(pub(crate) Vec<(KeyOption, String)>);

static OPTIONS: LazyLock<Vec<KeyOption>> = LazyLock::new(|| {
    let keys = config::provider_keys().iter();
    keys.filter(|key| key.name != ENABLED)
        .flat_map(options)
        .collect()
});

fn options(key: &'static KeySpec) -> Vec<KeyOption> {
    let name = key.name.replace(['_', '.'], "-");
    let sources: &[(Source, &str)] = if key.is_secret() {
        &[(Source::File, "-file"), (Source::Variable, "-env")]
    } else {
        &[(Source::Value, "")]
    };
    let option = |(source, suffix): &(Source, &str)| KeyOption {
        key,
        source: *source,
        // The command line lives as long as the process.
        name: format!("{name}{suffix}").leak(),
    };
    sources.iter().map(option).collect()
}

fn argument(option: &KeyOption) -> Arg {
    let (value, from) = match option.source {
        Source::Value => ("VALUE", ""),
        Source::File => ("FILE", " From a file; `-` for standard input."),
        Source::Variable => ("VARIABLE", " From a variable of the environment."),
    };
    let rivals = OPTIONS
        .iter()
        .filter(|other| other.key.name == option.key.name && other.source != option.source);
    Arg::new(option.name)
        .long(option.name)
        .value_name(value)
        .help(format!("{}{from}", option.key.meaning))
        .help_heading(HEADING)
        .allow_hyphen_values(true)
        .conflicts_with_all(rivals.map(|rival| rival.name).collect::<Vec<_>>())
}

impl ProviderKeys {
    /// The values of the options of this command that are read from such a source: files, or
    /// variables of the environment.
    pub(crate) fn named(matches: &ArgMatches, source: Source) -> impl Iterator<Item = String> {
        let options = OPTIONS.iter().filter(move |it| it.source == source);
        // Fails for commands without these options.
        options.filter_map(|option| {
            let value = matches.try_get_one::<String>(option.name).ok().flatten();
            value.cloned()
        })
    }
}

impl Args for ProviderKeys {
    fn augment_args(command: Command) -> Command {
        command.args(OPTIONS.iter().map(argument))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for ProviderKeys {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = OPTIONS.iter().filter_map(|option| {
            let value = matches.get_one::<String>(option.name)?;
            Some((*option, value.clone()))
        });
        Ok(Self(given.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
