//! `/api/v5/authorization/sources/built_in_database/rules`: what clients may do, changed while the broker runs, under
//! EMQX's paths and in its shapes.

use std::collections::HashSet;

use auth::{Action, AuthError, Effect, RulesFile, StoredRule, Target, Whom};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::openapi::schema::ArrayItems;
use utoipa::openapi::{ArrayBuilder, ObjectBuilder, OneOfBuilder, RefOr, Schema, Type};
use utoipa::{IntoParams, ToSchema};

use super::page::{Page, PageLimit, PageNumber, Paging, blocking, fits};
use crate::Api;
use crate::access::{Admin, Viewer};
use crate::extract::{Body, Named, Parameters};
use crate::openapi::one_of;
use crate::problem::Problem;

const USER: &str = "The user name";
const CLIENT: &str = "The client identifier";

/// A rule. The first that fits decides.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AuthorizationRule)]
pub(crate) struct Rule {
    /// A topic filter; `${clientid}` and `${username}` may stand in it, and behind `eq ` it stands for itself.
    #[schema(example = "up/${clientid}/#", min_length = 1)]
    topic: String,
    #[schema(schema_with = permissions)]
    permission: Effect,
    #[schema(schema_with = actions)]
    action: Action,
    /// The qualities of service it is about; all where none are named.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = levels, required = false)]
    qos: Option<Vec<u8>>,
    /// Whether it is about retained messages only, or about others only, or about `all`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = retained, required = false)]
    retain: Option<Retain>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Retain {
    Only(bool),
    Word(All),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum All {
    All,
}

/// The rules of a user.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserRules {
    #[schema(example = "ann", min_length = 1)]
    username: String,
    rules: Vec<Rule>,
}

/// The rules of a client.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClientRules {
    #[schema(example = "pump-17", min_length = 1)]
    clientid: String,
    rules: Vec<Rule>,
}

/// The rules for all clients.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AllRules {
    rules: Vec<Rule>,
}

/// Which users are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct WantedUsers {
    /// Which page, from 1 on.
    #[param(inline)]
    page: Option<PageNumber>,
    /// Items on a page.
    #[param(inline)]
    limit: Option<PageLimit>,
    /// A part of the user name.
    like_username: Option<String>,
}

/// Which clients are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct WantedClients {
    /// Which page, from 1 on.
    #[param(inline)]
    page: Option<PageNumber>,
    /// Items on a page.
    #[param(inline)]
    limit: Option<PageLimit>,
    /// A part of the client identifier.
    like_clientid: Option<String>,
}

/// Lists the rules of users
#[utoipa::path(get, path = "/api/v5/authorization/sources/built_in_database/rules/users", tag = "authorization",
    params(WantedUsers), responses((status = 200, description = "A page of users, by name", body = Page<UserRules>)),
    security(("bearer" = ["viewer"])))]
pub(crate) async fn users(
    _viewer: Viewer,
    State(api): State<Api>,
    Parameters(wanted): Parameters<WantedUsers>,
) -> Result<Json<Page<UserRules>>, Problem> {
    let like = wanted.like_username;
    let paging = Paging::new(wanted.page, wanted.limit);
    let page = grouped(api, Whom::User, like).await?;
    Ok(Json(paging.cut(&page, |(username, rules)| UserRules { username: username.clone(), rules: rules.clone() })))
}

/// Lists the rules of clients
#[utoipa::path(get, path = "/api/v5/authorization/sources/built_in_database/rules/clients", tag = "authorization",
    params(WantedClients), responses((status = 200, description = "A page of clients, by identifier", body = Page<ClientRules>)),
    security(("bearer" = ["viewer"])))]
pub(crate) async fn clients(
    _viewer: Viewer,
    State(api): State<Api>,
    Parameters(wanted): Parameters<WantedClients>,
) -> Result<Json<Page<ClientRules>>, Problem> {
    let like = wanted.like_clientid;
    let paging = Paging::new(wanted.page, wanted.limit);
    let page = grouped(api, Whom::Client, like).await?;
    Ok(Json(paging.cut(&page, |(clientid, rules)| ClientRules { clientid: clientid.clone(), rules: rules.clone() })))
}

/// Shows the rules for all clients
#[utoipa::path(get, path = "/api/v5/authorization/sources/built_in_database/rules/all", tag = "authorization",
    responses((status = 200, description = "The rules, in their order", body = AllRules)), security(("bearer" = ["viewer"])))]
