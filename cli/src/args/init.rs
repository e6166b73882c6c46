//! `mds init`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `mds init`. Each answer can be an option; what is not given is asked for at a terminal.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// The folder for the files that are written.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) folder: PathBuf,

    /// Take the default of every answer that is not given, and ask nothing.
    #[arg(long)]
    pub(crate) yes: bool,

    /// A file of lines NAME=value with the secrets: DATABASE_URL, PROVIDER_TOKEN,
    /// SOCRATA_APP_TOKEN, SOCRATA_KEY_ID, SOCRATA_KEY_SECRET. Variables of the environment with
    /// these names do, too.
    #[arg(long, value_name = "FILE")]
    pub(crate) secrets: Option<PathBuf>,

    /// The S3 bucket; it has to exist. [default: ATD_MDS_BUCKET]
    #[arg(long, value_name = "NAME")]
    pub(crate) bucket: Option<String>,

    /// The bucket's region. [default: AWS_REGION]
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,

    /// The address of another S3 than that of AWS. [default: AWS_ENDPOINT_URL_S3, or none]
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: Option<String>,

    /// A profile of ~/.aws/config with the credentials. [default: AWS_PROFILE, or none]
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,

    /// The stage. [default: ATD_MDS_RUN_MODE, or staging]
    #[arg(long, value_enum, ignore_case = true)]
    pub(crate) stage: Option<StageName>,

    /// The database's URL. Others on this machine see what stands on a command line, so better give
    /// one with a password in the environment or in --secrets, as DATABASE_URL.
    #[arg(long, value_name = "URL")]
    pub(crate) database_url: Option<String>,

    /// The city's time zone. [default: US/Central]
    #[arg(long, value_name = "ZONE")]
    pub(crate) time_zone: Option<String>,

    /// A layer of boundaries, LAYER=FILE or LAYER=FILE:PROPERTY, with a layer of council_district,
    /// census_geoid and cell; can be repeated. `none` if there are none. [default: none]
    #[arg(long, value_name = "LAYER=FILE")]
    pub(crate) boundaries: Vec<String>,

    /// The host of the Socrata portal, or `none`. [default: none]
    #[arg(long, value_name = "HOST")]
    pub(crate) portal: Option<String>,

    /// The id of the portal's dataset, such as abcd-2345.
    #[arg(long, value_name = "ID")]
    pub(crate) dataset: Option<String>,

    /// The short name of the first provider, such as bird, or `none`.
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<String>,

    /// A file with the provider's entry, `{"bird": {…}}` or the inner object alone, instead of the
    /// options below.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["provider_url", "provider_id", "provider_version", "auth_type"])]
    pub(crate) provider_file: Option<PathBuf>,

    /// The base address of the provider's MDS API.
    #[arg(long, value_name = "URL")]
    pub(crate) provider_url: Option<String>,

    /// The provider's UUID in the MDS registry.
    #[arg(long, value_name = "UUID")]
    pub(crate) provider_id: Option<String>,

    /// The MDS version of its feed. [default: 1.2]
    #[arg(long, value_name = "VERSION")]
    pub(crate) provider_version: Option<String>,

    /// How the login is sent; PROVIDER_TOKEN has the token. Other logins need --provider-file.
    /// [default: Bearer]
    #[arg(long, value_name = "TYPE")]
    pub(crate) auth_type: Option<String>,
}

/// A stage, as `--stage` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StageName {
    /// For trials.
    Staging,
    /// The real one.
    Production,
}

impl StageName {
    /// The value of ATD_MDS_RUN_MODE.
    pub(crate) fn as_run_mode(self) -> &'static str {
        match self {
            Self::Staging => "STAGING",
            Self::Production => "PRODUCTION",
        }
    }
}
