//! Keys of the API: made, changed and removed by commands and by the API, in EMQX's shape.

use serde_json::{Value, json};

use super::World;

async fn is_let_in(world: &World, key: &str) -> bool {
    world.ask(key, "GET", "/api/v5/clients", None).await.0 == 200
}

#[tokio::test]
async fn a_key_is_made_shown_once_changed_and_removed_over_the_api() {
    let world = World::new().await;
    let admin = world.key("admin");
    let ask = async |method: &str, path: &str, body: Value| {
        let body = (!body.is_null()).then_some(body);
        world.ask(&admin, method, &format!("/api/v5/api_key{path}"), body).await
    };
    let wanted = json!({ "name": "grafana", "desc": "dashboards: all", "expired_at": "2099-01-31T12:00:00+00:00" });
    let (status, made) = ask("POST", "", wanted.clone()).await;
    assert_eq!(status, 200, "{made}");
    let secret = made["api_secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("sbx_") && made["created_at"].as_str().unwrap().ends_with('Z'), "{made}");
    let mut expected = json!({ "name": "grafana", "api_key": "grafana", "role": "viewer", "desc": "dashboards: all",
        "enable": true, "expired_at": "2099-01-31T12:00:00.000Z", "expired": false });
    expected["created_at"] = made["created_at"].clone();
    assert_eq!(ask("GET", "/grafana", Value::Null).await, (200, expected.clone()), "its text is told once");
    assert!(ask("GET", "", Value::Null).await.1.as_array().unwrap().contains(&expected));
    assert_eq!(ask("POST", "", wanted).await.0, 400);
    assert!(is_let_in(&world, &secret).await);
    let basic = reqwest::Client::new().get(world.server.url("/api/v5/clients")).basic_auth("grafana", Some(&secret));
    assert_eq!(basic.send().await.unwrap().status(), 200);

    assert_eq!(ask("PUT", "/grafana", json!({ "enable": false })).await.1["enable"], false);
    let (status, refused) = world.ask(&secret, "GET", "/api/v5/clients", None).await;
    assert_eq!((status, &refused["detail"]), (401, &"the key `grafana` is disabled".into()));
    let (_, changed) = ask("PUT", "/grafana", json!({ "enable": true, "expired_at": "2020-01-01T00:00:00Z" })).await;
    assert_eq!((&changed["expired"], &changed["desc"]), (&true.into(), &"dashboards: all".into()));
    let (_, refused) = world.ask(&secret, "GET", "/api/v5/clients", None).await;
    assert_eq!(refused["detail"], "the key `grafana` has expired");
    let forever = json!({ "expired_at": "infinity", "role": "administrator" });
    assert_eq!(ask("PUT", "/grafana", forever).await.1["role"], "admin");
    assert!(is_let_in(&world, &secret).await);

    assert_eq!(ask("DELETE", "/grafana", Value::Null).await.0, 204);
    assert_eq!(ask("DELETE", "/grafana", Value::Null).await.0, 404);
    assert_eq!(ask("PUT", "/grafana", json!({})).await.0, 404);
    assert!(!is_let_in(&world, &secret).await);
    for wrong in [
        json!({ "name": "a b" }),
        json!({ "name": "x", "role": "root" }),
        json!({ "name": "x", "expired_at": "soon" }),
        json!({ "name": "x", "desc": "two\nlines" }),
        json!({ "name": "x", "colour": "red" }),
        json!({}),
    ] {
        assert_eq!(ask("POST", "", wrong.clone()).await.0, 400, "{wrong}");
    }
}

#[tokio::test]
async fn a_key_is_disabled_enabled_and_expires_by_commands() {
    let world = World::new().await;
    let added = world.home.run(&["keys", "add", "ci", "--for", "1h", "--description", "the pipeline"]);
    let key = added.stdout.trim();
    assert!(is_let_in(&world, key).await);
    let run = |arguments: &[&str]| {
        let said = world.home.run(&[&["keys"], arguments].concat());
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        said.stdout + &said.stderr
    };
    assert_eq!(run(&["disable", "ci"]), "key `ci` is disabled\n");
    assert!(!is_let_in(&world, key).await);
    assert_eq!(run(&["enable", "ci"]), "key `ci` is enabled\n");
    assert!(is_let_in(&world, key).await);
    assert!(run(&["expire", "ci", "--in", "2h"]).starts_with("key `ci` expires at 2"));
    assert!(is_let_in(&world, key).await);
    run(&["expire", "ci"]);
    assert!(!is_let_in(&world, key).await);
    let listed: Value = serde_json::from_str(&run(&["list", "--json"])).unwrap();
    let listed = listed.as_array().unwrap().iter().find(|key| key["name"] == "ci").unwrap();
    assert_eq!((&listed["state"], &listed["description"]), (&"expired".into(), &"the pipeline".into()));
    let gone = world.home.run(&["keys", "disable", "cj"]);
    assert!(gone.code == Some(2) && gone.stderr.contains("did you mean `ci`?"), "{}", gone.stderr);
}
