//! ARNs of state machines and executions.

use std::fmt;
use std::str::FromStr;

/// `arn:{partition}:states:{region}:{account}:stateMachine:{name}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StateMachineArn {
    text: String,
    pub(crate) region: String,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not the ARN of a state machine, such as arn:aws:states:us-east-1:123456789012:stateMachine:mds-etl"
)]
pub(crate) struct ArnError(String);

impl FromStr for StateMachineArn {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, ArnError> {
        let text = text.trim();
        let parts: Vec<&str> = text.split(':').collect();
        match parts[..] {
            [
                "arn",
                partition,
                "states",
                region,
                account,
                "stateMachine",
                name,
            ] if [partition, region, account, name]
                .iter()
                .all(|part| !part.is_empty()) =>
            {
                Ok(Self {
                    text: text.to_owned(),
                    region: region.to_owned(),
                })
            }
            _ => Err(ArnError(text.to_owned())),
        }
    }
}

impl fmt::Display for StateMachineArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl StateMachineArn {
    /// The ARN of this state machine's execution `name`.
    pub(crate) fn execution(&self, name: &str) -> String {
        format!(
            "{}:{name}",
            self.text.replacen(":stateMachine:", ":execution:", 1)
        )
    }
}

/// The address of an execution in the AWS console.
pub(crate) fn console_url(execution: &str) -> String {
    let mut parts = execution.split(':').skip(1);
    let partition = parts.next().unwrap_or_default();
    let region = parts.nth(1).unwrap_or_default();
    let host = match partition {
        "aws-cn" => "console.amazonaws.cn",
        "aws-us-gov" => "console.amazonaws-us-gov.com",
        _ => "console.aws.amazon.com",
    };
    format!(
        "https://{region}.{host}/states/home?region={region}#/v2/executions/details/{execution}"
    )
}

#[cfg(test)]
mod tests;
