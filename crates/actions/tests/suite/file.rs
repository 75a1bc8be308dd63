//! `file` against a real directory: what stands in the files, what is rotated, what waits.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::support::{World, connack, output, words};
use engine::{Output, Via};
use tempfile::TempDir;

fn directory(options: &str) -> (TempDir, World) {
    let dir = tempfile::tempdir().expect("a directory");
    let world = World::with_connector(&format!("kind = 'file'\ndir = '{}'\n{options}", dir.path().display()));
    (dir, world)
}

fn connacks(clients: &[&str]) -> Vec<Output> {
    (1..).zip(clients).map(|(n, client)| output(n, &connack(client))).collect()
}

/// The files below `dir` with what stands in them, in the order of their names.
fn files(dir: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut waiting = vec![dir.to_owned()];
    while let Some(next) = waiting.pop() {
        for entry in fs::read_dir(next).expect("it is there") {
            let path = entry.expect("it can be read").path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                let name = path.strip_prefix(dir).expect("it is below").display().to_string();
                found.push((name, fs::read_to_string(path).expect("it is text")));
            }
        }
    }
    found.sort();
    found
}

fn names(dir: &Path) -> Vec<String> {
    files(dir).into_iter().map(|(name, _)| name).collect()
}

#[tokio::test]
async fn every_output_is_a_line_of_json() {
    let (dir, world) = directory("mode = '0600'");
    let action = world.action("");
    action.check().await.unwrap();
    assert_eq!(words(action.send(&connacks(&["a", "b"])).await, 2), ["delivered", "delivered"]);
    action.send(&connacks(&["c"])).await;
    let lines = format!("{}\n{}\n{}\n", connack("a"), connack("b"), connack("c"));
    assert_eq!(files(dir.path()), [("connack.ndjson".to_owned(), lines)]);
    let mode = fs::metadata(dir.path().join("connack.ndjson")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn csv_has_its_header_once_in_every_file() {
    let (dir, world) = directory("");
    let action = world.action("path = '${clientid}.csv'\nformat = 'csv'\ncolumns = ['clientid', 'reason_code']");
    action.send(&connacks(&["a", "b,1", "a"])).await;
    // A new process finds the files as they are.
    let again = World::with_connector(&format!("kind = 'file'\ndir = '{}'", dir.path().display()));
    let action = again.action("path = '${clientid}.csv'\nformat = 'csv'\ncolumns = ['clientid', 'reason_code']");
    action.send(&connacks(&["a"])).await;
    let header = "clientid,reason_code\n";
    assert_eq!(
        files(dir.path()),
        [
            ("a.csv".to_owned(), format!("{header}a,success\na,success\na,success\n")),
            ("b%2C1.csv".to_owned(), format!("{header}\"b,1\",success\n")),
        ]
    );
    // With other columns there is another header, so the file makes room.
    let action = again.action("path = '${clientid}.csv'\nformat = 'csv'");
    action.send(&connacks(&["a"])).await;
    assert_eq!(names(dir.path()), ["a.csv", "a.csv.1", "b%2C1.csv"]);
    let a = fs::read_to_string(dir.path().join("a.csv")).unwrap();
    assert!(a.starts_with("clientid,username,reason_code,timestamp,value\na,u_emqx,success,1645003578856,\n"), "{a}");
}

#[tokio::test]
async fn a_file_that_is_full_is_rotated_and_the_oldest_goes() {
    let (dir, world) = directory("rotate_size = '250B'\nkeep = 2\nfsync = 'never'");
    let action = world.action("path = 'a.ndjson'");
    // Two lines fit into a file.
    for client in ["1", "2", "3", "4", "5", "6", "7"] {
        action.send(&connacks(&[client])).await;
    }
    let client_of = |line: &str| line.split('"').nth(3).unwrap().to_owned();
    let held: Vec<(String, Vec<String>)> =
        files(dir.path()).into_iter().map(|(name, text)| (name, text.lines().map(client_of).collect())).collect();
    let expected = [("a.ndjson", &["7"][..]), ("a.ndjson.1", &["5", "6"]), ("a.ndjson.2", &["3", "4"])]
        .map(|(name, clients)| (name.to_owned(), clients.iter().map(|&client| client.to_owned()).collect()));
    assert_eq!(held, expected);
}

#[tokio::test]
async fn a_file_of_an_earlier_period_is_rotated() {
    let (dir, world) = directory("rotate_every = '1d'");
    let action = world.action("path = 'a.ndjson'");
    let file = dir.path().join("a.ndjson");
    fs::write(&file, "yesterday\n").unwrap();
    let yesterday = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_645_003_578);
    fs::File::options().append(true).open(&file).unwrap().set_modified(yesterday).unwrap();
    action.send(&connacks(&["a"])).await;
    action.send(&connacks(&["b"])).await;
    assert_eq!(fs::read_to_string(dir.path().join("a.ndjson.1")).unwrap(), "yesterday\n");
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("{}\n{}\n", connack("a"), connack("b")));
}

