//! The handle with real files and real hashes: who gets in, how often is hashed, what happens when files change.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::path::Path;
use std::time::Duration;

use auth::{
    Anonymous, Auth, AuthConfig, AuthenticatorKind, AuthenticatorOptions, Credentials, Decision, HashCost, JwtOptions,
    KeyOptions, Limits, ListenerAuth, OnFailure, SourceFile, UsersFile, Verdict,
};
use events::ConnackReason;
use tempfile::TempDir;

/// A hash that takes a millisecond or so.
const CHEAP: HashCost = HashCost { memory_kib: 8, passes: 1, lanes: 1 };
/// A hash that takes long enough for others to come meanwhile, whatever the machine.
const SLOW: HashCost = HashCost { memory_kib: 32 * 1024, passes: 4, lanes: 1 };

struct Place {
    dir: TempDir,
}

impl Place {
    fn new(cost: HashCost) -> Place {
        let place = Place { dir: tempfile::tempdir().unwrap() };
        place.edit_users(|users| users.add("pump", b"secret", &["crew"], &cost).unwrap());
        place
    }

    fn edit_users(&self, change: impl FnOnce(&mut UsersFile)) {
        let mut users = UsersFile::open(&self.dir.path().join("users")).unwrap();
        change(&mut users);
        users.save().unwrap();
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.dir.path().join(name), text).unwrap();
    }

    fn open(&self, limits: Limits) -> Auth {
        let config = AuthConfig { anonymous: Anonymous::Loopback, limits, ..AuthConfig::default() };
        Auth::open(&config, self.dir.path()).unwrap()
    }
}

fn credentials<'a>(peer: &str, username: &'a str, password: &'a str) -> Credentials<'a> {
    Credentials {
        client_id: "c1",
        username: Some(username),
        password: Some(password.as_bytes()),
        peer: peer.parse().unwrap(),
        listener: "default",
        certificate: None,
        at: events::Timestamp::SAMPLE,
    }
}

const REFUSED: Verdict = Verdict::Deny(ConnackReason::BadUsernameOrPassword);

fn username(decision: Decision) -> String {
    match decision.verdict {
        Verdict::Allow(identity) => identity.username.unwrap().to_string(),
        Verdict::Deny(reason) => format!("{reason:?}"),
    }
}

#[tokio::test]
async fn credentials_are_hashed_once_and_known_afterwards() {
    let place = Place::new(CHEAP);
    let auth = place.open(Limits::default());
    for (name, password, expected) in [
        ("pump", "secret", "pump"),
        ("pump", "wrong", "BadUsernameOrPassword"),
        ("stranger", "x", "BadUsernameOrPassword"),
    ] {
        let credentials = credentials("10.0.0.1:1", name, password);
        assert_eq!(auth.check_fast(&credentials), None, "{name} is new");
        assert_eq!(username(auth.check(&credentials).await), expected);
        assert_eq!(auth.check_fast(&credentials).map(username).as_deref(), Some(expected));
    }
    assert!(auth.check_fast(&credentials("10.0.0.2:1", "pump", "secret")).is_some(), "right ones are known everywhere");
    assert_eq!(auth.check_fast(&credentials("10.0.0.2:1", "pump", "wrong")), None, "wrong ones where they came from");
}

#[tokio::test]
async fn without_a_password_nothing_is_hashed() {
    let auth = Place::new(CHEAP).open(Limits::default());
    let with_name = |peer: &str| Credentials { password: None, ..credentials(peer, "u_emqx", "") };
    assert_eq!(auth.check_fast(&with_name("127.0.0.1:1")).map(username).as_deref(), Some("u_emqx"));
    let refused = auth.check_fast(&with_name("10.0.0.1:1")).unwrap();
    assert_eq!((refused.verdict, &*refused.decided_by), (Verdict::Deny(ConnackReason::NotAuthorized), "anonymous"));
}

