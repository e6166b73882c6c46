//! Secrets and trips appear neither in the log at its highest level, nor in messages, nor in the
//! tables that people read.

use std::collections::BTreeSet;
use std::process::Command;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sandbox_portal::PortalOptions;
use sandbox_provider::{Fault, MdsVersion, Rates, Times};
use serde_json::{Value, json};
use vault::{FernetKeys, Seal};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::support::{ONE_HOUR, World, hour, options, stderr, stdout, world_of};

const HOUR: &str = "2020-01-15-17";
const RUN: [&str; 8] = [
    "run",
    "--provider",
    "all",
    "--time-min",
    HOUR,
    "--interval",
    "1",
    "--force",
];

/// A world, and every text that must stay hidden: its secrets, and ids and coordinates of its
/// trips.
struct LeakTest {
    world: World,
    canaries: BTreeSet<String>,
}

async fn leak_test() -> LeakTest {
    let mut options = options(&["bird", "lime"]);
    for provider in options.providers.values_mut() {
        provider.token = Some("canary-provider-token".to_owned());
        provider.rates = Rates {
            missing_device: 0.1,
            end_before_start: 0.1,
            off_globe: 0.1,
            ..Rates::default()
        };
    }
    let lime = options.providers.get_mut("lime").unwrap();
    (lime.version, lime.page_size) = (MdsVersion::V0_3, Some(10));
    options.portal = PortalOptions {
        key_id: "canary-key-id".to_owned(),
        key_secret: "canary-key-secret".to_owned(),
        app_token: "canary-app-token".to_owned(),
        ..PortalOptions::default()
    };
    options
        .settings
        .insert("PUBLIC_ID_KEY".to_owned(), json!("canary-public-id-key"));
    let world = world_of(options).await;
    let password = world
        .stack
        .database_url
        .split([':', '@'])
        .nth(2)
        .unwrap()
        .to_owned();
    let mut canaries = BTreeSet::from([
        "canary".to_owned(),
        BASE64_STANDARD.encode("canary-key-id:canary-key-secret"),
        world.stack.env["ATD_MDS_FERNET_KEY"].clone(),
        world.stack.env["AWS_SECRET_ACCESS_KEY"].clone(),
        password,
    ]);
    for provider in world.stack.providers.values() {
        for trip in provider.feed().trips(hour(HOUR)) {
            add_canaries(&serde_json::from_str(&trip).unwrap(), &mut canaries);
        }
    }
    assert!(canaries.len() > 200);
    LeakTest { world, canaries }
}

/// Adds a trip's ids and the coordinates of its ends, to 5 decimals: about a metre.
fn add_canaries(trip: &Value, canaries: &mut BTreeSet<String>) {
    for key in ["trip_id", "device_id", "vehicle_id"] {
        canaries.extend(trip[key].as_str().map(str::to_owned));
    }
    let features = trip["route"]["features"].as_array().unwrap();
    for feature in [&features[0], &features[features.len() - 1]] {
        for number in feature["geometry"]["coordinates"].as_array().unwrap() {
            let text = number.to_string();
            if let Some(point) = text.find('.').filter(|point| text.len() - point > 5) {
                canaries.insert(text[..point + 6].to_owned());
            }
        }
    }
}

impl LeakTest {
    /// Runs a command with the highest log level, and checks its exit status and that nothing
    /// leaks.
    async fn check(&self, status: i32, what: &str, command: Command) {
        let (code, output) = self.checked_output(what, command).await;
        assert_eq!(code, Some(status), "{what}: {output}");
    }

    async fn checked_output(&self, what: &str, mut command: Command) -> (Option<i32>, String) {
        // The credentials of a role include a session token.
        command.env("AWS_SESSION_TOKEN", "canary-session-token");
        command.env("MDS_LOG", "trace").env("RUST_LOG", "trace");
        let output = World::output_of(command).await;
        let text = stdout(&output) + &stderr(&output);
        self.check_text(what, &text);
        // Only other crates log at this level, and their lines may contain anything.
        assert!(!text.contains(" TRACE "), "{what}: {text}");
        self.check_text(what, &self.messages().await);
        (output.status.code(), text)
    }

