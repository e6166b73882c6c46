//! The Lambda function `extract`.

#[tokio::main]
async fn main() -> Result<(), lambda_kit::Error> {
    lambda_kit::serve(lambda_kit::Scope::Extract, extract::handle).await
}
