//! Rule files edited on disk are live within two seconds.

mod support;

use std::fs;
use std::time::Duration;

use engine::Engine;
use support::{engine, write};

/// Runs `edit`, and waits until what it has changed is taken up: at most two seconds.
async fn after_edit(engine: &Engine, edit: impl FnOnce()) {
    let mut changes = engine.changes();
    changes.borrow_and_update();
    edit();
    tokio::time::timeout(Duration::from_secs(2), changes.changed())
        .await
        .expect("an edit is live within two seconds")
        .expect("the engine lives");
}

#[tokio::test]
async fn edits_are_taken_up_refused_and_removed_by_themselves() {
    let dir = tempfile::tempdir().unwrap();
    let (engine, _desk) = engine();
    engine.load_dir(dir.path()).unwrap();
    engine.watch();

    after_edit(&engine, || write(dir.path(), "r", "SELECT topic FROM \"a\"")).await;
    assert!(engine.wants_topic("a"));

    // As editors do it: the new text in another file, then renamed over the old one.
    after_edit(&engine, || {
        fs::write(dir.path().join("r.sql.tmp"), "SELECT topic FROM \"b\"").unwrap();
        fs::rename(dir.path().join("r.sql.tmp"), dir.path().join("r.sql")).unwrap();
    })
    .await;
    assert!(engine.wants_topic("b") && !engine.wants_topic("a"));

    after_edit(&engine, || write(dir.path(), "r", "SELECT FROM \"c\"")).await;
    assert!(engine.wants_topic("b"), "the broken edit is refused, the old rule runs on");
    assert!(engine.rule("r").unwrap().refused.is_some());

    after_edit(&engine, || fs::remove_file(dir.path().join("r.sql")).unwrap()).await;
    assert!(engine.rules().is_empty() && !engine.wants_topic("b"));
    assert_eq!(engine.shutdown(Duration::from_secs(1)).await, 0);
}
