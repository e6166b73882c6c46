use serde_json::{Value, json};

use super::*;

fn pace(settings: &Value) -> LocalPace {
    let mut entry = json!({
        "mds_api_url": "https://mds.example.com",
        "provider_id": "0309585e-599f-4e57-ac85-ffffffffffff",
        "auth_type": "Bearer",
        "token": "t"
    });
    for (key, value) in settings.as_object().unwrap() {
        entry[key] = value.clone();
    }
    LocalPace::new(&ProviderConfig::from_value(entry).unwrap())
}

fn limits(deadline: u64) -> WaitLimits {
    WaitLimits {
        deadline: Some(Instant::now() + Duration::from_secs(deadline)),
        patience: Duration::from_secs(120),
    }
}

#[tokio::test(start_paused = true)]
async fn turns_are_a_delay_apart() {
    let pace = pace(&json!({"delay": 5}));
    let began = Instant::now();
    let turns = (0..12).map(|_| pace.turn(limits(100)));
    futures::future::join_all(turns).await;
    assert_eq!(began.elapsed().as_secs(), 55);
}

#[tokio::test(start_paused = true)]
async fn a_turn_after_the_deadline_is_refused_at_once_and_not_reserved() {
    let pace = pace(&json!({"delay": 5}));
    pace.turn(limits(3)).await.unwrap();
    let began = Instant::now();
    let refused = pace.turn(limits(3)).await.unwrap_err();
    assert!(matches!(refused, PaceError::Crowded { key: "delay" }));
    pace.turn(limits(60)).await.unwrap();
    assert_eq!(began.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_requested_wait_holds_for_everybody_also_for_those_that_wait_already() {
    let pace = pace(&json!({"delay": 5}));
    pace.turn(limits(100)).await.unwrap();
    let began = Instant::now();
    let waiting = pace.turn(limits(100));
    let asked = async {
        pace.hold_off(Duration::from_secs(30)).await;
        pace.turn(limits(100)).await
    };
    let (first, second) = tokio::join!(waiting, asked);
    first.unwrap();
    second.unwrap();
    assert!(began.elapsed().as_secs() >= 30, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_wait_of_an_hour_is_refused_until_it_is_over() {
    let pace = pace(&json!({}));
    pace.hold_off(Duration::from_secs(3600)).await;
    pace.hold_off(Duration::from_secs(1)).await;
    let refused = pace.turn(limits(9000)).await.unwrap_err();
    assert!(matches!(refused, PaceError::HeldOff { .. }), "{refused}");
    tokio::time::sleep(Duration::from_secs(3601)).await;
    pace.turn(limits(9000)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn slots_are_limited_and_freed() {
    let pace = pace(&json!({"max_parallel": 2}));
    let deadline = Some(Instant::now() + Duration::from_secs(1));
    let first = pace.enter(deadline).await.unwrap();
    let _second = pace.enter(deadline).await.unwrap();
    let refused = pace.enter(deadline).await.err().unwrap();
    assert!(matches!(
        refused,
        PaceError::Crowded {
            key: "max_parallel"
        }
    ));
    first.free().await;
    let deadline = Some(Instant::now() + Duration::from_secs(1));
    assert!(pace.enter(deadline).await.is_ok());
}
