//! `http` against a real server: who the requests say they are, and what else goes with them.

use std::io::Read as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::support::authority::{Authority, Signed};
use crate::support::http_server::{HttpServer, Received, Reply};
use crate::support::{World, connack, output, words};

/// Sends one output of the client `a` and says what became of it.
async fn sent(world: &World, options: &str) -> String {
    words(world.action(options).send(&[output(1, &connack("a"))]).await, 1).remove(0)
}

fn header<'a>(request: &'a Received, name: &str) -> &'a str {
    request.headers.get(name).map_or("", |value| value.to_str().expect("a header of text"))
}

/// A token service and the service that wants its tokens.
async fn with_tokens(answer: &'static str) -> (HttpServer, HttpServer, World) {
    let (tokens, service) = (HttpServer::start().await, HttpServer::start().await);
    tokens.reply([Reply::Answer(200, vec![], answer)]);
    let world = World::with_connector(&format!(
        "{}oauth2 = {{ token_url = '{}/token', client_id = 'box', client_secret = 'hu:sh', scope = 'a b' }}",
        service.connector(),
        tokens.url()
    ));
    (tokens, service, world)
}

#[tokio::test]
async fn a_user_or_a_token_stands_in_every_request() {
    let server = HttpServer::start().await;
    for (credentials, expected) in
        [("username = 'me'\npassword = 'hush'", "Basic bWU6aHVzaA=="), ("bearer = 't0ken'", "Bearer t0ken")]
    {
        let world = World::with_connector(&format!("{}{credentials}", server.connector()));
        assert_eq!(sent(&world, "").await, "delivered");
        assert_eq!(header(&server.received()[0], "authorization"), expected);
        let preview = format!("{:?}", world.action("").preview(&output(1, &connack("a"))));
        assert!(preview.contains("***") && !preview.contains(expected), "{preview}");
    }
}

