//! What an operator asks a running broker and has it do, by commands and by the API.

use serde_json::{Value, json};

use crate::support::client::{Subscriber, publish_all};
use crate::support::receiver::Receiver;
use crate::support::server::{Finished, Home, Server};

fn json_of(said: &Finished) -> Value {
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    serde_json::from_str(&said.stdout).unwrap()
}

fn ids(page: &Value) -> Vec<&str> {
    page["data"].as_array().unwrap().iter().map(|client| client["clientid"].as_str().unwrap()).collect()
}

/// Asks the API with a key of that role.
pub(crate) async fn ask(
    home: &Home,
    server: &Server,
    (role, method, path): (&str, &str, &str),
    body: Option<Value>,
) -> (u16, Value) {
    let name = format!("test-{role}");
    let added = home.run(&["keys", "add", &name, "--role", role, "--json"]);
    let key = json_of(&added)["key"].as_str().unwrap().to_owned();
    let mut request = reqwest::Client::new().request(method.parse().unwrap(), server.url(path)).bearer_auth(key);
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body.to_string());
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.bytes().await.unwrap();
    assert_eq!(home.run(&["keys", "remove", &name]).code, Some(0));
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

#[tokio::test]
async fn clients_are_listed_sorted_found_shown_and_kicked() {
    let home = Home::new();
    let server = home.serve();
    let _pumps = [
        Subscriber::start(&server, "pump-1", "plant/+/cmd").await,
        Subscriber::start(&server, "pump-2", "$share/crew/plant/#").await,
        Subscriber::start(&server, "valve-1", "valves").await,
    ];
    let list = |arguments: &[&str]| json_of(&home.run(&[&["clients", "list", "--json"], arguments].concat()));
    assert_eq!(ids(&list(&[])), ["pump-1", "pump-2", "valve-1"]);
    assert_eq!(ids(&list(&["pump"])), ["pump-1", "pump-2"]);
    assert_eq!(ids(&list(&["--sort", "-clientid", "--limit", "2"])), ["valve-1", "pump-2"]);
    let second = list(&["--sort", "-clientid", "--limit", "2", "--page", "2"]);
    assert_eq!(ids(&second), ["pump-1"]);
    assert_eq!(second["meta"], json!({ "page": 2, "limit": 2, "count": 3, "hasnext": false }));
    assert!(ids(&list(&["--offline"])).is_empty() && ids(&list(&["--listener", "other"])).is_empty());
    assert_eq!(ids(&list(&["--address", "127.0.0.1"])).len(), 3);
    let wrong = home.run(&["clients", "list", "--sort", "weight"]);
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.stderr.contains("expected `sort` to name one of `clientid`"), "{}", wrong.stderr);

    let shown = json_of(&home.run(&["clients", "show", "pump-2", "--json"]));
    assert_eq!(
        (&shown["proto_ver"], &shown["connected"], &shown["listener"]),
        (&5.into(), &true.into(), &"default".into())
    );
    assert_eq!(shown["subscriptions"][0]["topic"], "$share/crew/plant/#");
    let for_people = home.run(&["clients", "list"]).stdout;
    assert!(for_people.starts_with("CLIENT "), "{for_people}");

    assert_eq!(home.run(&["clients", "kick", "pump-2"]).code, Some(0));
    let gone = home.run(&["clients", "kick", "nobody"]);
    assert_eq!(gone.code, Some(2));
    assert!(gone.stderr.contains("there is no client `nobody`"), "{}", gone.stderr);
}

#[tokio::test]
async fn it_is_shown_who_receives_a_topic() {
    let home = Home::new();
    let server = home.serve();
    let _clients = [
        Subscriber::start(&server, "exact", "plant/1/cmd").await,
        Subscriber::start(&server, "wide", "plant/#").await,
        Subscriber::start(&server, "member", "$share/crew/+/1/+").await,
        Subscriber::start(&server, "other", "plant/2/cmd").await,
    ];
    let receivers = |topic: &str| json_of(&home.run(&["topics", "receivers", topic, "--json"]));
    let found = receivers("plant/1/cmd");
    assert_eq!(ids(&found), ["exact", "member", "wide"]);
    assert_eq!(found["data"][1]["share_group"], "crew");
    assert!(ids(&receivers("elsewhere")).is_empty());
    assert_eq!(home.run(&["topics", "receivers", "plant/#"]).code, Some(2));
    let (status, page) =
        ask(&home, &server, ("viewer", "GET", "/api/v5/subscriptions?match_topic=plant/2/cmd"), None).await;
    assert_eq!((status, ids(&page)), (200, vec!["other", "wide"]));
}

