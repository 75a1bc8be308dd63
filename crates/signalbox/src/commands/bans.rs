//! `signalbox bans add|remove|list`: changes the file in the data directory, which a running broker takes up by itself.

use std::path::PathBuf;

use auth::{Ban, BanBy, BansFile, Network};
use events::Timestamp;
use serde_json::json;

use super::audit;
use crate::cli::{BanTarget, Bans, Output, Sources};
use crate::clock;
use crate::config::Config;
use crate::data_dir;
use crate::outcome::{Outcome, Stop};
use crate::terminal::{complain, say, say_json, table_of};

/// Runs the command.
pub(crate) fn run(command: Bans) -> Outcome {
    match command {
        Bans::Add { target, time, reason, sources } => {
            let (by, who) = target_of(target);
            let now = clock::now();
            let time_ms = time.map(|time| i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
            let until = time_ms.map(|time_ms| now.0.saturating_add(time_ms));
            let (config, path) = path(&sources)?;
            let mut file = BansFile::open(&path).map_err(Stop::of_auth)?;
            let ban = Ban { r#as: by, who, by: "command".to_owned(), reason, at: now.0, until };
            let words = ban.in_words();
            let (object, after) =
                (ban.who.clone(), json!({ "as": ban.r#as.name(), "until_ms": ban.until, "reason": ban.reason }));
            file.add(ban, now).map_err(Stop::of_auth)?;
            file.save().map_err(Stop::of_auth)?;
            audit::note(&config, "bans add", &object, after);
            complain(&words);
            Ok(())
        }
        Bans::Remove { target, sources } => {
            let (by, who) = target_of(target);
            let (config, path) = path(&sources)?;
            let mut file = BansFile::open(&path).map_err(Stop::of_auth)?;
            if !file.remove(by, &who) {
                return Err(Stop::bad_input(format_args!("no ban of `{who}`"), Some("see `signalbox bans list`")));
            }
            file.save().map_err(Stop::of_auth)?;
            audit::note(&config, "bans remove", &who, json!({ "as": by.name() }));
            complain(&format!("the ban of `{who}` is lifted"));
            Ok(())
        }
        Bans::List { sources, output } => list(&sources, output),
    }
}

fn path(sources: &Sources) -> Result<(Config, PathBuf), Stop> {
    let config = Config::load(&sources.given(Vec::new()))?;
    let data = config.root.data_dir.as_path();
    // The broker may never have been started yet.
    data_dir::create(data)?;
    let path = data_dir::bans_file(data);
    Ok((config, path))
}

/// What a ban goes by. An address of its own spelling is kept in the one of the file.
fn target_of(target: BanTarget) -> (BanBy, String) {
    let BanTarget { client, user, address, client_pattern, user_pattern } = target;
    let by_address = address.map(|address| match address.parse::<std::net::IpAddr>() {
        Ok(single) => (BanBy::Peerhost, single.to_canonical().to_string()),
        Err(_network) => {
            (BanBy::PeerhostNet, address.parse::<Network>().map_or(address, |network| network.to_string()))
        }
    });
    let others = [
        (BanBy::Clientid, client),
        (BanBy::Username, user),
        (BanBy::ClientidRe, client_pattern),
        (BanBy::UsernameRe, user_pattern),
    ];
    let other = others.into_iter().find_map(|(by, who)| Some((by, who?)));
    by_address.or(other).expect("clap wants one of them")
}

fn list(sources: &Sources, output: Output) -> Outcome {
    let now = clock::now();
    let mut bans = BansFile::read(&path(sources)?.1).map_err(Stop::of_auth)?;
    bans.retain(|ban| !ban.is_over(now));
    let rows: Vec<_> = bans
        .iter()
        .map(|ban| {
            json!({
                "as": ban.r#as.name(),
                "who": ban.who,
                "by": ban.by,
                "reason": ban.reason,
                "at": clock::iso(Timestamp(ban.at)),
                "until": ban.until.map(|until| clock::iso(Timestamp(until))),
            })
        })
        .collect();
    if output.json {
        return Ok(say_json(&rows.into())?);
    }
    let columns = [("AS", "as"), ("WHO", "who"), ("UNTIL", "until"), ("BY", "by"), ("REASON", "reason")];
    Ok(say(&table_of(&columns, &rows))?)
}
