//! Errors tell neither passwords nor what rows hold.

use std::error::Error;

use store::StoreError;

use crate::fixture::{Db, load, open, trip};

const CANARY: &str = "CANARY-7e1f";

/// Everything anybody could log of an error.
fn all_words(error: &StoreError) -> String {
    let mut words = format!("{error} {error:?} {error:#?}");
    let mut source = error.source();
    while let Some(error) = source {
        words.push_str(&format!("{error} {error:?}"));
        source = error.source();
    }
    words
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
    let words = all_words(&error);
    assert!(
        words.contains("23514") && words.contains("no_canary"),
        "{words}"
    );
    assert!(!words.contains(CANARY), "{words}");
}

#[tokio::test]
async fn a_value_that_a_function_chokes_on_is_not_shown() {
    let db = Db::planned().await;
    db.sql
        .batch_execute(
            "CREATE FUNCTION api.choke() RETURNS trigger LANGUAGE plpgsql
             AS $$ BEGIN PERFORM new.vehicle_id::int; RETURN new; END $$;
             CREATE TRIGGER choke BEFORE INSERT ON api.trips FOR EACH ROW EXECUTE FUNCTION api.choke()",
        )
        .await
        .unwrap();
    let mut bad = trip(1);
    bad.vehicle_id = Some(CANARY.to_owned());
    let mut claim = db.claim(0).await;
    let error = load(&mut claim, &[bad], 0).await.unwrap_err();
    let words = all_words(&error);
    assert!(words.contains("22P02"), "{words}");
    assert!(!words.contains(CANARY), "{words}");
}

#[tokio::test]
async fn a_refused_password_is_not_shown() {
    let db = Db::planned().await;
    let at = db.url.find('@').unwrap();
    let url = format!("postgresql://postgres:{CANARY}{}", &db.url[at..]);
    let store = open(&url, 2);
    let error = store.ping().await.unwrap_err();
    assert!(matches!(error, StoreError::Refused(_)), "{error}");
    assert!(!all_words(&error).contains(CANARY));
    assert!(!format!("{store:?}").contains(CANARY));
}

#[tokio::test]
async fn a_database_that_is_not_there_is_refused() {
    let db = Db::empty().await;
    let url = format!("{}_gone", db.url);
    let error = open(&url, 2).ping().await.unwrap_err();
    assert!(matches!(error, StoreError::Refused(_)), "{error}");
}
