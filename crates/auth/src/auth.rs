//! The handle: users and ACL as they stand in their files, the memory of credentials, and the way to the threads that
//! hash. This is where the crate reads the clock and leaves the task it runs in.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use arc_swap::ArcSwap;
use events::ConnackReason;
use parking_lot::Mutex;

use crate::acl::{Acl, Permissions, SUPERUSER};
use crate::config::{Anonymous, AuthConfig, SourceFile};
use crate::decide::{Step, first_step, last_step};
use crate::error::AuthError;
use crate::file::{Stamp, read_text};
use crate::gate::{Boarding, Busy, Flight, Gate};
use crate::identity::{Credentials, Decision, Identity};
use crate::memory::{Digest, Known, Memory};
use crate::password::verify;
use crate::users::Users;

/// Who may connect, and what they may do. Cloning it shares it.
#[derive(Clone, Debug)]
pub struct Auth(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    anonymous: Anonymous,
    users_file: Option<Source>,
    acl_file: Option<Source>,
    users: ArcSwap<Users>,
    acl: ArcSwap<Option<Acl>>,
    acl_version: AtomicU64,
    open: Arc<Permissions>,
    memory: Memory,
    gate: Gate,
    started: Instant,
    look_every_ms: u64,
    next_look_ms: AtomicU64,
    changed: AtomicBool,
    /// Held while files are read, so that an older text never replaces a newer one.
    reading: Mutex<()>,
}

/// A file and what it looked like when it was read last.
#[derive(Debug)]
struct Source {
    path: PathBuf,
    stamp: Mutex<Stamp>,
}

impl Auth {
    /// Reads the users file and the ACL file; `dir` is where relative paths start. A broken file is an error here, and
    /// only here: later the content of before holds.
    pub fn open(config: &AuthConfig, dir: &Path) -> Result<Auth, AuthError> {
        let users_file = find(config.users_file.as_ref(), dir, "make it with `signalbox users add NAME`")?;
        let acl_file = find(config.acl_file.as_ref(), dir, "without `acl_file` in `[auth]` clients may do everything")?;
        let users = users_file.as_ref().map_or_else(|| Ok(None), read_users)?;
        let acl = acl_file.as_ref().map_or_else(|| Ok(None), read_acl)?;
        let users = users.unwrap_or_else(|| Users::parse("").expect("an empty file has no mistakes"));
        tell_warnings(acl_file.as_ref(), acl.as_ref(), &users);
        Ok(Auth(Arc::new(Inner {
            anonymous: config.anonymous,
            users_file,
            acl_file,
            users: ArcSwap::from_pointee(users),
            acl: ArcSwap::from_pointee(acl),
            acl_version: AtomicU64::new(0),
            open: Arc::new(Permissions::open()),
            memory: Memory::new(&config.limits),
            gate: Gate::new(&config.limits),
            #[expect(clippy::disallowed_methods, reason = "the clock of the memory, read at this edge and handed on")]
            started: Instant::now(),
            look_every_ms: config.limits.look_every_ms,
            next_look_ms: AtomicU64::new(config.limits.look_every_ms),
            changed: AtomicBool::new(false),
            reading: Mutex::new(()),
        })))
    }

    /// The decision where it needs no hash: no password was given, or these credentials were seen lately. Otherwise
    /// `None`, and [`check`](Auth::check) decides. Never waits; takes about a microsecond.
    pub fn check_fast(&self, credentials: &Credentials<'_>) -> Option<Decision> {
        if self.notices_change() {
            // The files are read by `check`, on another thread.
            return None;
        }
        match self.look(&self.0.users.load(), credentials) {
            Look::Decided(decision) => Some(decision),
            Look::Hash(_) => None,
        }
    }

    /// The decision, with a hash of the password where one is needed. Where too many wait for theirs it is
    /// `Deny(ServerBusy)`. Dropping the future leaves the queue.
    pub async fn check(&self, credentials: &Credentials<'_>) -> Decision {
        self.reload_if_changed().await;
        loop {
            let users = self.0.users.load_full();
            let question = match self.look(&users, credentials) {
                Look::Decided(decision) => return decision,
                Look::Hash(question) => question,
            };
            let right = match self.0.gate.board(question.digest) {
                Boarding::Lead(flight) => match self.hash(&question, credentials, flight).await {
                    Ok(right) => right,
                    Err(reason) => return Decision::Deny(reason),
                },
                // The one in front was cut off where there is no answer: ask anew.
                Boarding::Follow(mut answer) => match answer.wait_for(Option::is_some).await.map(|right| *right) {
                    Ok(Some(right)) => right,
                    Ok(None) | Err(_) => continue,
                },
            };
            let user = credentials.username.and_then(|name| users.get(name));
            return last_step(user, right, credentials);
        }
    }

