//! The Lambda function `sync-socrata`.

#[tokio::main]
async fn main() -> Result<(), lambda_kit::Error> {
    lambda_kit::serve(sync_socrata::handle).await
}
