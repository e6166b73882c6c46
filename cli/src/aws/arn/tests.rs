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
fn other_texts_than_the_arn_of_a_state_machine_are_refused() {
    for text in [
        "",
        "mds-etl",
        "arn:aws:lambda:us-east-1:1:function:x",
        "arn:aws:states:us-east-1:1:execution:x:y",
    ] {
        assert!(text.parse::<StateMachineArn>().is_err(), "{text}");
    }
}