pub(crate) async fn all(_viewer: Viewer, State(api): State<Api>) -> Result<Json<AllRules>, Problem> {
    Ok(Json(AllRules { rules: rules_of(api, (Whom::All, String::new())).await? }))
}

/// Shows the rules of a user
#[utoipa::path(get, path = "/api/v5/authorization/sources/built_in_database/rules/users/{username}", tag = "authorization",
    params(("username" = String, Path, description = USER)),
    responses((status = 200, description = "The rules, in their order", body = UserRules)), security(("bearer" = ["viewer"])))]
pub(crate) async fn user(
    _viewer: Viewer,
    State(api): State<Api>,
    Named(username): Named<String>,
) -> Result<Json<UserRules>, Problem> {
    let rules = rules_of(api, (Whom::User, username.clone())).await?;
    Ok(Json(UserRules { username, rules }))
}

/// Shows the rules of a client
#[utoipa::path(get, path = "/api/v5/authorization/sources/built_in_database/rules/clients/{clientid}", tag = "authorization",
    params(("clientid" = String, Path, description = CLIENT)),
    responses((status = 200, description = "The rules, in their order", body = ClientRules)), security(("bearer" = ["viewer"])))]
pub(crate) async fn client(
    _viewer: Viewer,
    State(api): State<Api>,
    Named(clientid): Named<String>,
) -> Result<Json<ClientRules>, Problem> {
    let rules = rules_of(api, (Whom::Client, clientid.clone())).await?;
    Ok(Json(ClientRules { clientid, rules }))
}

/// Makes rules for users that have none
#[utoipa::path(post, path = "/api/v5/authorization/sources/built_in_database/rules/users", tag = "authorization",
    request_body = Vec<UserRules>, responses((status = 204, description = "They are in force"),
        (status = 409, description = "One of them has rules: `ALREADY_EXISTS`", body = Problem)),
    security(("bearer" = ["admin"])))]
pub(crate) async fn add_users(
    admin: Admin,
    State(api): State<Api>,
    Body(users): Body<Vec<UserRules>>,
) -> Result<StatusCode, Problem> {
    let given = users.into_iter().map(|user| (user.username, user.rules)).collect();
    add(admin, api, (Whom::User, given)).await
}

/// Makes rules for clients that have none
#[utoipa::path(post, path = "/api/v5/authorization/sources/built_in_database/rules/clients", tag = "authorization",
    request_body = Vec<ClientRules>, responses((status = 204, description = "They are in force"),
        (status = 409, description = "One of them has rules: `ALREADY_EXISTS`", body = Problem)),
    security(("bearer" = ["admin"])))]
pub(crate) async fn add_clients(
    admin: Admin,
    State(api): State<Api>,
    Body(clients): Body<Vec<ClientRules>>,
) -> Result<StatusCode, Problem> {
    let given = clients.into_iter().map(|client| (client.clientid, client.rules)).collect();
    add(admin, api, (Whom::Client, given)).await
}

/// Replaces the rules for all clients
#[utoipa::path(post, path = "/api/v5/authorization/sources/built_in_database/rules/all", tag = "authorization",
    request_body = AllRules, responses((status = 204, description = "They are in force")), security(("bearer" = ["admin"])))]
pub(crate) async fn replace_all(
    admin: Admin,
    State(api): State<Api>,
    Body(all): Body<AllRules>,
) -> Result<StatusCode, Problem> {
    replace(admin, api, (Whom::All, String::new()), all.rules).await
}

/// Replaces the rules of a user
#[utoipa::path(put, path = "/api/v5/authorization/sources/built_in_database/rules/users/{username}", tag = "authorization",
    params(("username" = String, Path, description = USER)), request_body = UserRules,
    responses((status = 204, description = "They are in force")), security(("bearer" = ["admin"])))]
pub(crate) async fn replace_user(
    admin: Admin,
    State(api): State<Api>,
    Named(username): Named<String>,
    Body(user): Body<UserRules>,
) -> Result<StatusCode, Problem> {
    same_name(&username, &user.username)?;
    replace(admin, api, (Whom::User, username), user.rules).await
}

/// Replaces the rules of a client
#[utoipa::path(put, path = "/api/v5/authorization/sources/built_in_database/rules/clients/{clientid}", tag = "authorization",
    params(("clientid" = String, Path, description = CLIENT)), request_body = ClientRules,
    responses((status = 204, description = "They are in force")), security(("bearer" = ["admin"])))]
