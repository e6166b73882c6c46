//! The Lambda function `extract`.

#[tokio::main]
async fn main() -> Result<(), lambda_kit::Error> {
    lambda_kit::serve(extract::handle).await
}
