//! Services outside, for real: an HTTP server and a PostgreSQL that say who may connect.

use std::time::Duration;

use crate::postgres::Postgres;
use crate::support::{self, Answers, HttpServer};
use auth::{
    Auth, AuthenticatorKind, AuthenticatorOptions, Credentials, DatabaseOptions, Decision, HashFormat, HashKind,
    HttpClientOptions, HttpEncoding, HttpMethod, HttpOptions, HttpQuestionOptions, OnFailure, OutsideLimits,
    PostgresOptions, SaltPosition, Verdict,
};
use events::{ConnackReason, Timestamp};
use serde_json::{Value, json};

fn credentials<'a>(username: &'a str, password: &'a str) -> Credentials<'a> {
    Credentials {
        client_id: "c 1/?",
        username: Some(username),
        password: Some(password.as_bytes()),
        peer: "10.0.0.1:5".parse().unwrap(),
        listener: "default",
        certificate: None,
        at: Timestamp(1_700_000_000_000),
    }
}

fn name(decision: &Decision) -> &str {
    match &decision.verdict {
        Verdict::Allow(identity) => identity.username.as_deref().unwrap_or("nobody"),
        Verdict::Deny(reason) => reason.name(),
    }
}

fn question(url: String) -> HttpOptions {
    let body = [("user", "${username}"), ("word", "${password}"), ("cert", "${cert_common_name}")];
    let body = body.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let question = HttpQuestionOptions { url, body, ..HttpQuestionOptions::default() };
    HttpOptions { question, ..HttpOptions::default() }
}

fn http(options: HttpOptions, on_failure: OnFailure) -> Auth {
    support::open(vec![(
        "crm".to_owned(),
        AuthenticatorOptions { on_failure, kind: AuthenticatorKind::Http(Box::new(options)) },
    )])
}

