//! One resource, one file. [`guarded`] and [`open`] are the table of contents.

pub(crate) mod action_changes;
pub(crate) mod actions;
pub(crate) mod api_keys;
pub(crate) mod audit;
pub(crate) mod authorization;
pub(crate) mod banned;
pub(crate) mod clients;
pub(crate) mod connector_changes;
pub(crate) mod connectors;
pub(crate) mod dead_letters;
pub(crate) mod events;
pub(crate) mod given;
pub(crate) mod health;
pub(crate) mod listeners;
pub(crate) mod metrics;
pub(crate) mod page;
pub(crate) mod publish;
pub(crate) mod retained;
pub(crate) mod rule_changes;
pub(crate) mod rule_events;
pub(crate) mod rule_test;
pub(crate) mod rules;
pub(crate) mod sources;
pub(crate) mod stored_rules;
pub(crate) mod subscriptions;
pub(crate) mod time;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{Api, openapi};

/// Every endpoint that pages of other origins may not use, with its entry in the OpenAPI document: `#[utoipa::path]` above
/// the function declares it, with its path and the least role that may use it. There is no other way to add one.
pub(crate) fn guarded() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(rules::list, rule_changes::create))
        .routes(routes!(rules::show, rule_changes::replace, rule_changes::remove))
        .routes(routes!(rules::metrics))
        .routes(routes!(rules::reset_metrics))
        .routes(routes!(actions::operate))
        .routes(routes!(rule_test::run))
        .routes(routes!(rule_test::run_stored))
        .routes(routes!(rule_events::list))
        .routes(routes!(connectors::list, connector_changes::create))
        .routes(routes!(connectors::show, connector_changes::replace, connector_changes::remove))
        .routes(routes!(connectors::start))
        .routes(routes!(connector_changes::enable))
        .routes(routes!(connectors::summary))
        .routes(routes!(connectors::types))
        .routes(routes!(connectors::probe))
        .routes(routes!(actions::list, action_changes::create))
        .routes(routes!(actions::show, action_changes::replace, action_changes::remove))
        .routes(routes!(actions::metrics))
        .routes(routes!(actions::start))
        .routes(routes!(actions::operate_all))
        .routes(routes!(action_changes::enable))
        .routes(routes!(actions::summary))
        .routes(routes!(actions::types))
        .routes(routes!(connectors::probe_action))
        .routes(routes!(sources::list))
        .routes(routes!(sources::show))
        .routes(routes!(sources::metrics))
        .routes(routes!(sources::start))
        .routes(routes!(dead_letters::list, dead_letters::drop_all))
        .routes(routes!(dead_letters::replay_all))
        .routes(routes!(dead_letters::export))
        .routes(routes!(dead_letters::show, dead_letters::edit, dead_letters::drop_one))
        .routes(routes!(dead_letters::replay))
        .routes(routes!(events::tail))
        .routes(routes!(clients::list))
        .routes(routes!(clients::show, clients::kick))
        .routes(routes!(clients::subscriptions))
        .routes(routes!(listeners::list))
        .routes(routes!(listeners::show))
        .routes(routes!(authorization::forget))
        .routes(routes!(stored_rules::users, stored_rules::add_users))
        .routes(routes!(stored_rules::user, stored_rules::replace_user, stored_rules::remove_user))
        .routes(routes!(stored_rules::clients, stored_rules::add_clients))
        .routes(routes!(stored_rules::client, stored_rules::replace_client, stored_rules::remove_client))
        .routes(routes!(stored_rules::all, stored_rules::replace_all, stored_rules::remove_all))
        .routes(routes!(banned::list, banned::add))
        .routes(routes!(banned::remove))
        .routes(routes!(audit::list))
        .routes(routes!(subscriptions::list))
        .routes(routes!(subscriptions::receivers))
        .routes(routes!(retained::list))
        .routes(routes!(retained::show, retained::remove))
        .routes(routes!(publish::one))
        .routes(routes!(publish::bulk))
        .routes(routes!(api_keys::list, api_keys::create))
        .routes(routes!(api_keys::show, api_keys::change, api_keys::remove))
        .routes(routes!(metrics::scrape))
        .routes(routes!(openapi::show))
        .routes(routes!(openapi::show_as_emqx))
}

/// What probes ask, under whatever name they know this host by.
pub(crate) fn open() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(health::live)).routes(routes!(health::ready))
}
