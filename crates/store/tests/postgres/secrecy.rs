//! Errors contain neither passwords nor the content of rows.

use std::error::Error;

use store::StoreError;

use crate::fixture::{Db, load, open, ping, trip};

const CANARY: &str = "CANARY-7e1f";

/// All text of an error that could be logged.
fn all_text(error: &StoreError) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!("{error} {error:?}"));
        source = error.source();
    }
    text
}

#[tokio::test]
async fn a_violated_check_is_named_without_the_row() {
    let db = Db::planned().await;
    let check =
        format!("ALTER TABLE api.trips ADD CONSTRAINT no_canary CHECK (vehicle_id <> '{CANARY}')");
    db.sql.batch_execute(&check).await.unwrap();
    let mut bad = trip(1);
    bad.vehicle_id = Some(CANARY.to_owned());
    let mut claim = db.claim(0).await;
    let error = load(&mut claim, &[bad], 0).await.unwrap_err();
    let text = all_text(&error);
    assert!(
        text.contains("23514") && text.contains("no_canary"),
        "{text}"
    );
    assert!(!text.contains(CANARY), "{text}");
}

#[tokio::test]
async fn a_value_that_makes_a_function_fail_is_not_shown() {
    let db = Db::planned().await;
    db.sql
        .batch_execute(
            "CREATE FUNCTION api.fail() RETURNS trigger LANGUAGE plpgsql
             AS $$ BEGIN PERFORM new.vehicle_id::int; RETURN new; END $$;
             CREATE TRIGGER fail BEFORE INSERT ON api.trips FOR EACH ROW EXECUTE FUNCTION api.fail()",
        )
        .await
        .unwrap();
    let mut bad = trip(1);
    bad.vehicle_id = Some(CANARY.to_owned());
    let mut claim = db.claim(0).await;
    let error = load(&mut claim, &[bad], 0).await.unwrap_err();
    let text = all_text(&error);
    assert!(text.contains("22P02"), "{text}");
    assert!(!text.contains(CANARY), "{text}");
}

#[tokio::test]
async fn a_refused_password_is_not_shown() {
    let db = Db::planned().await;
    let at = db.url.find('@').unwrap();
    let url = format!("postgresql://postgres:{CANARY}{}", &db.url[at..]);
    let store = open(&url, 2);
    let error = ping(&store).await.unwrap_err();
    assert!(matches!(error, StoreError::Refused(_)), "{error}");
    assert!(!all_text(&error).contains(CANARY));
    assert!(!format!("{store:?}").contains(CANARY));
}

#[tokio::test]
async fn a_missing_database_is_refused() {
    let db = Db::empty().await;
    let url = format!("{}_gone", db.url);
    let error = ping(&open(&url, 2)).await.unwrap_err();
    assert!(matches!(error, StoreError::Refused(_)), "{error}");
}
