//! The portal through an HTTP client.

#![allow(clippy::unwrap_used, reason = "a test ends at its first surprise")]

use std::time::{Duration, Instant};

use reqwest::{Client, RequestBuilder, StatusCode};
use sandbox_portal::{Fault, Portal, PortalOptions};
use serde_json::{Value, json};

async fn portal() -> Portal {
    Portal::start(PortalOptions::default()).await.unwrap()
}

fn url(portal: &Portal) -> String {
    format!(
        "{}/resource/{}.json",
        portal.url(),
        portal.options().dataset
    )
}

fn upload(portal: &Portal, rows: &Value) -> RequestBuilder {
    upload_of(portal, "application/json").body(rows.to_string())
}

fn upload_of(portal: &Portal, content_type: &str) -> RequestBuilder {
    let options = portal.options();
    Client::new()
        .post(url(portal))
        .basic_auth(&options.key_id, Some(&options.key_secret))
        .header("X-App-Token", &options.app_token)
        .header("Content-Type", content_type)
}

fn trip(id: &str, hour: u32) -> Value {
    json!({"trip_id": id, "end_time": format!("2020-01-01T{hour:02}:30:00"), "year": 2020, "month": 1, "hour": hour})
}

async fn counts(request: RequestBuilder) -> (u64, u64, u64) {
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let report: Value = response.json().await.unwrap();
    let count = |name: &str| report[name].as_u64().unwrap();
    assert_eq!(
        count("By RowIdentifier"),
        count("Rows Created") + count("Rows Updated") + count("Rows Deleted")
    );
    (
        count("Rows Created"),
        count("Rows Updated"),
        count("Errors"),
    )
}

#[tokio::test]
async fn an_upload_can_be_repeated() {
    let portal = portal().await;
    let rows = json!([trip("a", 1), trip("b", 2), {"year": 2020}]);
    assert_eq!(counts(upload(&portal, &rows)).await, (2, 0, 1));
    assert_eq!(counts(upload(&portal, &rows)).await, (0, 2, 1));
    assert_eq!(portal.row_count(), 2);
    assert_eq!(portal.row("a").unwrap()["hour"], 1);
    assert!(portal.lose_row("a").unwrap());
    assert_eq!(portal.rows().len(), 1);
}

#[tokio::test]
async fn credentials_are_required() {
    let portal = portal().await;
    let options = portal.options().clone();
    let rows = json!([trip("a", 1)]);
    let plain = || Client::new().post(url(&portal)).json(&rows);
    let refusals = [
        (plain(), 403),
        (
            plain()
                .header("X-App-Token", "wrong")
                .basic_auth(&options.key_id, Some(&options.key_secret)),
            403,
        ),
        (plain().header("X-App-Token", &options.app_token), 403),
        (
            plain()
                .header("X-App-Token", &options.app_token)
                .basic_auth(&options.key_id, Some("wrong")),
            401,
        ),
        (upload_of(&portal, "text/csv").body("trip_id"), 415),
    ];
    for (request, status) in refusals {
        assert_eq!(request.send().await.unwrap().status(), status);
        assert_eq!(portal.log().count(200), 0);
    }
    assert_eq!(
        upload(&portal, &json!({"no": "array"}))
            .send()
            .await
            .unwrap()
            .status(),
        400
    );
    let elsewhere = Client::new().get(format!("{}/resource/zzzz-9999.json", portal.url()));
    assert_eq!(elsewhere.send().await.unwrap().status(), 404);
    assert_eq!(portal.row_count(), 0);
}

#[tokio::test]
async fn a_second_upload_at_the_same_time_is_refused() {
    let options = PortalOptions {
        upload_time: Duration::from_millis(400),
        ..PortalOptions::default()
    };
    let portal = Portal::start(options).await.unwrap();
    let first = tokio::spawn(upload(&portal, &json!([trip("a", 1)])).send());
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert_eq!(
        upload(&portal, &json!([trip("b", 1)]))
            .send()
            .await
            .unwrap()
            .status(),
        StatusCode::CONFLICT
    );
    assert_eq!(first.await.unwrap().unwrap().status(), StatusCode::OK);
    assert_eq!(
        counts(upload(&portal, &json!([trip("b", 1)]))).await,
        (1, 0, 0)
    );
    assert_eq!(portal.log().count(409), 1);
}

#[tokio::test]
async fn faults_happen_in_turn() {
    let portal = portal().await;
    let rows = json!([trip("a", 1), trip("b", 1), trip("c", 1)]);
    portal.fail_next(Fault::Status {
        status: 429,
        retry_after: Some(7),
    });
    portal.fail_next(Fault::DropConnection { applied: false });
    portal.fail_next(Fault::ErrorsIn200 { rows: 1 });
    portal.fail_next(Fault::HtmlPage200);
    portal.fail_next(Fault::DropConnection { applied: true });

    let throttled = upload(&portal, &rows).send().await.unwrap();
    assert_eq!(throttled.status(), 429);
    assert_eq!(throttled.headers()["retry-after"], "7");
    assert!(upload(&portal, &rows).send().await.is_err());
    assert_eq!(portal.row_count(), 0);
    assert_eq!(counts(upload(&portal, &rows)).await, (2, 0, 1));
    assert!(
        upload(&portal, &rows)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
            .starts_with("<html>")
    );
    assert!(upload(&portal, &rows).send().await.is_err());
    assert_eq!(portal.row_count(), 3);
    assert_eq!(portal.faults_left(), 0);
    assert_eq!(counts(upload(&portal, &rows)).await, (0, 3, 0));
    assert_eq!(portal.log().dropped(), 2);
    assert_eq!(portal.log().total(), 6);
}