#[tokio::test]
async fn a_token_of_oauth_is_asked_for_once_and_again_when_it_is_refused() {
    let (tokens, service, world) =
        with_tokens(r#"{"access_token":"one","token_type":"Bearer","expires_in":3600}"#).await;
    for _ in 0..2 {
        assert_eq!(sent(&world, "").await, "delivered");
    }
    let [asked] = &*tokens.received() else { panic!("one token for both") };
    assert_eq!((asked.method.as_str(), asked.uri.path()), ("POST", "/token"));
    assert_eq!(asked.body, "grant_type=client_credentials&scope=a%20b");
    // `box` and `hu%3Ash`: a colon in either would end the user (RFC 6749, section 2.3.1).
    assert_eq!(header(asked, "authorization"), "Basic Ym94Omh1JTNBc2g=");
    assert!(service.received().iter().all(|request| header(request, "authorization") == "Bearer one"));

    service.reply([Reply::Answer(401, vec![], "revoked")]);
    tokens.reply([Reply::Answer(200, vec![], r#"{"access_token":"two","expires_in":"3600"}"#)]);
    assert_eq!(sent(&world, "").await, "delivered");
    let used: Vec<String> = service.received().iter().map(|request| header(request, "authorization").into()).collect();
    assert_eq!(used, ["Bearer one", "Bearer two"]);
}

#[tokio::test]
async fn a_token_is_replaced_before_it_expires() {
    let (tokens, service, world) = with_tokens(r#"{"access_token":"one","expires_in":0}"#).await;
    tokens.reply([Reply::Answer(200, vec![], r#"{"access_token":"two","expires_in":3600}"#)]);
    for expected in ["Bearer one", "Bearer two", "Bearer two"] {
        assert_eq!(sent(&world, "").await, "delivered");
        assert_eq!(header(&service.received()[0], "authorization"), expected);
    }
}

#[tokio::test]
async fn outputs_wait_while_there_is_no_token_and_are_told_why() {
    let (tokens, service, world) = with_tokens("no JSON").await;
    tokens.reply([Reply::Answer(401, vec![], r#"{"error":"invalid_client","client_secret":"hu:sh"}"#)]);
    assert_eq!(sent(&world, "").await, "retry: no token: expected an answer in JSON, found something else");
    assert_eq!(sent(&world, "").await, "retry: no token: answered 401: invalid_client");
    assert_eq!(service.received_len(), 0);
    assert!(!format!("{:?}", world.registry).contains("hu:sh"));
}

#[tokio::test]
async fn a_service_that_wants_a_certificate_gets_one_and_others_do_not_get_in() {
    let authority = Authority::new();
    let server = HttpServer::start_with_tls(&authority).await;
    let Signed { cert_pem, key_pem } = authority.sign();
    let url = format!("kind = 'http'\nurl = 'https://{}/'\n", server.address());
    let trusting = format!("{url}ca_pem = '''{}'''\n", authority.pem);
    let known = World::with_connector(&format!(
        "{trusting}client_cert_pem = '''{cert_pem}'''\nclient_key_pem = '''{key_pem}'''"
    ));
    known.registry.connectors().check("there").await.unwrap().unwrap();
    assert_eq!(sent(&known, "").await, "delivered");
    assert!(!format!("{:?}", known.registry).contains("PRIVATE KEY"));
    for stranger in [trusting, url] {
        let said = sent(&World::with_connector(&stranger), "").await;
        assert!(said.starts_with("retry: "), "{said}");
    }
    assert_eq!(server.received_len(), 2, "the check and the request of the one that is known");
}

#[tokio::test]
async fn a_compressed_body_is_signed_as_it_is_sent() {
    let server = HttpServer::start().await;
    let world = World::with_connector(&format!(
        "{}compression = 'gzip'\nsignature = {{ secret = 'hush', timestamp_header = 'x-time' }}",
        server.connector()
    ));
    assert_eq!(sent(&world, "").await, "delivered");
    let request = server.received().remove(0);
    assert_eq!(header(&request, "content-encoding"), "gzip");
    let mut plain = String::new();
    flate2::read::GzDecoder::new(&*request.bytes).read_to_string(&mut plain).unwrap();
    assert_eq!(plain, connack("a"));
    let mut mac = Hmac::<Sha256>::new_from_slice(b"hush").unwrap();
    mac.update(format!("{}.", header(&request, "x-time")).as_bytes());
    mac.update(&request.bytes);
    let digits: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(header(&request, "x-signature"), format!("sha256={digits}"));
}

#[tokio::test]
async fn every_method_arrives_as_it_is_and_every_request_is_a_span_of_its_own() {
    let server = HttpServer::start().await;
    let world = World::with_connector(&server.connector());
    let mut traces = Vec::new();
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        assert_eq!(sent(&world, &format!("method = '{method}'\ntraceparent = 'new'")).await, "delivered");
        let request = server.received().remove(0);
        assert_eq!(request.method.as_str(), method);
        assert_eq!(request.body.is_empty(), !method.starts_with('P'), "{method}");
        traces.push(header(&request, "traceparent").to_owned());
    }
    let trace = format!("00-{}-", output(1, "{}").output_id());
    assert!(traces.iter().all(|header| header.starts_with(&trace)), "{traces:?}");
    traces.sort();
    traces.dedup();
    assert_eq!(traces.len(), 7);
}

#[tokio::test]
async fn a_name_that_leads_to_a_private_address_is_not_connected_to() {
    let server = HttpServer::start().await;
    let port = server.address().port();
    let refusing = format!("kind = 'http'\nurl = 'http://localhost:{port}/'\nprivate_addresses = 'refuse'\n");
    let said = sent(&World::with_connector(&refusing), "").await;
    assert!(said.starts_with("retry: no connection") && said.contains("which is no public address"), "{said}");
    assert_eq!(server.received_len(), 0);
    let named = format!("{refusing}allowed_networks = ['127.0.0.0/8']");
    assert_eq!(sent(&World::with_connector(&named), "").await, "delivered");
}

#[test]
fn what_does_not_fit_together_is_refused_with_its_place() {
    for (options, at, message) in [
        ("bearer = 'a'\nusername = 'b'", "bearer", "expected one way to say who we are, found `username` and `bearer`"),
        ("password = 'a'", "password", "`password` needs `username`"),
        ("username = 'a:b'", "username", "`username`: expected no `:`, which ends it (RFC 7617)"),
        ("client_key_pem = 'x'", "client_key_pem", "`client_key_pem` needs `client_cert_pem`"),
        ("private_addresses = 'refuse'", "url", "`url`: `127.0.0.1` is no public address"),
        (
            "allowed_networks = ['10.0.0.0/8']",
            "allowed_networks",
            "`allowed_networks` says nothing while all are allowed",
        ),
        ("signature = { secret = '' }", "signature", "`signature.secret`: expected a secret, found an empty text"),
        (
            "oauth2 = { token_url = 'x', client_id = 'a', client_secret = 'b' }",
            "oauth2",
            "`oauth2.token_url`: relative URL without a base",
        ),
    ] {
        let tables = format!("[there]\nkind = 'http'\nurl = 'http://127.0.0.1:9/'\n{options}");
        let errors = actions::Connectors::read(&tables.parse().unwrap()).unwrap_err();
        assert_eq!((errors[0].path.join("."), &*errors[0].message), (format!("there.{at}"), message), "{options}");
    }
}
