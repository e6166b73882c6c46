//! The Lambda function `plan-blocks`.

#[tokio::main]
async fn main() -> Result<(), lambda_kit::Error> {
    lambda_kit::serve(lambda_kit::Scope::Plan, plan_blocks::handle).await
}