#[tokio::test]
async fn a_ticket_is_polled_for() {
    let portal = portal().await;
    portal.fail_next(Fault::Accepted202 { polls: 1 });
    let accepted = upload(&portal, &json!([trip("a", 1)]))
        .send()
        .await
        .unwrap();
    assert_eq!(accepted.status(), StatusCode::ACCEPTED);
    let location = format!(
        "{}{}",
        portal.url(),
        accepted.headers()["location"].to_str().unwrap()
    );
    assert_eq!(
        Client::new().get(&location).send().await.unwrap().status(),
        StatusCode::ACCEPTED
    );
    assert_eq!(counts(Client::new().get(&location)).await, (1, 0, 0));
}

#[tokio::test]
async fn an_audit_can_count() {
    let portal = portal().await;
    counts(upload(
        &portal,
        &json!([trip("a", 1), trip("b", 1), trip("c", 2)]),
    ))
    .await;
    let query = [
        ("$select", "hour, count(*) AS trips"),
        ("$group", "hour"),
        ("$order", "hour"),
    ];
    let response = Client::new()
        .get(url(&portal))
        .query(&query)
        .send()
        .await
        .unwrap();
    let rows: Value = response.json().await.unwrap();
    assert_eq!(
        rows,
        json!([{"hour": "1", "trips": "2"}, {"hour": "2", "trips": "1"}])
    );
    let unknown = Client::new()
        .get(url(&portal))
        .query(&[("$having", "x")])
        .send()
        .await
        .unwrap();
    assert_eq!(unknown.status(), 400);
}

#[tokio::test]
async fn rows_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let options = || PortalOptions {
        file: Some(folder.path().join("portal.jsonl")),
        ..PortalOptions::default()
    };
    let portal = Portal::start(options()).await.unwrap();
    counts(upload(&portal, &json!([trip("a", 1)]))).await;
    drop(portal);
    let portal = Portal::start(options()).await.unwrap();
    assert_eq!(
        counts(upload(&portal, &json!([trip("a", 1)]))).await,
        (0, 1, 0)
    );
}

#[tokio::test]
async fn a_client_that_names_no_content_type_uploads_and_deletes() {
    let portal = portal().await;
    let options = portal.options().clone();
    let with_key = |request: RequestBuilder| {
        request
            .basic_auth(&options.key_id, Some(&options.key_secret))
            .header("X-App-Token", &options.app_token)
    };
    let rows = json!([trip("a", 1), trip("b", 1)]).to_string();
    let upload = with_key(Client::new().post(url(&portal))).body(rows);
    assert_eq!(counts(upload).await, (2, 0, 0));
    let row = |id: &str| format!("{}/resource/{}/{id}.json", portal.url(), options.dataset);
    let anonymous = Client::new().delete(row("a")).send().await.unwrap();
    assert_eq!(anonymous.status(), StatusCode::FORBIDDEN);
    for status in [StatusCode::OK, StatusCode::NOT_FOUND] {
        let deleted = with_key(Client::new().delete(row("a"))).send().await;
        assert_eq!(deleted.unwrap().status(), status);
    }
    assert_eq!(portal.row_count(), 1);
}

async fn view(portal: &Portal) -> Value {
    let url = format!(
        "{}/api/views/{}.json",
        portal.url(),
        portal.options().dataset
    );
    Client::new()
        .get(url)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap()
}

#[tokio::test]
async fn the_dataset_describes_its_columns_and_identifier() {
    let view = view(&portal().await).await;
    let columns = view["columns"].as_array().unwrap();
    let identifier = columns
        .iter()
        .find(|column| column["id"] == view["rowIdentifierColumnId"])
        .unwrap();
    assert_eq!(identifier["fieldName"], "trip_id");
    assert_eq!(identifier["dataTypeName"], "text");
    assert_eq!(columns.len(), 18);
}

#[tokio::test]
async fn a_dataset_without_identifier_appends() {
    let options = PortalOptions {
        has_row_identifier: false,
        ..PortalOptions::default()
    };
    let portal = Portal::start(options).await.unwrap();
    assert!(view(&portal).await.get("rowIdentifierColumnId").is_none());
    let rows = json!([trip("a", 1)]);
    for _ in 0..2 {
        assert_eq!(counts(upload(&portal, &rows)).await, (1, 0, 0));
    }
    assert_eq!(portal.row_count(), 2);
}

#[tokio::test]
async fn counts_can_be_wrong() {
    let portal = portal().await;
    let rows = json!([trip("a", 1), trip("b", 1)]);
    portal.fail_next(Fault::LosesRows { rows: 1 });
    assert_eq!(counts(upload(&portal, &rows)).await, (1, 0, 0));
    portal.fail_next(Fault::ZeroCounts);
    assert_eq!(counts(upload(&portal, &rows)).await, (0, 0, 0));
    assert_eq!(portal.row_count(), 2);
}

#[tokio::test]
async fn every_request_can_be_slow() {
    let options = PortalOptions {
        request_time: Duration::from_millis(200),
        ..PortalOptions::default()
    };
    let portal = Portal::start(options).await.unwrap();
    let began = Instant::now();
    view(&portal).await;
    assert!(began.elapsed() >= Duration::from_millis(200));
}
