//! Names of things in AWS.

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
    "`{0}` is no ARN of a state machine, such as arn:aws:states:us-east-1:123456789012:stateMachine:mds-etl"
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
    /// The ARN of its execution of this name.
    pub(crate) fn execution(&self, name: &str) -> String {
        format!(
            "{}:{name}",
            self.text.replacen(":stateMachine:", ":execution:", 1)
        )
    }
}

/// Where the console shows an execution.
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
mod tests {
    use super::*;

    const MACHINE: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:mds-etl";

    #[test]
    fn an_arn_leads_to_its_executions_and_the_console() {
        let machine: StateMachineArn = MACHINE.parse().unwrap();
        assert_eq!(machine.region, "us-east-1");
        let execution = machine.execution("hour");
        assert_eq!(
            execution,
            "arn:aws:states:us-east-1:123456789012:execution:mds-etl:hour"
        );
        assert_eq!(
            console_url(&execution),
            format!(
                "https://us-east-1.console.aws.amazon.com/states/home?region=us-east-1#/v2/executions/details/{execution}"
            )
        );
    }

    #[test]
    fn what_is_no_state_machine_is_refused() {
        for text in [
            "",
            "mds-etl",
            "arn:aws:lambda:us-east-1:1:function:x",
            "arn:aws:states:us-east-1:1:execution:x:y",
        ] {
            assert!(text.parse::<StateMachineArn>().is_err(), "{text}");
        }
    }
}
