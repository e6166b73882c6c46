//! The Lambda function `plan-blocks`.

#[tokio::main]
async fn main() -> Result<(), lambda_kit::Error> {
    lambda_kit::serve(plan_blocks::handle).await
}