pub(crate) async fn replace_client(
    admin: Admin,
    State(api): State<Api>,
    Named(clientid): Named<String>,
    Body(client): Body<ClientRules>,
) -> Result<StatusCode, Problem> {
    same_name(&clientid, &client.clientid)?;
    replace(admin, api, (Whom::Client, clientid), client.rules).await
}

/// Removes the rules of a user
#[utoipa::path(delete, path = "/api/v5/authorization/sources/built_in_database/rules/users/{username}", tag = "authorization",
    params(("username" = String, Path, description = USER)), responses((status = 204, description = "They are gone")),
    security(("bearer" = ["admin"])))]
pub(crate) async fn remove_user(
    admin: Admin,
    State(api): State<Api>,
    Named(username): Named<String>,
) -> Result<StatusCode, Problem> {
    remove(admin, api, (Whom::User, username)).await
}

/// Removes the rules of a client
#[utoipa::path(delete, path = "/api/v5/authorization/sources/built_in_database/rules/clients/{clientid}", tag = "authorization",
    params(("clientid" = String, Path, description = CLIENT)), responses((status = 204, description = "They are gone")),
    security(("bearer" = ["admin"])))]
pub(crate) async fn remove_client(
    admin: Admin,
    State(api): State<Api>,
    Named(clientid): Named<String>,
) -> Result<StatusCode, Problem> {
    remove(admin, api, (Whom::Client, clientid)).await
}

/// Removes the rules for all clients
#[utoipa::path(delete, path = "/api/v5/authorization/sources/built_in_database/rules/all", tag = "authorization",
    responses((status = 204, description = "They are gone")), security(("bearer" = ["admin"])))]
pub(crate) async fn remove_all(admin: Admin, State(api): State<Api>) -> Result<StatusCode, Problem> {
    // The list for all is always there, if only as an empty one.
    replace(admin, api, (Whom::All, String::new()), Vec::new()).await
}

impl Rule {
    fn of(stored: &StoredRule) -> Rule {
        let StoredRule { whom: _, name: _, permission, action, topic, qos, retain } = stored.clone();
        Rule { topic, permission, action, qos, retain: retain.map(Retain::Only) }
    }

    fn stored(self, (whom, name): Target<'_>) -> StoredRule {
        let Rule { topic, permission, action, qos, retain } = self;
        let retain = match retain {
            Some(Retain::Only(retain)) => Some(retain),
            Some(Retain::Word(All::All)) | None => None,
        };
        StoredRule { whom, name: name.to_owned(), permission, action, topic, qos, retain }
    }
}

/// The rules of each user or client whose name has `like` in it, by name.
async fn grouped(api: Api, whom: Whom, like: Option<String>) -> Result<Vec<(String, Vec<Rule>)>, Problem> {
    let mut stored = stored(api).await?;
    stored.retain(|rule| rule.whom == whom && fits(like.as_deref(), |like| rule.name.contains(like)));
    // The order of the rules of one name stays.
    stored.sort_by(|one, other| one.name.cmp(&other.name));
    let groups = stored.chunk_by(|one, other| one.name == other.name);
    Ok(groups.filter_map(|group| Some((group.first()?.name.clone(), group.iter().map(Rule::of).collect()))).collect())
}

/// The rules for one; a user or client without any is not there.
async fn rules_of(api: Api, (whom, name): (Whom, String)) -> Result<Vec<Rule>, Problem> {
    let stored = stored(api).await?;
    let rules: Vec<Rule> = stored.iter().filter(|rule| rule.target() == (whom, &name)).map(Rule::of).collect();
    if rules.is_empty() && whom != Whom::All {
        return Err(Problem::not_found(&format!("rule for the {}", whom.name()), &name));
    }
    Ok(rules)
}

async fn stored(api: Api) -> Result<Vec<StoredRule>, Problem> {
    blocking(move || api.broker.auth().stored_rules().map_err(|error| problem(&error))).await?
}

