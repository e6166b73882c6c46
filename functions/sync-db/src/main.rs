//! The Lambda function `sync-db`.

#[tokio::main]
async fn main() -> Result<(), lambda_kit::Error> {
    lambda_kit::serve(lambda_kit::Scope::SyncDb, sync_db::handle).await
}
