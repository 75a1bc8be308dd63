//! A program that calls the API with a key of its own.

use serde_json::Value;

use super::server::{Home, Server};

/// What calls the API.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    http: reqwest::Client,
    base: String,
    key: String,
}

/// What the API has answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) etag: Option<String>,
    pub(crate) body: Value,
}

impl Caller {
    /// Makes a key with this role.
    pub(crate) fn new(home: &Home, server: &Server, role: &str) -> Caller {
        let added = home.run(&["keys", "add", &format!("caller-{role}"), "--role", role, "--json"]);
        assert_eq!(added.code, Some(0), "{}", added.stderr);
        let added: Value = serde_json::from_str(&added.stdout).unwrap();
        Caller::with_key(server, added["key"].as_str().unwrap())
    }

    /// Calls with a key that is there.
    pub(crate) fn with_key(server: &Server, key: &str) -> Caller {
        Caller { http: reqwest::Client::new(), base: server.url("/api/v5"), key: key.to_owned() }
    }

    /// The same caller at a broker that was started anew.
    pub(crate) fn at(&self, server: &Server) -> Caller {
        Caller::with_key(server, &self.key)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(("GET", path), &[], Value::Null).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(("POST", path), &[], body).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(("PUT", path), &[], body).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(("DELETE", path), &[], Value::Null).await
    }

    /// Asks with headers; null is no body.
    pub(crate) async fn send(&self, (method, path): (&str, &str), headers: &[(&str, &str)], body: Value) -> Answer {
        let url = format!("{}{path}", self.base);
        let mut request = self.http.request(method.parse().unwrap(), url).bearer_auth(&self.key);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !body.is_null() {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let etag = response.headers().get("etag").map(|tag| tag.to_str().unwrap().to_owned());
        let body = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Value::Null);
        Answer { status, etag, body }
    }
}
