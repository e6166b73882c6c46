//! The environment variables that `mds` reads, for `mds --help`. docs/CONTRACT.md says more about
//! each; a test compares the names.

/// A variable and what it is for.
const VARIABLES: [(&str, &str); 32] = [
    ("ATD_MDS_BUCKET", "the bucket; required"),
    ("ATD_MDS_RUN_MODE", "STAGING (default) or PRODUCTION"),
    ("ATD_MDS_FERNET_KEY", "keys, by commas; the first encrypts"),
    ("ATD_MDS_FERNET_KEY_SECRET", "or the secret that holds them"),
    ("ATD_MDS_PROVIDERS", "another key of the providers file"),
    ("ATD_MDS_SETTINGS", "another key of the settings file"),
    (
        "ATD_MDS_PLAIN_CONFIG",
        "allow: also unencrypted in production",
    ),
    (
        "ATD_MDS_STATE_MACHINE_ARN",
        "the state machine of run --on aws",
    ),
    ("AWS_REGION", "the region"),
    ("AWS_DEFAULT_REGION", "the region, if AWS_REGION is not set"),
    ("AWS_DEFALUT_REGION", "as older deployments misspell it"),
    ("AWS_PROFILE", "a profile of the AWS files"),
    ("AWS_ACCESS_KEY_ID", "credentials of AWS"),
    ("AWS_SECRET_ACCESS_KEY", "credentials of AWS"),
    ("AWS_SESSION_TOKEN", "credentials of AWS"),
    ("AWS_ENDPOINT_URL", "address of every service of AWS"),
    ("AWS_ENDPOINT_URL_S3", "address of S3"),
    (
        "AWS_ENDPOINT_URL_SECRETS_MANAGER",
        "address of Secrets Manager",
    ),
    ("AWS_ENDPOINT_URL_SFN", "address of Step Functions"),
    ("AWS_ENDPOINT_URL_STS", "address of STS"),
    ("EDITOR", "the editor of config edit"),
    ("HTTPS_PROXY", "a proxy for https; also ALL_PROXY, NO_PROXY"),
    ("MDS_IMAGE", "the image of --docker-mode"),
    (
        "MDS_IN_CONTAINER",
        "set in the image: --docker-mode does nothing",
    ),
    ("MDS_LAG_HOURS", "lag of providers without their own; 30"),
    (
        "MDS_LOG",
        "level: error, warn, info, off; warn,pipeline=info",
    ),
    ("NO_COLOR", "any value: no colours"),
    ("PG_BIN", "folder of Postgres, for sandbox and demo"),
    ("SSL_CERT_DIR", "folder of certificate authorities"),
    ("SSL_CERT_FILE", "file of certificate authorities"),
    ("TMPDIR", "folder of temporary files"),
    ("VISUAL", "the editor, before EDITOR"),
];

/// The variables, one on each line.
pub(super) fn text() -> String {
    let width = VARIABLES.iter().map(|(name, _)| name.len()).max();
    let width = width.unwrap_or(0);
    let lines: Vec<String> = VARIABLES
        .iter()
        .map(|(name, meaning)| format!("  {name:width$}  {meaning}"))
        .collect();
    format!("Environment variables:\n{}", lines.join("\n"))
}

/// Their names.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    VARIABLES.iter().map(|(name, _)| *name)
}