#[tokio::test]
async fn a_service_is_asked_with_what_is_known_of_the_client() {
    let server = HttpServer::start(Answers::json(r#"{"result":"allow"}"#)).await;
    let mut options = question(server.url("/auth/${clientid}"));
    let key = [("authorization", "Bearer t"), ("x-peer", "${peerhost}")];
    options.client.headers = key.map(|(name, value)| (name.to_owned(), value.to_owned().into())).into();
    let auth = http(options.clone(), OnFailure::Deny);
    assert_eq!(auth.check_fast(&credentials("ann", "secret")), None);
    let decision = auth.check(&credentials("ann", "secret")).await;
    assert_eq!((name(&decision), &*decision.decided_by), ("ann", "crm"));

    options.question.encoding = HttpEncoding::Form;
    http(options.clone(), OnFailure::Deny).check(&credentials("a&b", "=")).await;
    options.question.method = HttpMethod::Get;
    http(options, OnFailure::Deny).check(&credentials("a&b", "=")).await;

    let [as_json, as_form, as_query] = server.requests().try_into().unwrap();
    assert_eq!((as_json.method.as_str(), as_json.uri.path()), ("POST", "/auth/c%201%2F%3F"));
    let header = |name: &str| as_json.headers.get(name).and_then(|value| value.to_str().ok());
    assert_eq!((header("authorization"), header("x-peer")), (Some("Bearer t"), Some("10.0.0.1")));
    let body: Value = serde_json::from_str(&as_json.body).unwrap();
    assert_eq!(body, json!({"user": "ann", "word": "secret", "cert": null}));
    assert_eq!(as_form.body, "cert=&user=a%26b&word=%3D");
    assert_eq!(as_form.headers["content-type"], "application/x-www-form-urlencoded");
    assert_eq!((as_query.method.as_str(), as_query.uri.query()), ("GET", Some("cert=&user=a%26b&word=%3D")));
}

#[tokio::test]
async fn a_service_decides_and_its_failure_does_what_was_set() {
    let server = HttpServer::start_with(|request| {
        let body: Value = serde_json::from_str(&request.body).unwrap();
        match body["user"].as_str().unwrap() {
            "ann" => Answers::json(r#"{"result":"allow","is_superuser":true,"expire_at":1700000060}"#),
            "bob" => Answers::json(r#"{"result":"deny"}"#),
            "eve" => Answers::json(r#"{"result":"ignore"}"#),
            "dan" => Answers::status(204),
            "slow" => Answers::status(204).after(Duration::from_secs(60)),
            _ => Answers::status(500),
        }
    })
    .await;
    let mut options = question(server.url("/"));
    options.client = HttpClientOptions { timeout_ms: 4_000, ..HttpClientOptions::default() };
    for (on_failure, of_failure) in
        [(OnFailure::Deny, ("server_unavailable", "crm")), (OnFailure::Ignore, ("bad_username_or_password", "none"))]
    {
        let auth = http(options.clone(), on_failure);
        for (user, expected) in [
            ("ann", ("ann", "crm")),
            ("dan", ("dan", "crm")),
            ("bob", ("bad_username_or_password", "crm")),
            ("eve", ("bad_username_or_password", "none")),
            ("slow", of_failure),
            ("oops", of_failure),
        ] {
            let decision = auth.check(&credentials(user, "x")).await;
            assert_eq!((name(&decision), &*decision.decided_by), expected, "{user}: {decision:?}");
        }
        let stats = auth.stats();
        let [stats] = &stats[..] else { panic!("expected one, found {stats:?}") };
        assert_eq!((stats.allowed, stats.denied, stats.ignored, stats.failed), (2, 1, 1, 2));
        assert!(stats.waited_us >= 4_000_000, "the slow one was waited for");
    }
    let Verdict::Allow(identity) = http(options, OnFailure::Deny).check(&credentials("ann", "x")).await.verdict else {
        panic!("expected her to get in")
    };
    assert!(identity.superuser);
    assert_eq!(identity.expires_at, Some(Timestamp(1_700_000_060_000)));
}

#[tokio::test]
async fn answers_are_remembered_for_the_same_password_where_that_is_asked_for() {
    let server = HttpServer::start(Answers::status(204)).await;
    let mut options = question(server.url("/"));
    options.limits = OutsideLimits { cache_ttl_s: 60, ..OutsideLimits::default() };
    let auth = http(options, OnFailure::Deny);
    for _ in 0..3 {
        assert_eq!(name(&auth.check(&credentials("ann", "secret")).await), "ann");
    }
    assert_eq!(server.requests().len(), 1);
    assert!(auth.check_fast(&credentials("ann", "secret")).is_some(), "nobody is waited for");
    assert_eq!(auth.check_fast(&credentials("ann", "other")), None);
}

#[tokio::test]
async fn too_many_questions_are_answered_busy() {
    let server = HttpServer::start(Answers::status(204).after(Duration::from_millis(300))).await;
    let mut options = question(server.url("/"));
    options.limits = OutsideLimits { concurrency_max: 1, queue_max: 2, ..OutsideLimits::default() };
    let auth = http(options, OnFailure::Deny);
    let mut storm = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let auth = auth.clone();
        storm.spawn(async move { name(&auth.check(&credentials("ann", "x")).await).to_owned() });
    }
    let mut names = storm.join_all().await;
    names.sort_unstable();
    assert_eq!(names, ["ann", "ann", "ann", "server_busy", "server_busy", "server_busy"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_of_a_database_get_in_with_their_passwords() {
    let database = Postgres::start();
    database.query(
        "CREATE TABLE mqtt_user (username varchar(100) PRIMARY KEY, password_hash text, salt text, is_superuser int, roles text);
         INSERT INTO mqtt_user VALUES
         ('ann', '$7$101$iTSlckmxYjNQgocZ$4nnEdBzYVg74uE7OHKtkXOxndKQ7BSC+MWgXIahchvrflB4V6PAisoe5/KGRzm2cE4R+lycAe10mcTr61MYOAw==', NULL, 1, 'crew, observer'),
         ('bob', '$2b$04$BokYvBmpjCDHYqwlHHbw5ec1vQ09jyVjJa4JZdVpavzbcotUYcRmS', NULL, 0, NULL),
         ('odd', 'plain', NULL, 0, NULL), ('none', NULL, NULL, 0, NULL)",
    );
    let mut options = PostgresOptions {
        database: DatabaseOptions {
            url: database.url(),
            password: Some(Postgres::PASSWORD.to_owned().into()),
            ..DatabaseOptions::default()
        },
        query: "SELECT password_hash, salt, is_superuser, roles FROM mqtt_user WHERE username = ${username}".to_owned(),
        ..PostgresOptions::default()
    };
    let open = |options: &PostgresOptions| {
        let kind = AuthenticatorKind::Postgres(Box::new(options.clone()));
        support::open(vec![("fleet".to_owned(), AuthenticatorOptions { on_failure: OnFailure::Deny, kind })])
    };
    let auth = open(&options);
    for (user, password, expected) in [
        ("ann", "secret", ("ann", "fleet")),
        ("bob", "secret", ("bob", "fleet")),
        ("bob", "Secret", ("bad_username_or_password", "fleet")),
        ("eve", "secret", ("bad_username_or_password", "none")),
        ("' OR '1'='1", "secret", ("bad_username_or_password", "none")),
        ("odd", "plain", ("server_unavailable", "fleet")),
        ("none", "", ("server_unavailable", "fleet")),
    ] {
        let decision = auth.check(&credentials(user, password)).await;
        assert_eq!((name(&decision), &*decision.decided_by), expected, "{user}: {decision:?}");
    }
    let Verdict::Allow(ann) = auth.check(&credentials("ann", "secret")).await.verdict else {
        panic!("she got in before")
    };
    assert!(ann.superuser && ann.roles.iter().map(|role| &**role).eq(["crew", "observer"]));

    database.query(
        "UPDATE mqtt_user SET salt = 'salt', password_hash = encode(sha256('saltsecret'::bytea), 'hex') WHERE username = 'bob'",
    );
    options.hash = HashFormat { kind: HashKind::Sha256, salt_position: SaltPosition::Prefix, ..HashFormat::default() };
    assert_eq!(name(&open(&options).check(&credentials("bob", "secret")).await), "bob");
    assert_eq!(
        name(&auth.check(&credentials("bob", "secret")).await),
        "server_unavailable",
        "it does not say what it is"
    );

    database.stop();
    let decision = auth.check(&credentials("ann", "secret")).await;
    assert_eq!(decision.verdict, Verdict::Deny(ConnackReason::ServerUnavailable));
    database.start_again();
    assert_eq!(name(&auth.check(&credentials("ann", "secret")).await), "ann");
}

#[tokio::test]
async fn options_that_cannot_be_used_are_told() {
    let told = |kind| {
        let options = AuthenticatorOptions { on_failure: OnFailure::Deny, kind };
        support::try_open(vec![("x".to_owned(), options)]).unwrap_err().to_string()
    };
    let of_url = |url: &str| told(AuthenticatorKind::Http(Box::new(question(url.to_owned()))));
    assert!(of_url("http://h/${usrname}").contains("help: did you mean `${username}`?"));
    assert!(of_url("nowhere").starts_with("`auth.authenticators.x.url`: expected a URL, found `nowhere`"));
    let of_query = |query: &str| {
        let database = DatabaseOptions { url: "postgres://me@db/fleet".to_owned(), ..DatabaseOptions::default() };
        let options = PostgresOptions { database, query: query.to_owned(), ..PostgresOptions::default() };
        told(AuthenticatorKind::Postgres(Box::new(options)))
    };
    assert!(of_query("SELECT 1").contains("expected something of the client in the query"));
    assert!(of_query("SELECT x FROM y WHERE z = '${username}'").contains("expected places without quotes"));
}