#[tokio::test]
async fn messages_are_published_kept_listed_and_removed() {
    let home = Home::new();
    let server = home.serve();
    let mut subscriber = Subscriber::start(&server, "sub", "news/#").await;
    assert_eq!(home.run(&["publish", "news/1", "hello", "--qos", "1"]).code, Some(0));
    assert_eq!(subscriber.next().await.payload, "hello");
    let said = home.run_with_input(&["publish", "news/kept", "--retain"], "from a pipe");
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert_eq!(subscriber.next().await.payload, "from a pipe");
    let nobody = home.run(&["publish", "elsewhere", "x"]);
    assert!(nobody.stderr.contains("nobody is subscribed"), "{}", nobody.stderr);
    assert!(home.run(&["publish", "$SYS/x", "x"]).stderr.contains("belong to the broker"));

    let listed = json_of(&home.run(&["retained", "list", "news/+", "--json"]));
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
    assert_eq!((&listed["data"][0]["topic"], &listed["data"][0]["payload_bytes"]), (&"news/kept".into(), &11.into()));
    assert_eq!(home.run(&["retained", "show", "news/kept"]).stdout, "from a pipe");
    assert_eq!(home.run(&["retained", "remove", "news/kept"]).code, Some(0));
    assert_eq!(home.run(&["retained", "remove", "news/kept"]).code, Some(2));
    assert_eq!(json_of(&home.run(&["retained", "list", "--json"]))["data"], json!([]));
}

