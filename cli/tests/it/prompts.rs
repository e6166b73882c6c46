//! The questions of `mds init`, answered by typing at a terminal.

use std::fs;
use std::process::{Command, Output};

use serde_json::Value;

use crate::init::Beginning;
use crate::support::{World, stderr, stdout};

/// Runs a command at a terminal of its own. Waits for each text in turn and types the answer to it,
/// once the terminal shows what is typed, or no more where it is a secret. Prints what the terminal
/// has shown, and ends as the command does.
const AT_A_TERMINAL: &str = "
import json, os, pty, select, sys, termios, time
steps = json.loads(sys.argv[1])
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[2], sys.argv[2:])
shown, at = b'', 0
def more():
    global shown
    if not select.select([terminal], [], [], 30)[0]:
        return False
    try:
        piece = os.read(terminal, 4096)
    except OSError:
        piece = b''
    shown += piece
    return piece != b''
def echoes():
    return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)
for text, answer, is_hidden in steps:
    while shown.find(text.encode(), at) < 0:
        if not more():
            sys.exit('no question ' + repr(text) + ' in ' + repr(shown[at:]))
    at = shown.find(text.encode(), at) + len(text.encode())
    until = time.monotonic() + 30
    while answer and echoes() == is_hidden and time.monotonic() < until:
        time.sleep(0.01)
    os.write(terminal, answer.encode())
while more():
    pass
ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.stdout.buffer.write(shown)
sys.stderr.write('' if echoes() else 'the terminal still hides what is typed')
sys.exit(ended)
";

const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";

/// What is waited for, what is typed then, and whether the terminal is to hide it.
type Step<'a> = (&'a str, &'a str, bool);

fn asked<'a>(question: &'a str, answer: &'a str) -> Step<'a> {
    (question, answer, false)
}

fn hidden<'a>(question: &'a str, answer: &'a str) -> Step<'a> {
    (question, answer, true)
}

/// Words that have to be shown before the next question.
const fn shown(words: &str) -> Step<'_> {
    (words, "", false)
}

