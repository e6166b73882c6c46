//! Records the statements that the store sends, for the test of a later version (`make
//! statements`).
//!
//! A proxy stands between the store and the server, and reads the client's messages of Postgres's
//! protocol.

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

/// The folder to record into.
const FOLDER: &str = "MDS_RECORD_STATEMENTS";
/// Ends a statement in the files.
pub(crate) const END: &str = "\n-- end\n";
/// What only the store's connections send, and first of all.
const OF_THE_STORE: &str = "'application_name', 'mds-etl'";

/// The URL that leads to the same database, and records if that is wanted.
pub(crate) fn through(url: &str) -> String {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return url.to_owned();
    };
    let Some(server) = server_of(url) else {
        return url.to_owned();
    };
    // A test whose server does not run has to meet no server.
    if TcpStream::connect(server).is_err() {
        return url.to_owned();
    }
    let own = listen(server.to_owned(), PathBuf::from(folder)).unwrap();
    url.replacen(server, &own, 1)
}

/// Host and port of a URL.
fn server_of(url: &str) -> Option<&str> {
    let (_, rest) = url.rsplit_once('@')?;
    let (server, _) = rest.split_once('/')?;
    server.contains(':').then_some(server)
}

fn listen(server: String, folder: PathBuf) -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let own = listener.local_addr()?.to_string();
    let seen = Arc::new(Mutex::new(HashSet::new()));
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(upstream) = TcpStream::connect(&server) else {
                continue;
            };
            let (folder, seen) = (folder.clone(), Arc::clone(&seen));
            // The end of either side ends the connection: its threads have nothing more to do.
            thread::spawn(move || drop(connect(&client, &upstream, &folder, &seen)));
        }
    });
    Ok(own)
}

fn connect(
    client: &TcpStream,
    upstream: &TcpStream,
    folder: &Path,
    seen: &Mutex<HashSet<String>>,
) -> io::Result<()> {
    client.set_nodelay(true)?;
    upstream.set_nodelay(true)?;
    let (mut answers, mut to_client) = (upstream.try_clone()?, client.try_clone()?);
    thread::spawn(move || {
        // As above.
        drop(io::copy(&mut answers, &mut to_client));
        drop(to_client.shutdown(Shutdown::Both));
    });
    let ended = requests(client, upstream, folder, seen);
    upstream.shutdown(Shutdown::Write)?;
    ended
}

/// Passes on the client's messages, and records the statements in them.
fn requests(
    mut client: &TcpStream,
    mut upstream: &TcpStream,
    folder: &Path,
    seen: &Mutex<HashSet<String>>,
) -> io::Result<()> {
    // The first message, and the request to cancel a statement, have no type.
    let first = message(client, Vec::new())?;
    upstream.write_all(&first)?;
    let mut is_store = false;
    loop {
        let mut kind = vec![0];
        client.read_exact(&mut kind)?;
        let message = message(client, kind)?;
        upstream.write_all(&message)?;
        let Some(statement) = statement_of(&message) else {
            continue;
        };
        is_store |= statement.contains(OF_THE_STORE);
        if is_store && seen.lock().unwrap().insert(statement.clone()) {
            record(folder, &statement)?;
        }
    }
}

/// Reads a message of which the head was read already.
fn message(mut client: &TcpStream, head: Vec<u8>) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    client.read_exact(&mut length)?;
    let rest = usize::try_from(u32::from_be_bytes(length)).unwrap() - length.len();
    let mut message = [head, length.to_vec()].concat();
    let start = message.len();
    message.resize(start + rest, 0);
    client.read_exact(&mut message[start..])?;
    Ok(message)
}

/// The text of a `Parse` or a `Query`.
fn statement_of(message: &[u8]) -> Option<String> {
    let (kind, body) = (message[0], &message[5..]);
    let mut texts = body.split(|byte| *byte == 0);
    let text = match kind {
        // The name comes first.
        b'P' => texts.nth(1)?,
        b'Q' => texts.next()?,
        _ => return None,
    };
    Some(String::from_utf8(text.to_vec()).unwrap())
}

fn record(folder: &Path, statement: &str) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let file = folder.join(format!("{}.sql", std::process::id()));
    let mut file = OpenOptions::new().create(true).append(true).open(file)?;
    file.write_all(format!("{statement}{END}").as_bytes())
}