async fn add(admin: Admin, api: Api, (whom, given): (Whom, Vec<(String, Vec<Rule>)>)) -> Result<StatusCode, Problem> {
    let names = given.iter().map(|(name, _)| name.clone()).collect();
    let add = move |file: &mut RulesFile| {
        for (name, rules) in given {
            if name.is_empty() {
                return Err(AuthError::Rule { message: format!("expected the name of a {}, found none", whom.name()) });
            }
            if file.has((whom, &name)) {
                return Err(AuthError::Exists { what: whom.name(), name, help: "replace them with PUT" });
            }
            rules.into_iter().try_for_each(|rule| file.add(rule.stored((whom, &name))))?;
        }
        Ok(())
    };
    change(admin, api, (whom, names), add).await
}

async fn replace(
    admin: Admin,
    api: Api,
    (whom, name): (Whom, String),
    rules: Vec<Rule>,
) -> Result<StatusCode, Problem> {
    let names = HashSet::from([name.clone()]);
    let replace = move |file: &mut RulesFile| {
        file.remove((whom, &name), None);
        rules.into_iter().try_for_each(|rule| file.add(rule.stored((whom, &name))))
    };
    change(admin, api, (whom, names), replace).await
}

async fn remove(admin: Admin, api: Api, (whom, name): (Whom, String)) -> Result<StatusCode, Problem> {
    let names = HashSet::from([name.clone()]);
    let remove = move |file: &mut RulesFile| match file.remove((whom, &name), None) {
        0 => Err(AuthError::Unknown { what: whom.name(), name, close: None }),
        _some => Ok(()),
    };
    change(admin, api, (whom, names), remove).await
}

/// Changes the rules of some users or clients, or those for all, and notes what was there and what is there now.
async fn change(
    Admin { by, note }: Admin,
    api: Api,
    (whom, names): (Whom, HashSet<String>),
    change: impl FnOnce(&mut RulesFile) -> Result<(), AuthError> + Send + 'static,
) -> Result<StatusCode, Problem> {
    let told = move |file: &RulesFile| {
        let of_them = file.rules().iter().filter(|rule| rule.whom == whom && names.contains(&rule.name));
        json!({ "rules": of_them.collect::<Vec<_>>() })
    };
    blocking(move || {
        let changed = api.broker.auth().change_rules(|file| {
            let before = told(file);
            change(file)?;
            note.change(before, told(file));
            Ok(())
        });
        changed.map_err(|error| problem(&error))?;
        tracing::info!(key = &*by.name, "rules of what clients may do are changed");
        Ok(StatusCode::NO_CONTENT)
    })
    .await?
}

fn same_name(path: &str, body: &str) -> Result<(), Problem> {
    if path == body {
        return Ok(());
    }
    Err(Problem::bad_request(format!("expected the name `{path}` of the path in the body, too, found `{body}`")))
}

fn problem(error: &AuthError) -> Problem {
    match error {
        AuthError::Unknown { what, name, .. } => Problem::not_found(&format!("rule for the {what}"), name),
        AuthError::Exists { what, name, help } => {
            let detail = format!("there are rules for the {what} `{name}` already");
            Problem::new(StatusCode::CONFLICT, "ALREADY_EXISTS", detail).help(*help)
        }
        AuthError::Rule { message } => Problem::bad_request(message.clone()),
        AuthError::File { .. }
        | AuthError::Missing { .. }
        | AuthError::Broken { .. }
        | AuthError::Name { .. }
        | AuthError::Option { .. }
        | AuthError::Ban { .. }
        | AuthError::HashCost(_) => {
            tracing::error!(%error, "the rules file cannot be used");
            Problem::internal()
        }
    }
}

fn permissions() -> RefOr<Schema> {
    one_of([Effect::Allow, Effect::Deny].map(Effect::name))
}

fn actions() -> RefOr<Schema> {
    one_of([Action::Publish, Action::Subscribe, Action::All].map(Action::name))
}

fn levels() -> RefOr<Schema> {
    let level = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).maximum(Some(2)).build();
    let items = ArrayItems::RefOrSchema(Box::new(RefOr::T(Schema::Object(level))));
    let levels = ArrayBuilder::new().items(items).min_items(Some(1));
    let none = ObjectBuilder::new().schema_type(Type::Null);
    RefOr::T(Schema::OneOf(OneOfBuilder::new().item(levels).item(none).build()))
}

fn retained() -> RefOr<Schema> {
    let only = ObjectBuilder::new().schema_type(Type::Boolean);
    let none = ObjectBuilder::new().schema_type(Type::Null);
    RefOr::T(Schema::OneOf(OneOfBuilder::new().item(only).item(one_of(["all"])).item(none).build()))
}