    /// What this client may publish and receive. To be asked once for each connection, and again when
    /// [`acl_version`](Auth::acl_version) has risen.
    pub fn permissions(&self, identity: &Identity) -> Arc<Permissions> {
        match &**self.0.acl.load() {
            Some(acl) => Arc::new(acl.permissions(identity)),
            None if identity.superuser => Arc::new(Acl::default().permissions(identity)),
            None => self.0.open.clone(),
        }
    }

    /// Rises whenever another ACL is in force.
    pub fn acl_version(&self) -> u64 {
        self.0.acl_version.load(Ordering::Acquire)
    }

    /// How many users there are.
    pub fn users_len(&self) -> usize {
        self.0.users.load().len()
    }

    /// Whether there is an ACL file in force.
    pub fn has_acl(&self) -> bool {
        self.0.acl.load().is_some()
    }

    /// Reads both files again, whether they have changed or not. Where one is broken or gone, its content of before
    /// stays in force; the first such mistake is returned, and all are logged.
    pub fn reload(&self) -> Result<(), AuthError> {
        let _reading = self.0.reading.lock();
        let users = self.reload_users();
        let acl = self.reload_acl();
        tell_warnings(self.0.acl_file.as_ref(), (**self.0.acl.load()).as_ref(), &self.0.users.load());
        users.and(acl)
    }

    /// Reads the files again where they have changed, on a thread that may wait. Clients that connect do this once a
    /// second; call it from a timer to take changes up while nobody connects.
    pub async fn reload_if_changed(&self) {
        if !self.notices_change() && !self.0.changed.load(Ordering::Acquire) {
            return;
        }
        if self.0.changed.swap(false, Ordering::AcqRel) {
            let auth = self.clone();
            // What is wrong was logged there. A thread that panicked leaves what was in force.
            drop(tokio::task::spawn_blocking(move || auth.reload()).await);
        }
    }

    fn look<'a>(&self, users: &'a Users, credentials: &Credentials<'a>) -> Look {
        match first_step(self.0.anonymous, users, credentials) {
            Step::Decided(decision) => Look::Decided(decision),
            Step::Verify { username, password, stored, user } => {
                let digest = self.0.memory.digest(username, password, stored);
                match self.0.memory.look(digest, credentials.peer.ip(), self.now_ms()) {
                    Known::Right => Look::Decided(last_step(user, true, credentials)),
                    Known::Wrong => Look::Decided(last_step(user, false, credentials)),
                    Known::Unknown => {
                        Look::Hash(Question { digest, password: password.into(), stored: stored.clone() })
                    }
                }
            }
        }
    }

    async fn hash(&self, question: &Question, from: &Credentials<'_>, flight: Flight) -> Result<bool, ConnackReason> {
        let peer = from.peer.ip();
        let suspect = self.0.memory.is_suspect(peer, self.now_ms());
        let ticket = match self.0.gate.enter(suspect).await {
            Ok(ticket) => ticket,
            Err(Busy) => {
                tracing::debug!(%peer, suspect, "too many passwords wait to be hashed");
                return Err(ConnackReason::ServerBusy);
            }
        };
        let (auth, question) = (self.clone(), question.clone());
        // Ticket and flight go along: where the client goes away meanwhile, the bound holds and the work is not lost.
        let hashed = tokio::task::spawn_blocking(move || {
            let right = verify(&question.stored, &question.password);
            auth.0.memory.handle_verified(question.digest, peer, right, auth.now_ms());
            flight.land(right);
            drop(ticket);
            right
        });
        hashed.await.map_err(|_| ConnackReason::ServerUnavailable)
    }

    /// Whether this call is the one that looks at the files now, and finds that one has changed.
    fn notices_change(&self) -> bool {
        let now_ms = self.now_ms();
        let next = self.0.next_look_ms.load(Ordering::Relaxed);
        let (later, order) = (now_ms.saturating_add(self.0.look_every_ms), Ordering::Relaxed);
        if now_ms < next || self.0.next_look_ms.compare_exchange(next, later, order, order).is_err() {
            return false;
        }
        let changed = [&self.0.users_file, &self.0.acl_file].into_iter().flatten().any(Source::has_changed);
        if changed {
            self.0.changed.store(true, Ordering::Release);
        }
        changed
    }

    fn reload_users(&self) -> Result<(), AuthError> {
        let Some(source) = &self.0.users_file else { return Ok(()) };
        match read_again(source, read_users, self.0.users.load().is_empty()) {
            Ok(users) => {
                if let Some(users) = users {
                    tracing::info!(users = users.len(), "the users file was read again");
                    self.0.users.store(Arc::new(users));
                }
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "the users file cannot be used; the users of before stay in force");
                Err(error)
            }
        }
    }

    fn reload_acl(&self) -> Result<(), AuthError> {
        let Some(source) = &self.0.acl_file else { return Ok(()) };
        match read_again(source, read_acl, !self.has_acl()) {
            Ok(acl) => {
                if acl.is_some() {
                    tracing::info!("the ACL file was read again");
                    self.0.acl.store(Arc::new(acl));
                    self.0.acl_version.fetch_add(1, Ordering::AcqRel);
                }
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "the ACL file cannot be used; the ACL of before stays in force");
                Err(error)
            }
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.0.started.elapsed().as_millis()).expect("a process runs less than 500 million years")
    }
}

