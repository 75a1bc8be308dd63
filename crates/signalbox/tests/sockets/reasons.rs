//! Every answer to CONNECT and every end of a connection is made to happen by a script in `scripts`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use events::{ConnackReason, DisconnectReason};

use crate::world;

/// The one reason that neither a setting nor a client can bring about, as it is a mistake of the broker's own: a test of
/// the broker lets it panic while a client waits on a real socket.
const MISTAKE: (DisconnectReason, &str, &str) = (
    DisconnectReason::ServerInternalError,
    "../broker/tests/sockets.rs",
    "server.disconnected(DisconnectReason::ServerInternalError)",
);

/// Scripts that run at the same time: most of each is waiting.
const AT_A_TIME: usize = 4;

fn scripts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sockets/scripts");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[test]
fn every_script_holds() {
    let (paths, next) = (scripts(), AtomicUsize::new(0));
    let work = || {
        let mut failures = Vec::new();
        while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
            let ran = std::panic::catch_unwind(|| world::run(path));
            match ran {
                Ok(Ok(())) => {}
                Ok(Err(failure)) => failures.push(failure),
                Err(_panic) => failures.push(format!("{}: it panicked, as was reported above", path.display())),
            }
        }
        failures
    };
    let failures: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_A_TIME).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The lines of all scripts, cut into words.
fn lines() -> Vec<Vec<String>> {
    let texts = scripts().into_iter().map(|path| std::fs::read_to_string(path).unwrap());
    texts
        .flat_map(|text| {
            text.lines().map(|line| line.split_whitespace().map(str::to_owned).collect()).collect::<Vec<_>>()
        })
        .collect()
}

/// Whether some line begins with these words and has the others behind them.
fn is_said(lines: &[Vec<String>], first: &[&str], others: &[String]) -> bool {
    lines.iter().any(|line| {
        line.len() >= first.len()
            && first.iter().zip(line).all(|(expected, found)| *expected == "*" || expected == found)
            && others.iter().all(|other| line.contains(other))
    })
}

#[test]
fn every_answer_to_connect_has_a_script_with_its_byte_and_its_event() {
    let lines = lines();
    let mut missing = BTreeSet::new();
    for &reason in ConnackReason::ALL {
        let name = reason.name();
        let is_wanted = |code: u8| {
            let fields = [format!("reason_code={name}"), format!("return_code={code}")];
            is_said(&lines, &["*", "<", "CONNACK", name], &[format!("code={code:02x}")])
                && is_said(&lines, &["event", "client_connack"], &fields)
        };
        if reason.v5_code().is_some_and(|code| !is_wanted(code)) {
            missing.insert(format!("{name} of MQTT 5"));
        }
        if reason.v3_code().is_some_and(|code| !is_wanted(code)) {
            missing.insert(format!("{name} of MQTT 3.1 or 3.1.1"));
        }
    }
    assert!(missing.is_empty(), "no script makes these happen over a socket: {missing:#?}");
}

#[test]
fn every_end_of_a_connection_has_a_script() {
    let lines = lines();
    let (mistake, file, call) = MISTAKE;
    let is_missing = |reason: &&DisconnectReason| {
        !is_said(&lines, &["event", "client_disconnected"], &[format!("reason={}", reason.name())])
    };
    let missing: Vec<&str> = DisconnectReason::ALL.iter().filter(is_missing).map(|reason| reason.name()).collect();
    assert_eq!(missing, [mistake.name()], "no script makes these happen over a socket");
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    assert!(text.contains(call), "`{file}` does not make `{}` happen any more", mistake.name());
}
