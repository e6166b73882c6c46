//! Steps of docs/REHEARSAL.md that take seconds.

use aws_sdk_sfn::types::ExecutionStatus;
use fernet::Fernet;
use serde_json::json;

use crate::aws::{Aws, KEY_SECRET};
use crate::support::{stdout, world};

const KEYS: &str = "ATD_MDS_FERNET_KEY";

impl Aws {
    async fn put_keys(&self, keys: &str) {
        let secrets = self.secrets();
        let put = secrets.put_secret_value().secret_id(KEY_SECRET);
        put.secret_string(keys).send().await.unwrap();
    }

    /// Runs the hour of both providers that starts then, and expects it to be published.
    async fn publish(&self, hour: u32) {
        let time_min = format!("2020-01-15-{hour}");
        let request = json!({"provider": "all", "time_min": time_min, "interval": 1});
        let ended = self.execute(&format!("hour-{hour}"), &request).await;
        let logs = || format!("{}\n{}", ended.cause, self.logs());
        assert_eq!(ended.status, ExecutionStatus::Succeeded, "{}", logs());
        assert_eq!(ended.output["done"], 2);
    }

    async fn rotate(&mut self, keys: &str, options: &[&str]) -> String {
        self.world
            .stack
            .env
            .insert(KEYS.to_owned(), keys.to_owned());
        let rotate = [&["config", "rotate-key"], options].concat();
        stdout(&self.world.expect(0, &rotate).await)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_of_the_key_leaves_every_object_readable_and_none_under_the_old_key() {
    let world = world().await;
    world.stack.keep_versions().unwrap();
    let old = world.stack.env[KEYS].clone();
    let new = Fernet::generate_key();
    let (old_first, new_first) = (format!("{old},{new}"), format!("{new},{old}"));
    let mut aws = Aws::with_keys_in_secret(world).await;
    aws.publish(10).await;

    aws.put_keys(&old_first).await;
    aws.restart();
    aws.publish(11).await;
    aws.put_keys(&new_first).await;
    let rotated = aws.rotate(&new_first, &[]).await;
    assert!(!rotated.starts_with("0 rotated"), "{rotated}");
    // The rotation has replaced the configuration, with which warm functions read the keys again.
    aws.publish(12).await;
    let again = aws.rotate(&new_first, &[]).await;
    assert!(again.starts_with("0 rotated"), "{again}");
    assert!(again.contains("no object needs the older keys"), "{again}");

    aws.put_keys(&new).await;
    let purged = aws.rotate(&new, &["--purge-versions"]).await;
    assert!(purged.contains("0 failed"), "{purged}");
    aws.publish(13).await;
    let hours = ["10", "11", "12", "13"];
    aws.world.expect_whole(&["bird", "lime"], &hours).await;
    let archives = aws.world.objects().await;
    assert_eq!(
        archives
            .keys()
            .filter(|key| key.ends_with("/trips.json"))
            .count(),
        2 * hours.len()
    );
    let old = Fernet::new(&old).unwrap();
    for (path, bytes) in aws.world.stored() {
        let text = String::from_utf8_lossy(&bytes);
        assert!(old.decrypt(&text).is_err(), "{}", path.display());
    }
}
