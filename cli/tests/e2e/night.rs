//! A night, with the inputs that the template's schedules send.

use aws_sdk_sfn::types::ExecutionStatus;
use sandbox_provider::Rates;
use serde_json::{Value, json};

use crate::aws::{Aws, root};
use crate::support::{World, options, run, world_of};

/// The input of a schedule of the template, as EventBridge fills it in at this time.
pub(crate) fn input(schedule: &str, time: &str) -> Value {
    let template = std::fs::read_to_string(root().join("infra/template.yaml")).unwrap();
    let resource = template
        .split(&format!("\n  {schedule}:\n"))
        .nth(1)
        .unwrap();
    let text = resource
        .lines()
        .skip_while(|line| !line.contains("Input: !Sub >-"))
        .nth(1)
        .unwrap();
    let text = text
        .replace("<aws.scheduler.scheduled-time>", time)
        .replace("${LagHours}", "30")
        .replace("${SweepHours}", "840");
    serde_json::from_str(&text).unwrap()
}

impl World {
    /// The page that the bucket has, as it is stored.
    fn status_page(&self) -> String {
        let stored = self.stored();
        let mut pages = stored
            .iter()
            .filter(|(path, _)| path.ends_with("staging/status.html"));
        String::from_utf8(pages.next().unwrap().1.clone()).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_night_completes_what_is_missing_and_repairs_the_portal() {
    let mut options = options(&["bird"]);
    options.providers.get_mut("bird").unwrap().rates = Rates::none();
    let world = world_of(options).await;
    // Five weeks of blocks, with nothing to load; only the last hours are not published.
    world
        .expect(
            2,
            &[
                "sync-db",
                "--provider",
                "bird",
                "--time-max",
                "2020-01-15-00",
                "--interval",
                "845",
            ],
        )
        .await;
    world
        .database
        .batch_execute(
            "UPDATE api.schedule SET status_id = 8 WHERE block_start < '2020-01-14 22:00Z'",
        )
        .await
        .unwrap();
    world
        .expect(0, &run("bird", "2020-01-14-16", "2020-01-14-18"))
        .await;
    let portal = &world.stack.portal;
    let right = world.portal();
    let lost = portal.rows()[0]["trip_id"].as_str().unwrap().to_owned();
    portal.lose_row(&lost).unwrap();
    let mut extra = portal.rows()[0].clone();
    extra.insert("trip_id".to_owned(), json!("added-by-hand"));
    portal.edit_row(extra).unwrap();

    let aws = Aws::over(world).await;
    // 08:40 UTC less the lag is 20:00 in the city on 14 January.
    let sweep = input("NightlySweepSchedule", "2020-01-16T08:40:00Z");
    let ended = aws.execute_unnamed(&sweep).await;
    assert_eq!(ended.status, ExecutionStatus::Succeeded, "{}", aws.logs());
    assert_eq!(ended.output["done"], 2, "{}", ended.output);
    assert!(aws.world.status_page().contains("Hours of each provider"));

    let audit = input("NightlyAuditSchedule", "2020-01-16T09:40:00Z");
    let ended = aws.execute_unnamed(&audit).await;
    assert_eq!(ended.status, ExecutionStatus::Succeeded, "{}", aws.logs());
    assert_eq!(ended.output["done"], 1, "{}", ended.output);
    let page = aws.world.status_page();
    assert!(
        page.contains("the same run was planned to publish them again"),
        "{page}"
    );
    let portal = aws.world.portal();
    assert!(!portal.contains_key("added-by-hand"));
    assert!(right.iter().all(|(id, row)| portal.get(id) == Some(row)));

    let uploads = aws.world.uploads().len();
    let ended = aws.execute_unnamed(&audit).await;
    assert_eq!(ended.status, ExecutionStatus::Succeeded, "{}", aws.logs());
    assert_eq!(ended.output["block_count"], 0, "{}", ended.output);
    assert_eq!(ended.output["audit"]["hours"], 720);
    assert_eq!(aws.world.uploads().len(), uploads);
    // Also a run that finds nothing to do writes the page.
    let page = aws.world.status_page();
    assert!(page.contains("The portal has all"), "{page}");
}