/// The command at a terminal, and what that has shown.
async fn typed(command: &Command, steps: &[Step<'_>]) -> (Output, String) {
    let mut driver = Command::new(crate::python::with_modules("pty, termios"));
    driver
        .args(["-c", AT_A_TERMINAL])
        .arg(serde_json::to_string(steps).unwrap())
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear();
    for (name, value) in command.get_envs() {
        driver.env(name, value.unwrap_or_default());
    }
    // `stty`, which shows again what is typed.
    driver.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    if let Some(folder) = command.get_current_dir() {
        driver.current_dir(folder);
    }
    let output = World::output_of(driver).await;
    let shown = stdout(&output).replace('\r', "");
    assert_eq!(stderr(&output), "", "{shown}");
    (output, shown)
}

impl Beginning {
    /// `mds init` without an answer, but for the address of the bucket's server.
    fn bare(&self) -> Command {
        let endpoint = self.world.stack.s3.endpoint_url();
        self.mds(&["init", "--endpoint", &endpoint])
    }

    /// The names of the files in the folder.
    fn names(&self) -> Vec<String> {
        self.files().into_iter().map(|(name, _)| name).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn typed_answers_lead_from_an_empty_folder_to_a_checked_set_up() {
    let start = Beginning::new().await;
    fs::remove_file(start.path("bird.json")).unwrap();
    let entry = start.world.stack.providers["bird"].entry();
    let line = |name: &str| format!("{}\n", entry[name].as_str().unwrap());
    let (url, id, token) = (line("mds_api_url"), line("provider_id"), line("token"));
    let database = format!("{}\n", start.world.stack.database_url);
    let hyphens = format!("{}\n", "-".repeat(36));
    let steps = [
        // An end of the input is no answer, and neither is an empty line.
        asked("(it has to exist):", CTRL_D),
        shown("An answer is needed; Ctrl-C stops."),
        asked("(it has to exist):", "\n"),
        shown("An answer is needed; Ctrl-C stops."),
        asked("(it has to exist):", "mds\n"),
        asked("region [us-east-1]:", CTRL_D),
        asked("PRODUCTION [STAGING]:", "test\n"),
        shown("Write STAGING or PRODUCTION."),
        asked("PRODUCTION [STAGING]:", "staging\n"),
        asked("or none [none]:", "\n"),
        hidden(
            "(not shown)",
            "mysql://nobody:hidden-answer@example.com/x\n",
        ),
        shown("DATABASE_URL"),
        hidden("(not shown)", &database),
        asked("time zone [US/Central]:", "Mars/Olympus\n"),
        shown("Mars/Olympus"),
        asked("time zone [US/Central]:", "\n"),
        asked("portal, or none [none]:", "\n"),
        asked("such as bird, or none:", "B i r d\n"),
        asked("such as bird, or none:", "bird\n"),
        asked("address of its MDS API:", &url),
        asked("UUID in the MDS registry:", "five\n"),
        shown("Write a UUID"),
        asked("UUID in the MDS registry:", &hyphens),
        shown("Write a UUID"),
        asked("UUID in the MDS registry:", &id),
        asked("version of its feed [1.2]:", "7\n"),
        asked("version of its feed [1.2]:", "\n"),
        asked("type of login [Bearer]:", "\n"),
        hidden("(not shown)", &token),
        shown("bird can be ingested"),
    ];
    let (output, shown) = typed(&start.bare(), &steps).await;
    assert_eq!(output.status.code(), Some(0), "{shown}");
    for secret in ["hidden-answer", database.trim(), token.trim()] {
        assert!(!shown.contains(secret), "{shown}");
    }
    let env = fs::read_to_string(start.path("mds.env")).unwrap();
    for variable in [
        "ATD_MDS_BUCKET=mds",
        "AWS_REGION=us-east-1",
        "ATD_MDS_RUN_MODE=STAGING",
    ] {
        assert!(env.contains(&format!("\n{variable}\n")), "{env}");
    }
    let settings = fs::read(start.path("settings.json")).unwrap();
    let settings: Value = serde_json::from_slice(&settings).unwrap();
    assert_eq!(settings["DATABASE_URL"], start.world.stack.database_url);
    assert_eq!(settings["TIME_ZONE"], "US/Central");
    assert_eq!(settings.get("SOCRATA_DATA_ENDPOINT"), None);

    // It is whole, and its first hour comes.
    let found = Beginning::expect(0, start.mds(&["--env-file", "mds.env", "doctor"])).await;
    assert!(stdout(&found).contains(" 0 broken"), "{}", stdout(&found));
    let run = shown.lines().find(|line| line.contains(" run ")).unwrap();
    let args: Vec<&str> = run.split_whitespace().skip(1).collect();
    Beginning::expect(0, start.mds(&args)).await;
    assert!(start.world.number("SELECT count(*) FROM api.trips").await > 0);
}

/// The folder is as it was, whether the question is the first one, a hidden one or a later one. The
/// terminal shows again what is typed.
#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_at_a_question_leaves_nothing_behind() {
    let start = Beginning::new().await;
    let (files, stored) = (start.files(), start.world.stored());
    let first = [
        asked("(it has to exist):", "mds\n"),
        asked("region [us-east-1]:", "\n"),
        asked("PRODUCTION [STAGING]:", "\n"),
        asked("or none [none]:", "\n"),
    ];
    let database = format!("{}\n", start.world.stack.database_url);
    let then = [
        hidden("(not shown)", &database),
        asked("time zone [US/Central]:", "\n"),
    ];
    for steps in [
        [&[asked("(it has to exist):", CTRL_C)][..], &[]].concat(),
        [&first[..], &[hidden("(not shown)", CTRL_C)]].concat(),
        [
            &first[..],
            &then,
            &[asked("portal, or none [none]:", CTRL_C)],
        ]
        .concat(),
        [
            &first[..],
            &then,
            &[
                asked("portal, or none [none]:", "\n"),
                asked("or none:", CTRL_C),
            ],
        ]
        .concat(),
    ] {
        let (output, shown) = typed(&start.bare(), &steps).await;
        assert_eq!(output.status.code(), Some(130), "{shown}");
        assert_eq!(start.files(), files, "{shown}");
        assert_eq!(start.world.stored(), stored);
    }

    // A later call asks all of it again.
    let (output, shown) = typed(&start.bare(), &[asked("(it has to exist):", CTRL_C)]).await;
    assert_eq!(output.status.code(), Some(130), "{shown}");
    assert_eq!(start.names(), ["bird.json"]);
}

/// Whoever closes the terminal gives no answer any more.
#[tokio::test(flavor = "multi_thread")]
async fn an_input_that_has_ended_is_no_terminal() {
    let start = Beginning::new().await;
    let files = start.files();
    let said = stderr(&Beginning::expect(2, start.bare()).await);
    assert!(
        said.contains("--bucket") && said.contains("nothing can be asked"),
        "{said}"
    );
    assert_eq!(start.files(), files);
}