#[tokio::test]
async fn a_listener_asks_whom_it_is_told_to_ask() {
    let place = Place::new(CHEAP);
    let keys = KeyOptions { secret: Some("key".to_owned().into()), ..KeyOptions::default() };
    let kind = AuthenticatorKind::Jwt(Box::new(JwtOptions { keys, ..JwtOptions::default() }));
    let tokens = AuthenticatorOptions { on_failure: OnFailure::Deny, kind };
    let own = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    let listeners = [
        ("tokens", ListenerAuth { chain: own(&["tokens"]), ..ListenerAuth::default() }),
        ("closed", ListenerAuth { anonymous: Some(Anonymous::No), ..ListenerAuth::default() }),
        ("open", ListenerAuth { is_open: true, ..ListenerAuth::default() }),
    ];
    let config = AuthConfig {
        authenticators: vec![("tokens".to_owned(), tokens)],
        listeners: listeners.map(|(name, own)| (name.to_owned(), own)).into(),
        ..AuthConfig::default()
    };
    let auth = Auth::open(&config, place.dir.path()).unwrap();
    for (listener, right, wrong, nothing) in [
        ("default", true, false, true),
        ("tokens", false, false, true),
        ("closed", true, false, false),
        ("open", true, true, true),
    ] {
        let with = |password| Credentials { listener, ..credentials("127.0.0.1:1", "pump", password) };
        for (credentials, is_allowed) in
            [(with("secret"), right), (with("guessed"), wrong), (Credentials { password: None, ..with("") }, nothing)]
        {
            let decision = auth.check(&credentials).await;
            assert_eq!(matches!(decision.verdict, Verdict::Allow(_)), is_allowed, "{listener}: {credentials:?}");
        }
    }
}

#[tokio::test]
async fn a_changed_or_removed_user_is_not_known_any_more_and_the_others_are() {
    let place = Place::new(CHEAP);
    place.edit_users(|users| users.add("valve", b"other", &[], &CHEAP).unwrap());
    let auth = place.open(Limits::default());
    let (pump, valve) = (credentials("10.0.0.1:1", "pump", "secret"), credentials("10.0.0.1:1", "valve", "other"));
    auth.check(&pump).await;
    auth.check(&valve).await;
    place.edit_users(|users| users.set_password("pump", b"new", &CHEAP).unwrap());
    auth.reload().unwrap();
    assert_eq!(auth.check_fast(&pump), None);
    assert_eq!(auth.check(&pump).await.verdict, REFUSED);
    assert_eq!(username(auth.check(&credentials("10.0.0.1:1", "pump", "new")).await), "pump");
    assert_eq!(auth.check_fast(&valve).map(username).as_deref(), Some("valve"), "not hashed again");
    place.edit_users(|users| users.remove("valve").unwrap());
    auth.reload().unwrap();
    assert_eq!(auth.check(&valve).await.verdict, REFUSED);
}

#[tokio::test]
async fn a_changed_file_is_taken_up() {
    let place = Place::new(CHEAP);
    let auth = place.open(Limits::default());
    place.edit_users(|users| users.add("valve", b"other", &[], &CHEAP).unwrap());
    place.write("acl", "user valve\ntopic read x\n");
    let valve = credentials("10.0.0.1:1", "valve", "other");
    auth.reload_if_changed().await;
    assert_eq!(username(auth.check(&valve).await), "valve");
    assert!(auth.has_acl());
    assert_eq!(auth.acl_version(), 1);
}

#[tokio::test]
async fn a_broken_or_missing_file_keeps_what_was_in_force() {
    let place = Place::new(CHEAP);
    place.write("acl", "user pump\ntopic read x\n");
    let auth = place.open(Limits::default());
    place.write("users", "pump:plain\n");
    place.write("acl", "user pump\ntpoic read x\n");
    let error = auth.reload().unwrap_err().to_string();
    assert!(
        error.contains(
            "users:1: expected a stored password such as `$argon2id$...`, found a text that is no password hash"
        ),
        "{error}"
    );
    let Verdict::Allow(identity) = auth.check(&credentials("10.0.0.1:1", "pump", "secret")).await.verdict else {
        panic!("expected the user of before to get in")
    };
    let connected = auth::Connected { peer: ([127, 0, 0, 1], 1).into(), listener: "default", certificate: None };
    let permissions = auth.permissions(&identity, &connected);
    assert!(permissions.may_read("x") && !permissions.may_read("y"));
    std::fs::remove_file(place.dir.path().join("acl")).unwrap();
    assert!(auth.reload().is_err());
    assert!(auth.has_acl() && auth.acl_version() == 0, "a removed ACL does not open the broker");
}