/// What is known of credentials without a hash.
enum Look {
    Decided(Decision),
    Hash(Question),
}

/// Whether `password` has the hash `stored`.
#[derive(Clone)]
struct Question {
    digest: Digest,
    password: Arc<[u8]>,
    stored: Arc<str>,
}

impl Source {
    fn has_changed(&self) -> bool {
        *self.stamp.lock() != Stamp::of(&self.path)
    }

    /// The text; the stamp is taken first, so that a change while reading is noticed the next time.
    fn text(&self) -> Result<Option<String>, AuthError> {
        *self.stamp.lock() = Stamp::of(&self.path);
        read_text(&self.path)
    }
}

fn find(file: Option<&SourceFile>, dir: &Path, help: &'static str) -> Result<Option<Source>, AuthError> {
    let Some(file) = file else { return Ok(None) };
    let path = dir.join(&file.path);
    if file.required && !path.exists() {
        return Err(AuthError::Missing { path, help });
    }
    Ok(Some(Source { path, stamp: Mutex::default() }))
}

/// Reads a file again. That one that was there is gone is a mistake: a file removed by accident must not open or close
/// the broker; a restart makes it so.
fn read_again<T>(
    source: &Source,
    read: fn(&Source) -> Result<Option<T>, AuthError>,
    was_absent: bool,
) -> Result<Option<T>, AuthError> {
    match read(source)? {
        None if !was_absent => {
            Err(AuthError::Missing { path: source.path.clone(), help: "put it back, or restart to go on without it" })
        }
        found => Ok(found),
    }
}

fn read_users(source: &Source) -> Result<Option<Users>, AuthError> {
    let Some(text) = source.text()? else { return Ok(None) };
    Users::parse(&text).map(Some).map_err(|faults| AuthError::Broken { path: source.path.clone(), faults })
}

fn read_acl(source: &Source) -> Result<Option<Acl>, AuthError> {
    let Some(text) = source.text()? else { return Ok(None) };
    Acl::parse(&text).map(Some).map_err(|faults| AuthError::Broken { path: source.path.clone(), faults })
}

/// Logs what looks like a slip: odd rules, and roles of users that the ACL does not know.
fn tell_warnings(source: Option<&Source>, acl: Option<&Acl>, users: &Users) {
    let (Some(source), Some(acl)) = (source, acl) else { return };
    let path = source.path.display();
    for fault in acl.warnings() {
        let help = fault.help.as_deref().unwrap_or_default();
        tracing::warn!(%path, line = fault.line, message = fault.message, help, "a rule of the ACL may not mean what it says");
    }
    for (user, roles) in users.list() {
        for role in roles.iter().filter(|role| &***role != SUPERUSER && !acl.has_role(role)) {
            tracing::warn!(%path, user, %role, "a user has a role that the ACL file does not have");
        }
    }
}