#[tokio::test]
async fn the_api_answers_in_the_shapes_of_emqx_and_asks_for_the_right_key() {
    let rule = "/*---\n[[actions]]\nrepublish = { topic = \"told\" }\n---*/\nSELECT id FROM \"t\"\n";
    let home = Home::new().with_rule("told", rule);
    let server = home.serve();
    let mut subscriber = Subscriber::start(&server, "sub", "t").await;
    let mut told = Subscriber::start(&server, "told", "told").await;
    let message = json!({ "topic": "t", "payload": "aGk=", "payload_encoding": "base64", "qos": 1,
        "properties": { "content_type": "text/plain", "user_properties": { "a": "b" } } });
    let (status, answer) = ask(&home, &server, ("operator", "POST", "/api/v5/publish"), Some(message.clone())).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(told.next().await.json(), json!({ "id": answer["id"] }), "rules know it by the same identifier");
    assert_eq!(subscriber.next().await.payload, "hi");
    let other = json!({ "topic": "nobody", "payload": "x" });
    let (status, answer) = ask(&home, &server, ("operator", "POST", "/api/v5/publish"), Some(other.clone())).await;
    assert_eq!((status, answer), (202, json!({ "reason_code": 16, "message": "no_matching_subscribers" })));
    let bulk = json!([message, other, { "topic": "a/#", "payload": "x" }]);
    let (status, answers) = ask(&home, &server, ("operator", "POST", "/api/v5/publish/bulk"), Some(bulk)).await;
    assert_eq!((status, answers.as_array().unwrap().len()), (400, 3), "{answers}");
    assert!(answers[0]["id"].is_string() && answers[2]["message"].is_string(), "{answers}");

    let (status, refused) = ask(&home, &server, ("viewer", "DELETE", "/api/v5/clients/sub"), None).await;
    assert_eq!((status, &refused["code"]), (403, &"FORBIDDEN".into()));
    let (status, _) = ask(&home, &server, ("operator", "DELETE", "/api/v5/clients/sub"), None).await;
    assert_eq!(status, 204);
    let (status, refused) = ask(&home, &server, ("viewer", "GET", "/api/v5/clients/nobody"), None).await;
    assert_eq!((status, &refused["code"]), (404, &"CLIENTID_NOT_FOUND".into()));
    for path in ["/api/v5/clients?page=0", "/api/v5/clients?limit=100000", "/api/v5/clients?colour=red"] {
        let (status, refused) = ask(&home, &server, ("viewer", "GET", path), None).await;
        assert_eq!((status, &refused["code"]), (400, &"BAD_REQUEST".into()), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connectors_are_listed_and_tried_and_rules_found_in_the_shapes_of_emqx() {
    let receiver = Receiver::start().await;
    let url = format!("http://{}", receiver.address);
    let config = format!("[connectors.ops]\nkind = \"http\"\nurl = \"{url}\"\n");
    let rule = "/*---\ndescription = 'to ops'\n[[actions]]\nconnector = \"ops\"\n---*/\nSELECT id FROM \"t/#\"\n";
    let home = Home::new().with_rule("posts", rule).with_rule("other", "SELECT id FROM \"x\"").with_config(&config);
    let server = home.serve();
    let ask = async |role, method, path: &str, body| ask(&home, &server, (role, method, path), body).await;

    let (_, listed) = ask("viewer", "GET", "/api/v5/connectors", None).await;
    assert_eq!(
        (&listed[0]["type"], &listed[0]["name"], &listed[0]["status"]),
        (&"http".into(), &"ops".into(), &"connected".into())
    );
    assert_eq!(listed[0]["actions"], json!([{ "rule": "posts", "name": "ops" }]));
    assert_eq!(
        ask("viewer", "GET", "/api/v5/connectors/http:ops", None).await.1["node_status"][0]["status"],
        "connected"
    );
    assert_eq!(ask("operator", "POST", "/api/v5/connectors/http:ops/start", None).await.0, 204);
    let (status, refused) = ask("operator", "PUT", "/api/v5/connectors/http:ops/enable/false", None).await;
    assert_eq!((status, &refused["code"]), (409, &"READ_ONLY".into()));
    assert_eq!(ask("viewer", "GET", "/api/v5/connectors/http:none", None).await.0, 404);

    let probe = |url: &str| Some(json!({ "type": "http", "name": "tried", "url": url }));
    assert_eq!(ask("admin", "POST", "/api/v5/connectors_probe", probe(&url)).await.0, 204);
    assert_eq!(ask("operator", "POST", "/api/v5/connectors_probe", probe(&url)).await.0, 403);
    let (status, refused) = ask("admin", "POST", "/api/v5/connectors_probe", probe("ftp://x/")).await;
    assert_eq!((status, &refused["code"]), (400, &"TEST_FAILED".into()), "{refused}");
    let action = |path: &str| Some(json!({ "type": "http", "connector": "ops", "parameters": { "path": path } }));
    assert_eq!(ask("admin", "POST", "/api/v5/actions_probe", action("/${id}")).await.0, 204);
    let (status, refused) = ask("admin", "POST", "/api/v5/actions_probe", action("/a/../b")).await;
    assert!(status == 400 && refused["message"].as_str().unwrap().contains("no segment"), "{refused}");

    let found = async |query: &str| ask("viewer", "GET", &format!("/api/v5/rules?{query}"), None).await.1;
    for query in ["like_id=post", "from=t/%23", "like_description=ops", "action=http:ops", "enable=true&like_from=t/"] {
        let page = found(query).await;
        assert_eq!(
            (page["data"][0]["id"].as_str(), &page["meta"]["count"]),
            (Some("posts"), &1.into()),
            "{query}: {page}"
        );
    }
    assert_eq!(found("limit=1").await["meta"], json!({ "page": 1, "limit": 1, "count": 2, "hasnext": true }));

    publish_all(server.mqtt, "pump-1", "t/1", &["{}".to_owned()]).await;
    let matched =
        async || ask("viewer", "GET", "/api/v5/rules/posts/metrics", None).await.1["metrics"]["matched"].clone();
    assert_eq!(matched().await, 1);
    assert_eq!(ask("operator", "PUT", "/api/v5/rules/posts/metrics/reset", None).await.0, 204);
    assert_eq!(matched().await, 0);
    assert_eq!(ask("admin", "DELETE", "/api/v5/rules/posts", None).await.0, 409);
}
