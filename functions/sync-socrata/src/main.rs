//! The Lambda function `sync-socrata`.

#[tokio::main]
async fn main() -> Result<(), lambda_kit::Error> {
    lambda_kit::serve(lambda_kit::Scope::SyncSocrata, sync_socrata::handle).await
}
