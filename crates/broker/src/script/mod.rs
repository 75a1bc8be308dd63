//! Protocol scripts: `tests/scripts/*.script` run against connections, sessions, router and bus, without sockets and
//! with a clock that stands still until a line moves it. `notation.rs` says what a line may be.

mod chaos;
mod kills;
mod notation;
mod packets;
mod world;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use events::{ConnackReason, DeliveryDropReason, DiscardCause, DisconnectReason, DropReason, Kind, UnsubscribeCause};

use notation::{Line, parse};
use world::World;

fn scripts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "script"))
        .collect();
    paths.sort();
    paths
}

/// Runs a script; gives the world it leaves, or where it failed.
fn run(path: &Path) -> Result<World, String> {
    let text = std::fs::read_to_string(path).unwrap();
    let at = |number: usize, message: &str| format!("{}:{number}: {message}", path.display());
    let lines: Vec<(usize, Line)> = text
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, parse(line)))
        .filter_map(|(number, line)| match line {
            Ok(None) => None,
            Ok(Some(line)) => Some(Ok((number, line))),
            Err(message) => Some(Err(at(number, &message))),
        })
        .collect::<Result<_, _>>()?;
    let settings = lines.iter().take_while(|(_, line)| line.is_setting()).count();
    let mut world = World::new(lines.iter().take(settings).map(|(_, line)| line));
    for (number, line) in &lines[settings..] {
        world.take(line).map_err(|message| at(*number, &message))?;
    }
    world.check_end().map_err(|message| at(text.lines().count(), &message))?;
    Ok(world)
}

#[test]
fn every_script_holds() {
    let mut failures = Vec::new();
    let paths = scripts();
    assert!(paths.len() > 20, "expected the scripts, found {}", paths.len());
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        if !text.starts_with("# ") {
            failures.push(format!("{}: expected a first line that says what holds", path.display()));
        }
        if let Err(failure) = run(&path) {
            failures.push(failure);
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// What is declared happens: a reason or an event that no script brings about is dead, or untested.
#[test]
fn every_event_and_reason_is_made_to_happen() {
    let mut found = BTreeSet::new();
    for path in scripts() {
        let Ok(world) = run(&path) else { continue };
        for event in world.history() {
            found.insert(format!("{:?}", event.kind()));
            for (name, value) in event.fields() {
                if let ("reason" | "reason_code" | "cause" | "stage" | "initiator", Some(text)) =
                    (name, value.as_text())
                {
                    found.insert(format!("{:?} {name} {text}", event.kind()));
                }
            }
        }
    }
    // A panic in a rule is the one thing scripts cannot write down: `tests/sockets.rs` makes it happen.
    found.insert("ClientDisconnected reason server_internal_error".to_owned());
    // The layers below MQTT are between socket and script: `signalbox/tests/transports` makes these happen.
    found.extend(
        ["tls_error", "websocket_error", "proxy_protocol_error"]
            .map(|name| format!("ClientDisconnected reason {name}")),
    );
    // Bans are in a file: `signalbox/tests/e2e/bans.rs` makes these happen.
    found.insert("ClientConnack reason_code banned".to_owned());
    found.insert("ClientDisconnected reason banned".to_owned());
    found.extend(["CertificateRegistered", "CertificateRejected"].map(str::to_owned));
    // It happens in another broker: `signalbox/tests/e2e/sources.rs` makes it happen.
    found.insert("SourceMessage".to_owned());
    let expected = Kind::ALL
        .iter()
        .map(|kind| format!("{kind:?}"))
        .chain(DisconnectReason::ALL.iter().map(|reason| format!("ClientDisconnected reason {}", reason.name())))
        .chain(ConnackReason::ALL.iter().map(|reason| format!("ClientConnack reason_code {}", reason.name())))
        .chain(events::Stage::ALL.iter().map(|stage| format!("ClientDisconnected stage {}", stage.name())))
        .chain(events::Initiator::ALL.iter().map(|who| format!("ClientDisconnected initiator {}", who.name())))
        .chain(DropReason::ALL.iter().map(|reason| format!("MessageDropped reason {}", reason.name())))
        .chain(DeliveryDropReason::ALL.iter().map(|reason| format!("DeliveryDropped reason {}", reason.name())))
        .chain(DiscardCause::ALL.iter().map(|cause| format!("SessionDiscarded cause {}", cause.name())))
        .chain(UnsubscribeCause::ALL.iter().map(|cause| format!("SessionUnsubscribed cause {}", cause.name())));
    let missing: Vec<String> = expected.filter(|name| !found.contains(name)).collect();
    assert!(missing.is_empty(), "no script makes these happen: {missing:#?}");
}