#[test]
fn a_broken_or_missing_file_is_refused_at_the_start() {
    let place = Place::new(CHEAP);
    place.write("acl", "\nuser pump\ntpoic read x\n");
    let error = Auth::open(&AuthConfig::default(), place.dir.path()).unwrap_err().to_string();
    assert!(
        error.ends_with(
            "acl:3: expected `user`, `role`, `topic` or `pattern`, found `tpoic`\nhelp: did you mean `topic`?"
        ),
        "{error}"
    );
    let named =
        AuthConfig { acl_file: Some(SourceFile { path: "alc".into(), required: true }), ..AuthConfig::default() };
    let error = Auth::open(&named, place.dir.path()).unwrap_err().to_string();
    assert!(error.contains("expected a file `") && error.contains("/alc`, found none"), "{error}");
    assert!(Auth::open(&AuthConfig::default(), Path::new("/nowhere")).is_ok(), "the default names need not be there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_that_shares_a_password_is_hashed_once() {
    let auth = Place::new(SLOW).open(Limits { hashing_parallel_max: 1, hashing_queue_max: 1, ..Limits::default() });
    let mut fleet = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let auth = auth.clone();
        fleet.spawn(async move { username(auth.check(&credentials("10.0.0.1:1", "pump", "secret")).await) });
    }
    assert!(fleet.join_all().await.iter().all(|name| name == "pump"), "with one hash there is no queue to overflow");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_passwords_is_told_that_we_are_busy_and_good_ones_get_in() {
    let auth = Place::new(SLOW).open(Limits { hashing_parallel_max: 1, hashing_queue_max: 4, ..Limits::default() });
    let known = credentials("10.0.0.9:1", "pump", "secret");
    assert_eq!(username(auth.check(&known).await), "pump");
    for guess in ["a", "b", "c"] {
        assert_eq!(auth.check(&credentials("10.6.6.6:1", "pump", guess)).await.verdict, REFUSED);
    }
    let mut flood = tokio::task::JoinSet::new();
    for guess in 0..40 {
        let auth = auth.clone();
        flood.spawn(async move { auth.check(&credentials("10.6.6.6:1", "pump", &guess.to_string())).await });
    }
    let mut busy = 0;
    for _ in 0..30 {
        let decision = flood.join_next().await.unwrap().unwrap();
        assert_ne!(username(decision.clone()), "pump");
        busy += usize::from(decision.verdict == Verdict::Deny(ConnackReason::ServerBusy));
    }
    assert!(busy > 0, "a suspect address has one place to wait and one to hash");
    assert!(auth.check_fast(&known).is_some(), "known credentials need no hash");
    let newcomer = credentials("10.0.0.8:1", "pump", "first try of this one");
    assert_eq!(auth.check(&newcomer).await.verdict, REFUSED, "hashed, and not told that we are busy");
    flood.shutdown().await;
}

#[tokio::test]
async fn one_who_goes_away_while_waiting_leaves_no_trace() {
    let auth = Place::new(SLOW).open(Limits { hashing_parallel_max: 1, hashing_queue_max: 1, ..Limits::default() });
    let pump = credentials("10.0.0.1:1", "pump", "secret");
    for _ in 0..3 {
        // The first poll sends the hash to its thread or joins the queue; then the client is gone.
        let left = tokio::time::timeout(Duration::ZERO, auth.check(&pump)).await;
        assert!(left.is_err() || left.is_ok_and(|decision| username(decision) == "pump"));
    }
    assert_eq!(username(auth.check(&pump).await), "pump");
}

#[test]
fn the_password_is_in_no_log() {
    let text = format!("{:?}", credentials("10.0.0.1:1", "pump", "secret"));
    assert!(!text.contains("secret") && !text.contains("115, 101"), "{text}");
}

#[test]
fn the_sample_acl_has_no_mistakes_and_lets_observers_see_events() {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../../acl.sample");
    let acl = auth::Acl::parse(&std::fs::read_to_string(sample).unwrap()).unwrap();
    assert_eq!(acl.warnings(), []);
    let with_roles = |roles: &[&str]| auth::Identity {
        username: Some("ann".into()),
        client_id: "c1".into(),
        roles: roles.iter().map(|role| (*role).into()).collect(),
        ..auth::Identity::default()
    };
    let events = "$events/client_connack";
    assert!(acl.permissions(&with_roles(&["observer"])).may_read(events));
    assert!(!acl.permissions(&with_roles(&[])).may_read(events));
}
