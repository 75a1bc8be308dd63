//! Each endpoint takes the role that its entry in the OpenAPI document names, and no lesser one.

use reqwest::header::{ALLOW, CONTENT_TYPE, WWW_AUTHENTICATE};
use serde_json::{Value, json};

use super::World;

const ROLES: [&str; 3] = ["viewer", "operator", "admin"];

/// Every endpoint: method, path with names of what is not there, the least role.
fn endpoints(document: &Value) -> Vec<(String, String, Option<String>)> {
    let mut endpoints = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let path = path.split('/').map(|part| if part.starts_with('{') { "none" } else { part }).collect::<Vec<_>>();
        for (method, operation) in item.as_object().unwrap() {
            let role = operation["security"][0]["bearer"][0].as_str().map(str::to_owned);
            endpoints.push((method.to_uppercase(), path.join("/"), role));
        }
    }
    endpoints
}

#[tokio::test]
async fn each_endpoint_takes_its_role_and_no_lesser_one() {
    let world = World::new().await;
    let document = world.ask("", "GET", "/api/v5/openapi.json", None).await.1;
    let keys = ROLES.map(|role| world.key(role));
    let ask = async |key: &str, method: &str, path: &str| {
        let request = reqwest::Client::new().request(method.parse().unwrap(), world.server.url(path));
        let request = if key.is_empty() { request } else { request.bearer_auth(key) };
        // The answer to the tail has no end: its head is enough.
        request.header(CONTENT_TYPE, "application/json").body("{}").send().await.unwrap().status().as_u16()
    };
    let endpoints = endpoints(&document);
    assert!(endpoints.len() > 50, "{}", endpoints.len());
    for (method, path, least) in endpoints {
        let Some(least) = least else {
            assert_eq!(ask("", &method, &path).await, 200, "{method} {path} is open");
            continue;
        };
        assert_eq!(ask("", &method, &path).await, 401, "{method} {path} without a key");
        let least = ROLES.iter().position(|role| **role == least).unwrap();
        for (at, key) in keys.iter().enumerate() {
            let status = ask(key, &method, &path).await;
            assert_eq!(status == 403, at < least, "{method} {path} as {}: {status}", ROLES[at]);
            assert!(at < least || !(status == 401 || status >= 500), "{method} {path} as {}: {status}", ROLES[at]);
        }
    }
}

#[tokio::test]
async fn refusals_are_problems_with_the_headers_that_belong_to_them() {
    let world = World::new().await;
    let (viewer, client) = (world.key("viewer"), reqwest::Client::new());
    let url = |path: &str| world.server.url(path);

    let refused = client.get(url("/api/v5/clients")).send().await.unwrap();
    assert_eq!(
        (refused.status().as_u16(), &refused.headers()[CONTENT_TYPE]),
        (401, &"application/problem+json".parse().unwrap())
    );
    assert_eq!(refused.headers()[WWW_AUTHENTICATE], "Basic realm=\"signalbox\", Bearer");

    let refused = client.patch(url("/api/v5/clients/pump-1")).bearer_auth(&viewer).send().await.unwrap();
    assert_eq!((refused.status().as_u16(), &refused.headers()[ALLOW]), (405, &"GET,HEAD,DELETE".parse().unwrap()));

    let text = client.post(url("/api/v5/publish")).bearer_auth(world.key("operator")).body("{}");
    assert_eq!(text.send().await.unwrap().status().as_u16(), 415);

    let elsewhere = client.get(url("/api/v5/clients")).bearer_auth(&viewer).header("origin", "http://evil.example");
    assert_eq!(elsewhere.send().await.unwrap().status().as_u16(), 403);
    let rebound = client.get(url("/api/v5/clients")).bearer_auth(&viewer).header("host", "evil.example");
    assert_eq!(rebound.send().await.unwrap().status().as_u16(), 403);

    for (path, part) in [
        ("/api/v5/clients?limit=0", "expected a number from 1 to 10000, found `0`"),
        ("/api/v5/clients?colour=red", "unknown field `colour`"),
        ("/api/v5/clients?conn_state=gone", "unknown variant `gone`"),
        ("/api/v5/dead_letters?since=yesterday", "expected a time such as"),
        ("/api/v5/clients/%ff", "the path does not fit"),
    ] {
        let (status, problem) = world.ask(&viewer, "GET", path, None).await;
        assert!(status == 400 && problem["detail"].as_str().unwrap().contains(part), "{path}: {status} {problem}");
        assert_eq!((&problem["message"], &problem["status"]), (&problem["detail"], &json!(400)));
    }
}