    async fn check_run(&self, status: i32, what: &str) {
        self.check(status, what, self.world.mds(&RUN)).await;
    }

    fn check_text(&self, what: &str, text: &str) {
        let found = self
            .canaries
            .iter()
            .find(|canary| text.contains(canary.as_str()));
        assert_eq!(found, None, "{what}: {text}");
    }

    /// The columns that people read to find the cause of a failure.
    async fn messages(&self) -> String {
        self.world
            .text(
                "SELECT concat(
                     (SELECT string_agg(concat_ws(' ', message, error_payload, socrata_status), ' ') FROM api.schedule),
                     (SELECT string_agg(concat_ws(' ', error_name, message), ' ') FROM api.run_blocks),
                     (SELECT string_agg(request::text, ' ') FROM api.runs))",
            )
            .await
    }
}

/// Responds with the request, including headers and body, and with a trip.
struct Echo {
    status: u16,
    media_type: &'static str,
    /// `ECHO` is replaced by request and trip, escaped for a JSON string.
    page: &'static str,
    trip: String,
}

impl Respond for Echo {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let headers: Vec<_> = request
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        let body = String::from_utf8_lossy(&request.body);
        let text = json!(format!("{} {body} {}", headers.join(" "), self.trip)).to_string();
        let echo = &text[1..text.len() - 1];
        ResponseTemplate::new(self.status)
            .insert_header(
                "location",
                "https://other.example/?token=canary-provider-token",
            )
            .insert_header("x-canary", "canary-provider-token")
            .set_body_raw(self.page.replace("ECHO", echo), self.media_type)
    }
}