#[tokio::test]
async fn a_line_that_a_power_loss_has_torn_takes_no_other_with_it() {
    let (dir, world) = directory("");
    fs::write(dir.path().join("a.ndjson"), "{\"whole\":1}\n{\"tor").unwrap();
    world.action("path = 'a.ndjson'").send(&connacks(&["a"])).await;
    let text = fs::read_to_string(dir.path().join("a.ndjson")).unwrap();
    assert_eq!(text, format!("{{\"whole\":1}}\n{{\"tor\n{}\n", connack("a")));
}

#[tokio::test]
async fn files_that_others_move_or_remove_are_made_again() {
    let (dir, world) = directory("open_files_max = 1");
    let action = world.action("path = 'deep/${clientid}.ndjson'");
    action.send(&connacks(&["a"])).await;
    fs::rename(dir.path().join("deep/a.ndjson"), dir.path().join("moved")).unwrap();
    action.send(&connacks(&["a", "b", "a"])).await;
    fs::remove_dir_all(dir.path().join("deep")).unwrap();
    assert_eq!(words(action.send(&connacks(&["b", "a"])).await, 2), ["delivered", "delivered"]);
    assert_eq!(names(dir.path()), ["deep/a.ndjson", "deep/b.ndjson", "moved"]);
}

#[tokio::test]
async fn what_cannot_be_written_waits_with_the_reason_and_what_can_be_is() {
    let (dir, world) = directory("");
    let action = world.action("path = '${clientid}/x.ndjson'");
    fs::write(dir.path().join("a"), "a file stands where a directory is wanted").unwrap();
    let said = words(action.send(&connacks(&["a", "b", "..", "a"])).await, 4);
    assert!(said[0].starts_with("retry: cannot write `a/x.ndjson`: "), "{said:?}");
    assert_eq!(said[1], "delivered");
    assert!(said[2].starts_with("rejected: path: expected names between the `/`, found `..`"), "{said:?}");
    assert_eq!(said[3], said[0]);
    assert_eq!(names(dir.path()), ["a", "b/x.ndjson"]);

    // A directory that was mounted is gone: nothing is made in its place.
    let gone = dir.path().to_owned();
    drop(dir);
    let said = words(action.send(&connacks(&["b"])).await, 1);
    assert!(said[0].starts_with(&format!("retry: no directory `{}`: ", gone.display())), "{said:?}");
    let error = action.check().await.unwrap_err();
    assert!(error.message.starts_with("no directory `") && error.help.is_some(), "{error:?}");
}

#[tokio::test]
async fn a_full_disk_leaves_no_half_a_line() {
    // `/dev/full` refuses every byte, as a full disk does.
    let (dir, world) = directory("");
    std::os::unix::fs::symlink("/dev/full", dir.path().join("full.ndjson")).unwrap();
    let said = words(world.action("path = 'full.ndjson'").send(&connacks(&["a"])).await, 1);
    assert_eq!(said, ["retry: cannot write `full.ndjson`: No space left on device (os error 28)"]);
}

#[tokio::test]
async fn nothing_a_client_chooses_leads_out_of_the_directory() {
    let (dir, world) = directory("");
    let inside = dir.path().join("inside");
    fs::create_dir(&inside).unwrap();
    let there = World::with_connector(&format!("kind = 'file'\ndir = '{}'", inside.display()));
    let hostile = ["../../x", "/tmp/x", "..", "a/../../x", "..%2f..", "a.1", "a"].map(connack);
    let batch: Vec<Output> = (1..).zip(&hostile).map(|(n, row)| output(n, row)).collect();
    there.action("path = '${clientid}/${clientid}.ndjson'").send(&batch).await;
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "{:?}", names(dir.path()));
    assert_eq!(fs::read_dir(&inside).unwrap().count(), 6, "all but `..`: {:?}", names(&inside));
    assert!(world.try_action(Via::Connector("there"), "path = '../x.ndjson'").is_err());
}

#[test]
fn the_preview_shows_place_and_line() {
    let (dir, world) = directory("");
    let action = world.action("path = '${clientid}.csv'\nformat = 'csv'\ncolumns = ['clientid']");
    let shown: Vec<(String, String)> = action
        .preview(&output(1, &connack("a")))
        .parts
        .into_iter()
        .map(|part| (part.name, part.value.as_text().unwrap().to_owned()))
        .collect();
    let place = dir.path().join("a.csv").display().to_string();
    let expected = [("path", place.as_str()), ("header", "clientid"), ("line", "a")];
    assert_eq!(shown, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert!(names(dir.path()).is_empty(), "nothing is written");
}
