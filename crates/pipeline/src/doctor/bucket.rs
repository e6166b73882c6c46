//! Region, credentials and the bucket.

use std::time::Duration;

use config::Environment;
use uuid::Uuid;
use vault::{Trial, Vault, VaultError};

use super::is_given;
use super::report::{Check, Verdict, timed};

pub(super) async fn region(env: &Environment) -> Verdict {
    match env.aws.find_region().await {
        Some(region) => Verdict::ok(region),
        None => Verdict::broken(
            "no variable and no profile names the region of the bucket",
            "set AWS_REGION to the bucket's region, such as us-east-1",
        ),
    }
}

pub(super) async fn credentials(env: &Environment) -> Verdict {
    match env.aws.find_credentials().await {
        Ok(()) => Verdict::ok("found"),
        Err(error) => verdict(&error),
    }
}

/// Opens the bucket and lists what is in it.
pub(super) async fn open(env: &Environment, limit: Duration) -> (Check, Option<Vault>) {
    let mut opened = None;
    let about = Some(env.bucket.clone());
    let check = timed("bucket", about, limit, async {
        let vault = match Box::pin(config::open_vault(env)).await {
            Ok(vault) => vault,
            Err(error) if is_given(env) => {
                return Verdict::broken(error.to_string(), "correct the variable that it names");
            }
            Err(error) => {
                return Verdict::broken(
                    error.to_string(),
                    "correct ATD_MDS_FERNET_KEY_SECRET, or allow secretsmanager:GetSecretValue",
                );
            }
        };
        match Box::pin(vault.list("config/").next_page()).await {
            Ok(_) => {
                opened = Some(vault);
                Verdict::ok("it is there and can be listed")
            }
            Err(error) => verdict(&error),
        }
    })
    .await;
    (check, opened)
}

/// Writes a small object, reads it and deletes it.
pub(super) async fn writing(env: &Environment, vault: &Vault) -> Verdict {
    let key = format!("{}/doctor/{}.json", env.stage, Uuid::new_v4());
    match Box::pin(vault.try_out(&key)).await {
        Ok(Trial::Clean) => Verdict::ok("an object was written, read and deleted"),
        Ok(Trial::Left(error)) => Verdict::warning(
            format!("{key} was written and read, but cannot be deleted: {error}"),
            format!(
                "delete s3://{}/{key}; no run needs the right to",
                env.bucket
            ),
        ),
        Err(error) => verdict(&error),
    }
}

/// What an error of the bucket means for a set-up.
pub(super) fn verdict(error: &VaultError) -> Verdict {
    let remedy = match error {
        VaultError::NoBucket { bucket, .. } => {
            format!("correct ATD_MDS_BUCKET, or create the bucket: aws s3 mb s3://{bucket}")
        }
        VaultError::NoCredentials { .. } => {
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE".to_owned()
        }
        VaultError::Refused { code, .. } => vault::advice(code).to_owned(),
        VaultError::Unavailable { .. } => {
            "look at the network, AWS_REGION and AWS_ENDPOINT_URL_S3".to_owned()
        }
        _ => "look at the object".to_owned(),
    };
    Verdict::broken(error.to_string(), remedy)
}