impl LeakTest {
    async fn echo(&self, status: u16, media_type: &'static str, page: &'static str) -> MockServer {
        let server = MockServer::start().await;
        let trip = self.world.stack.providers["bird"]
            .feed()
            .trips(hour(HOUR))
            .next()
            .unwrap();
        let echo = Echo {
            status,
            media_type,
            page,
            trip,
        };
        Mock::given(any()).respond_with(echo).mount(&server).await;
        server
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_run_tells_nothing() {
    let test = leak_test().await;
    let world = &test.world;
    test.check_run(0, "a good run").await;
    test.check_run(0, "a good run again").await;
    assert!(world.number("SELECT count(*) FROM api.trips").await > 20);
    assert!(
        world
            .number("SELECT sum(records_error_count)::bigint FROM api.schedule")
            .await
            > 5
    );
    for args in [
        &["run", "--json"][..],
        &["run", "--dry-run", "--json"],
        &["migrate"],
        &["config", "list"],
    ] {
        let block = if args[0] == "run" { &RUN[1..] } else { &[] };
        test.check(0, args[0], world.mds(&[args, block].concat()))
            .await;
    }
    test.check(0, "rotate-key", world.mds(&["config", "rotate-key"]))
        .await;
    // Everything in the bucket is encrypted, except for the manifests and the boundaries.
    for (path, bytes) in world.stored() {
        if !path.to_string_lossy().contains("boundaries") {
            test.check_text(
                &path.display().to_string(),
                &String::from_utf8_lossy(&bytes),
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_fails_is_not_quoted() {
    let test = leak_test().await;
    let world = &test.world;
    let status = |status| Fault::Status {
        status,
        retry_after: None,
    };
    let faults = [
        status(401),
        status(500),
        Fault::TruncatedJson,
        Fault::DropConnection,
        Fault::ErrorObject200,
        Fault::HtmlPage200,
    ];
    for fault in faults {
        let what = format!("{fault:?}");
        for provider in world.stack.providers.values() {
            provider.fail_hour(hour(HOUR), fault.clone(), Times::Next(1));
        }
        test.check_run(1, &what).await;
    }
    let pages = [
        (
            200,
            "text/html",
            "<html><body>Please log in: ECHO</body></html>",
        ),
        (
            200,
            "application/json",
            r#"{"error": "ECHO", "ECHO": "ECHO"}"#,
        ),
        (
            200,
            "application/json",
            r#"{"version": "ECHO", "data": {"trips": [{"trip_id": "ECHO"}, ECHO]}}"#,
        ),
        (
            200,
            "application/json",
            r#"{"data": {"trips": []}, "links": {"next": "https://other.example/ECHO"}}"#,
        ),
        (302, "text/plain", "ECHO"),
        (401, "application/json", r#"{"error": "ECHO"}"#),
        (503, "text/html", "<html>ECHO</html>"),
    ];
    for (status, media_type, page) in pages {
        let server = test.echo(status, media_type, page).await;
        test.world
            .edit_providers(|providers| {
                for name in ["bird", "lime"] {
                    providers[name]["mds_api_url"] = json!(server.uri());
                    providers[name]["paging"] = json!(true);
                }
            })
            .await;
        test.check_run(1, page).await;
    }
    let server = test
        .echo(400, "application/json", r#"{"error": "ECHO"}"#)
        .await;
    test.world
        .edit_providers(|providers| {
            for name in ["bird", "lime"] {
                providers[name]["auth_type"] = json!("OAuth");
                providers[name]["token_url"] = json!(server.uri());
                providers[name]["auth_data"] =
                    json!({"client_id": "canary-id", "client_secret": "canary-secret"});
            }
        })
        .await;
    test.check_run(1, "a login that is refused").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_that_fails_is_not_quoted() {
    let test = leak_test().await;
    let world = &test.world;
    for fault in [
        sandbox_portal::Fault::ErrorsIn200 { rows: 3 },
        sandbox_portal::Fault::LosesRows { rows: 3 },
        sandbox_portal::Fault::Status {
            status: 403,
            retry_after: None,
        },
    ] {
        let what = format!("{fault:?}");
        world.stack.portal.fail_next(fault.clone());
        world.stack.portal.fail_next(fault);
        test.check_run(1, &what).await;
    }
    let pages = [
        (
            400,
            "application/json",
            r#"{"code": "ECHO", "error": true, "message": "ECHO", "data": {"row": "ECHO"}}"#,
        ),
        (
            403,
            "application/json",
            r#"{"code": "permission_denied", "error": true, "message": "ECHO"}"#,
        ),
        (404, "text/html", "<html>ECHO</html>"),
        (200, "application/json", r#"{"Errors": "ECHO"}"#),
        (200, "text/html", "<html>ECHO</html>"),
        (302, "text/plain", "ECHO"),
    ];
    for (status, media_type, page) in pages {
        let server = test.echo(status, media_type, page).await;
        test.world
            .edit_settings(|settings| {
                settings["SOCRATA_DATA_ENDPOINT"] = json!(server.uri());
            })
            .await;
        test.check_run(1, page).await;
        assert_ne!(server.received_requests().await.unwrap().len(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_refuses_is_not_quoted() {
    let test = leak_test().await;
    let url = test.world.stack.database_url.clone();
    let (address, database) = url.rsplit_once('@').unwrap().1.rsplit_once('/').unwrap();
    let urls = [
        format!("postgresql://postgres:canary-password@{address}/{database}"),
        format!("postgresql://canary-user:canary-password@{address}/{database}"),
        format!("{url}canary"),
        "postgresql://postgres:canary-password@127.0.0.1:1/mds".to_owned(),
        "postgresql://postgres:canary-password@127.0.0.1:canary/mds".to_owned(),
        "postgresql://postgres:canary/password@127.0.0.1/mds?canary=1".to_owned(),
        "canary-password".to_owned(),
    ];
    for (n, url) in urls.into_iter().enumerate() {
        test.world
            .edit_settings(|settings| settings["DATABASE_URL"] = json!(url))
            .await;
        let what = format!("database URL {n}");
        if n == 3 {
            // A refused connection may be temporary, so a run would wait for it. The other URLs are
            // configuration errors.
            test.check(1, &what, test.world.mds(&["migrate"])).await;
        } else {
            test.check_run(2, &what).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_cannot_be_read_is_not_quoted() {
    use secrecy::ExposeSecret as _;
    let mut test = leak_test().await;
    let other_key = FernetKeys::generate().expose_secret().to_owned();
    test.canaries.insert(other_key.clone());
    let world = &test.world;
    for (name, value) in [
        ("ATD_MDS_FERNET_KEY", other_key.as_str()),
        ("ATD_MDS_FERNET_KEY", "canary-no-key"),
        ("AWS_SECRET_ACCESS_KEY", "canary-secret-access-key"),
        ("ATD_MDS_RUN_MODE", "nowhere"),
    ] {
        let mut command = world.mds(&RUN);
        command.env(name, value);
        test.check(2, name, command).await;
    }

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("env");
    let key = &world.stack.env["ATD_MDS_FERNET_KEY"];
    std::fs::write(
        &file,
        format!("ATD_MDS_FERNET_KEY='{key}\nATD_MDS_BUCKET=mds canary\n"),
    )
    .unwrap();
    let mut command = world.mds(&RUN);
    command.arg("--env-file").arg(&file);
    test.check(2, "a malformed --env-file", command).await;

    let vault = world.vault().await;
    for (name, texts) in [
        (
            "settings",
            vec![
                r#"{"DATABASE_URL": "canary-1" "canary-2"}"#,
                r#"{"DATABASE_URL": ["canary-1"], "PUBLIC_ID_KEY": "canary-2"}"#,
                r#"{"DATABASE_URL": "postgresql://u:canary@127.0.0.1/mds", "SOCRATA_CHUNK_ROWS": "canary"}"#,
                r#"{"DATABASE_URL": "postgresql://u:canary@127.0.0.1/mds", "TIME_ZONE": {"canary": "canary"}}"#,
                r#""canary""#,
                "canary",
            ],
        ),
        (
            "providers",
            vec![
                r#"{"bird": {"token": "canary" "canary"}}"#,
                r#"{"bird": "canary-token"}"#,
                r#"{"bird": {"mds_api_url": "https://u:canary@", "token": "canary"}}"#,
                r#"{"bird": {"mds_api_url": "https://a.example", "token": ["canary"]}}"#,
                r#"{"bird": {"mds_api_url": "https://a.example", "auth_type": "OAuth", "auth_data": "canary"}}"#,
                r#"{"bird": {"mds_api_url": "https://a.example", "headers": {"x": ["canary"]}}}"#,
            ],
        ),
    ] {
        let key = format!("config/{name}_staging.json");
        let good = vault.get_bytes(&key).await.unwrap();
        for text in texts {
            let file = folder.path().join("malformed.json");
            std::fs::write(&file, text).unwrap();
            let mut put = world.mds(&["config", "put", name]);
            put.arg(&file);
            vault
                .put_bytes(&key, text.as_bytes(), Seal::Encrypt)
                .await
                .unwrap();
            for command in [put, world.mds(&RUN)] {
                let (code, output) = test.checked_output(name, command).await;
                assert_ne!(code, Some(0), "{text}: {output}");
            }
        }
        vault.put_bytes(&key, &good, Seal::Encrypt).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_in_a_pipe_is_text_with_the_fields_of_its_block() {
    let world = world_of(options(&["bird"])).await;
    let output = world.expect(0, &ONE_HOUR).await;
    let text = stderr(&output);
    let loaded = text
        .lines()
        .find(|line| line.contains(" INFO step: block loaded trips.fetched="))
        .unwrap_or_else(|| panic!("{text}"));
    assert!(
        loaded.ends_with(" step=sync-db block.provider=bird block.label=2020-01-15-13"),
        "{loaded}"
    );
    assert!(!loaded.contains('\u{1b}'), "colours are for terminals");
    let mut quiet = vec!["--no-logs"];
    quiet.extend(ONE_HOUR);
    assert!(!stderr(&world.output(&quiet).await).contains("INFO"));
}
