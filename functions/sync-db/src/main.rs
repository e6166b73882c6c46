//! The Lambda function `sync-db`.

#[tokio::main]
async fn main() -> Result<(), lambda_kit::Error> {
    lambda_kit::serve(sync_db::handle).await
}
