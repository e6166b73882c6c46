#![allow(clippy::unwrap_used, reason = "a test may panic")]
use std::collections::BTreeMap;

use local_stack::{LocalStack, StackOptions};
use store::{Busy, StoreError};

use super::*;
use crate::error::ErrorName;

const KEY: &str = "staging/bird/2020/1/15/12/publish.json";

/// A claim that is lost.
struct Lost;

impl Fence for Lost {
    async fn check(&self) -> Result<(), StoreError> {
        Err(StoreError::Busy {
            what: Busy::Block { schedule_id: 1 },
        })
    }
}

/// A claim that is lost right after its last check, to a worker that writes the same object.
struct LostAfterwards<'a>(&'a Vault);

impl Fence for LostAfterwards<'_> {
    async fn check(&self) -> Result<(), StoreError> {
        self.0
            .put_json(KEY, &"theirs", Seal::Encrypt)
            .await
            .unwrap();
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_of_a_worker_without_its_claim_never_replaces_another() {
    let stack = LocalStack::start(StackOptions::with_providers(BTreeMap::new()))
        .await
        .unwrap();
    let vault = config::open_vault(&stack.environment().unwrap())
        .await
        .unwrap();
    let writer = FencedWriter::new(&vault, &Lost);
    let lost = writer.put_json(KEY, &"ours").await.unwrap_err();
    assert_eq!(lost.name, ErrorName::BlockBusy);
    assert!(!vault.exists(KEY).await.unwrap());

    // Whether there was an object before or not.
    for _ in 0..2 {
        let claim = LostAfterwards(&vault);
        let writer = FencedWriter::new(&vault, &claim);
        let late = writer.put_json(KEY, &"ours").await.unwrap_err();
        assert_eq!(late.name, ErrorName::BlockBusy);
        assert_eq!(vault.get_json::<String>(KEY).await.unwrap(), "theirs");
    }
}
