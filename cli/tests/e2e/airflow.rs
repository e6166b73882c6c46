//! Executions that are started by the DAGs of `infra/airflow`.

use std::process::{Command, Output, Stdio};

use sandbox_provider::{Fault, Times};

use crate::aws::{Aws, python, root};
use crate::support::{World, hour, stdout, world};

mod every_version;

const HOUR: &str =
    r#"{"provider": "bird", "time_min": "2020-01-15-12", "time_max": "2020-01-15-13"}"#;

impl Aws {
    /// Runs a DAG to its end.
    async fn run_dag(&self, dag: &str, options: &[&str]) -> Output {
        let mut command = Command::new(python("MDS_AIRFLOW_PYTHON"));
        command
            .arg(root().join("infra/airflow/tests/run_dag.py"))
            .args(["--endpoint", &self.endpoint_url])
            .args(["--state-machine", &self.state_machine_arn])
            .args(["--dag", dag])
            .args(options)
            .stdin(Stdio::null());
        World::output_of(command).await
    }

    /// Runs the DAG for backfills to its end with these parameters.
    async fn backfill(&self, conf: &str) -> Output {
        let mut options = vec!["--conf", conf];
        // The triggers of older versions fail their tasks, which `airflow dags test` cannot handle.
        if std::env::var("MDS_AIRFLOW_SERVICES").is_ok_and(|value| value == "yes") {
            options.push("--services");
        }
        self.run_dag("mds_backfill", &options).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_from_airflow_succeeds_with_the_execution_and_fails_with_it() {
    let aws = Aws::over(world().await).await;
    let done = aws.backfill(HOUR).await;
    let log = stdout(&done);
    assert_eq!(done.status.code(), Some(0), "{log}");
    assert!(log.contains("The execution has succeeded"), "{log}");
    aws.world.expect_whole(&["bird"], &["12"]).await;

    let refused = Fault::Status {
        status: 401,
        retry_after: None,
    };
    let provider = &aws.world.stack.providers["bird"];
    provider.fail_hour(hour("2020-01-15-13"), refused, Times::Always);
    let failed = aws.backfill(&HOUR.replace("-13\"", "-14\"")).await;
    let log = stdout(&failed);
    assert_eq!(failed.status.code(), Some(1), "{log}");
    assert!(
        log.contains("The execution is FAILED: RunHadFailures"),
        "{log}"
    );
    assert!(
        log.contains("2020-01-15-14 extract (ProviderRejected)"),
        "{log}"
    );
}
