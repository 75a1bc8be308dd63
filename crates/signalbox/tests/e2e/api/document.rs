//! The OpenAPI document is valid, and what it says is so: schemathesis asks every endpoint what its entry allows and what
//! it does not, with a key of each role.

use std::process::Output;

use super::{World, of_pypi};

const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../api/openapi.json");
const CONFIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/api/schemathesis.toml");

fn check(output: &Output) {
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_document_is_openapi_3_1() {
    check(&of_pypi("openapi-spec-validator").args(["--schema", "3.1", KEPT]).output().unwrap());
}

#[tokio::test]
async fn the_document_is_served_without_a_key_where_emqx_has_it_too() {
    let world = World::new().await;
    let kept: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(KEPT).unwrap()).unwrap();
    for path in ["/api/v5/openapi.json", "/api-docs/swagger.json"] {
        assert_eq!(world.ask("", "GET", path, None).await, (200, kept.clone()), "{path}");
    }
}

/// Everything that an entry allows and what it does not, to every endpoint but the tail, which has no end.
async fn schemathesis(role: &str, phases: &str, examples: &str) {
    let world = World::new().await;
    let mut command = of_pypi("schemathesis");
    command.args(["--config-file", CONFIG, "run", &world.server.url("/api/v5/openapi.json")]);
    command.args(["--phases", phases, "--max-examples", examples, "--generation-deterministic"]);
    command.args(["--exclude-path", "/api/v5/events/tail", "--continue-on-failure"]);
    command.args(["--request-timeout", "20", "--no-color", "--warnings", "off"]);
    command.current_dir(world.home.path()).env("SIGNALBOX_TEST_KEY", world.key(role));
    check(&tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap());
}

#[tokio::test]
async fn what_the_document_says_holds_for_an_administrator() {
    schemathesis("admin", "examples,coverage,fuzzing", "5").await;
}

#[tokio::test]
async fn what_the_document_says_holds_for_an_operator() {
    schemathesis("operator", "examples,fuzzing", "5").await;
}

#[tokio::test]
async fn what_the_document_says_holds_for_a_viewer() {
    schemathesis("viewer", "examples,fuzzing", "5").await;
}
