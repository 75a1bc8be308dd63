//! `/api/v5/subscriptions` and `/api/v5/receivers`: who wants which topics, and who receives one.

use axum::Json;
use axum::extract::State;
use broker::SubscriptionInfo;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::page::{Page, PageLimit, PageNumber, Paging, blocking, fits};
use crate::Api;
use crate::access::Viewer;
use crate::extract::Parameters;
use crate::problem::Problem;

/// Which subscriptions are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// Which page, from 1 on.
    #[param(inline)]
    page: Option<PageNumber>,
    /// Items on a page.
    #[param(inline)]
    limit: Option<PageLimit>,
    /// The client identifier.
    clientid: Option<String>,
    /// The filter as it was written, the share group put aside.
    topic: Option<String>,
    /// A topic or filter that it matches.
    match_topic: Option<String>,
    /// The QoS that was granted.
    #[param(inline)]
    qos: Option<Qos>,
    /// The share group.
    share_group: Option<String>,
    /// There is one node, whatever it is called.
    node: Option<String>,
}

/// A quality of service of a query.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[repr(u8)]
enum Qos {
    #[serde(rename = "0")]
    Zero = 0,
    #[serde(rename = "1")]
    One = 1,
    #[serde(rename = "2")]
    Two = 2,
}

/// Whose receivers are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// The topic of the message.
    #[param(pattern = r"^[^+#\x00]+$", example = "plant/17/set")]
    topic: String,
    /// Which page, from 1 on.
    #[param(inline)]
    page: Option<PageNumber>,
    /// Items on a page.
    #[param(inline)]
    limit: Option<PageLimit>,
}

/// A subscription under EMQX's names.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Subscription {
    clientid: String,
    topic: String,
    qos: u8,
    nl: u8,
    rap: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    subid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    share_group: Option<String>,
    connected: bool,
    node: String,
}

impl Subscription {
    pub(crate) fn new(info: &SubscriptionInfo, node: &str) -> Subscription {
        Subscription {
            clientid: info.client_id.to_string(),
            topic: info.filter.to_string(),
            qos: info.qos.into(),
            nl: info.no_local.into(),
            rap: info.retain_as_published.into(),
            subid: info.subscription_id,
            share_group: info.filter.share().map(ToString::to_string),
            connected: info.is_connected,
            node: node.to_owned(),
        }
    }
}

/// Lists subscriptions
#[utoipa::path(get, path = "/api/v5/subscriptions", tag = "subscriptions", params(Wanted),
    responses((status = 200, description = "A page of subscriptions", body = Page<Subscription>)), security(("bearer" = ["viewer"])))]
pub(crate) async fn list(
    _viewer: Viewer,
    State(api): State<Api>,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Page<Subscription>>, Problem> {
    let paging = Paging::new(wanted.page, wanted.limit);
    blocking(move || {
        let mut found = Vec::new();
        api.broker.for_each_subscription(|info| {
            if wanted.fits(&info) {
                found.push(info);
            }
        });
        sort(&mut found);
        Json(paging.cut(&found, |info| Subscription::new(info, &api.node)))
    })
    .await
}

/// Lists who would receive a message to a topic
#[utoipa::path(get, path = "/api/v5/receivers", tag = "subscriptions", params(Asked),
    responses((status = 200, description = "A page of subscriptions", body = Page<Subscription>)), security(("bearer" = ["viewer"])))]
pub(crate) async fn receivers(
    _viewer: Viewer,
    State(api): State<Api>,
    Parameters(asked): Parameters<Asked>,
) -> Result<Json<Page<Subscription>>, Problem> {
    let paging = Paging::new(asked.page, asked.limit);
    blocking(move || {
        let mut found = api.broker.receivers(&asked.topic).map_err(|error| Problem::bad_request(error.to_string()))?;
        sort(&mut found);
        Ok(Json(paging.cut(&found, |info| Subscription::new(info, &api.node))))
    })
    .await?
}

fn sort(found: &mut [SubscriptionInfo]) {
    found.sort_unstable_by(|one, other| {
        (&one.client_id, one.filter.as_str()).cmp(&(&other.client_id, other.filter.as_str()))
    });
}

impl Wanted {
    fn fits(&self, info: &SubscriptionInfo) -> bool {
        let share = info.filter.share().map(|group| group.as_ref() as &str);
        fits(self.clientid.as_deref(), |wanted| *info.client_id == *wanted)
            && fits(self.topic.as_deref(), |wanted| info.filter.topic_filter() == wanted)
            && fits(self.match_topic.as_deref(), |topic| info.matches(topic))
            && fits(self.qos.as_ref(), |qos| u8::from(info.qos) == *qos as u8)
            && fits(self.share_group.as_deref(), |group| share == Some(group))
            && fits(self.node.as_deref(), |_one_node| true)
    }
}
