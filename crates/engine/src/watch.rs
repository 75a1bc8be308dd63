//! Notices that rule files have changed: by notification where the file system gives one, and by looking every second.

use std::io;
use std::path::Path;
use std::time::Duration;

use notify::{RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

use crate::directory::{self, Fingerprint};
use crate::engine::Engine;

/// How often the directory is looked at, because some file systems (network, containers) notify nobody.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a directory has to be left alone before it is read: editors and version control write in several steps.
const SETTLE: Duration = Duration::from_millis(100);

/// How long the settling may take in all, so that a file that is written all the time cannot hold up the others.
const SETTLE_MAX: Duration = Duration::from_millis(500);

impl Engine {
    /// From now on takes up every change in the directory of rules by itself, within two seconds, until the engine is
    /// shut down. Has to be called inside a tokio runtime, after [`Engine::load_dir`].
    pub fn watch(&self) {
        let Some(dir) = self.dir() else { return };
        let (changed, mut changes) = mpsc::channel(1);
        let on_change = move |event: notify::Result<notify::Event>| {
            // Our own reading is no change. A full channel says already that something has changed.
            if !event.is_ok_and(|event| event.kind.is_access()) {
                changed.try_send(()).unwrap_or_default();
            }
        };
        let watcher = notify::recommended_watcher(on_change).and_then(|mut watcher| {
            watcher.watch(&dir, RecursiveMode::NonRecursive)?;
            Ok(watcher)
        });
        if let Err(error) = &watcher {
            tracing::info!(%error, dir = %dir.display(), "changes of rule files are looked for every second only");
        }
        let (tasks, stopping) = self.tasks();
        let (engine, stopping) = (self.clone(), stopping.clone());
        tasks.spawn(async move {
            let _watcher = watcher;
            let mut ticks = tokio::time::interval(LOOK_EVERY);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            // Nothing is taken as seen: what has changed since the rules were loaded is found at the first look.
            let mut seen = None;
            let mut is_gone = false;
            loop {
                let is_notified = tokio::select! {
                    () = stopping.cancelled() => return,
                    Some(()) = changes.recv() => true,
                    _ = ticks.tick() => false,
                };
                let mut now = match look(&dir).await {
                    Ok(now) => now,
                    Err(error) => {
                        if !is_gone {
                            tracing::warn!(%error, dir = %dir.display(), "the directory of rules cannot be read, its rules run on");
                        }
                        is_gone = true;
                        continue;
                    }
                };
                is_gone = false;
                if !is_notified && seen.as_ref() == Some(&now) {
                    continue;
                }
                let mut waited = Duration::ZERO;
                while waited < SETTLE_MAX {
                    tokio::time::sleep(SETTLE).await;
                    waited += SETTLE;
                    match look(&dir).await {
                        Ok(later) if later != now => now = later,
                        Ok(_) | Err(_) => break,
                    }
                }
                seen = Some(now);
                reload(engine.clone()).await;
            }
        });
    }
}

/// Looks on a thread of its own: a network file system may take its time.
async fn look(dir: &Path) -> io::Result<Fingerprint> {
    let dir = dir.to_owned();
    let looked = tokio::task::spawn_blocking(move || directory::fingerprint(&dir)).await;
    looked.unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// Reads and compiles on a thread of its own, so that no event waits for it.
async fn reload(engine: Engine) {
    let result = tokio::task::spawn_blocking(move || engine.reload()).await;
    let result: io::Result<_> = result.unwrap_or_else(|error| Err(io::Error::other(error)));
    if let Err(error) = result {
        tracing::warn!(%error, "the directory of rules cannot be read, the rules run on as they were");
    }
}
