//! What messages cost that rules republish, beside the same messages without a rule; and what it costs the others when an
//! action of the rule gets nothing through.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use mqtt::{QoS, Version};

use super::Output;
use super::compare::median;
use super::process::{Broker, load_average, pin_self};
use super::pubsub::{self, Figures, Layout};

/// What stands before the topics that a rule republishes to.
const THROUGH: &str = "through/";

/// A connector without an other side: nobody listens on the port for discarding.
const CONFIG: &str = "[connectors.dead]\nkind = \"http\"\nurl = \"http://127.0.0.1:9\"\n";

/// With which rule the messages are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Case {
    /// None: from publisher to subscriber.
    Plain,
    /// A rule republishes every message.
    Republished,
    /// The same; and a second action of the rule queues every message and sends nothing.
    Resting,
    /// The same, but the second action tries all the time, and its receiver is not there.
    Dead,
}

impl Case {
    const ALL: [Case; 4] = [Case::Plain, Case::Republished, Case::Resting, Case::Dead];

    const fn name(self) -> &'static str {
        match self {
            Case::Plain => "plain",
            Case::Republished => "republished",
            Case::Resting => "and an action that rests",
            Case::Dead => "and an action in vain",
        }
    }

    /// The case it is compared with, and what it may cost at most, in parts of that.
    const fn reference(self) -> Option<(Case, f64)> {
        match self {
            Case::Plain | Case::Resting => None,
            Case::Republished => Some((Case::Plain, 1.5)),
            Case::Dead => Some((Case::Resting, 1.05)),
        }
    }

    /// The rule, at this QoS; what is queued in vain is bounded, and the oldest gives way.
    fn rule(self, qos: QoS) -> Option<String> {
        let second = match self {
            Case::Plain => return None,
            Case::Republished => "",
            Case::Resting => {
                "[[actions]]\nconnector = \"dead\"\nretry = { first_ms = 3_600_000, max_ms = 3_600_000 }\n"
            }
            Case::Dead => "[[actions]]\nconnector = \"dead\"\n",
        };
        Some(format!(
            "/*---\n[[actions]]\nrepublish = {{ topic = \"{THROUGH}${{topic}}\", payload = \"${{payload}}\", qos = {qos} }}\n\
             {second}---*/\nSELECT topic, payload FROM \"bench/#\"\n"
        ))
    }

    fn start(self, qos: QoS, dir: &Path) -> Result<Broker> {
        fs::create_dir_all(dir.join("rules"))?;
        fs::write(dir.join("signalbox.toml"), CONFIG)?;
        if let Some(rule) = self.rule(qos) {
            fs::write(dir.join("rules/bench.sql"), rule)?;
        }
        let broker = Broker::start_signalbox(dir)?;
        broker.pin(0);
        Ok(broker)
    }

    async fn measure(self, qos: QoS, measure: Duration, work: &Path) -> Result<Figures> {
        let dir = work.join(format!("{self:?}-{qos}"));
        let broker = self.start(qos, &dir)?;
        let load = pubsub::Plan {
            layout: Layout::OneToOne,
            qos,
            version: Version::V311,
            publishers: 50,
            subscribers: 50,
            window: 20,
            payload_bytes: 256,
            through: if self == Case::Plain { "" } else { THROUGH },
            keeps_sessions: false,
            warm_up: Duration::from_millis(500),
            measure,
        };
        let figures = pubsub::run(broker.address, broker.process(), load).await?;
        drop(broker);
        fs::remove_dir_all(dir)?;
        Ok(figures)
    }
}

/// Measures every case in turn, again and again, and prints a table.
pub(crate) async fn run(rounds: usize, measure: Duration, out: &mut Output) -> Result<()> {
    let work = super::compare::tempfile_dir()?;
    // The load on the last processor, the broker on the first: with one processor both share it.
    pin_self(std::thread::available_parallelism()?.get() - 1);
    out.line(&format!(
        "load average {}, {rounds} rounds of {} s each, 256 bytes a message, 50 publishers to 50 subscribers",
        load_average(),
        measure.as_secs_f64()
    ));
    out.line("");
    out.line(&format!(
        "{:<8} {:<26} {:>10} {:>11} {:>7} {:>8} {:>6} {:>9}",
        "", "", "messages/s", "CPU us/msg", "ratio", "at most", "lost", "reordered"
    ));
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
        let mut seen: [Vec<Figures>; 4] = Default::default();
        for _ in 0..rounds {
            for (case, figures) in Case::ALL.into_iter().zip(&mut seen) {
                figures.push(case.measure(qos, measure, work.as_ref()).await?);
            }
        }
        let cpu_us = seen.each_ref().map(|figures| median(figures, |figures| figures.cpu_us));
        for (at, case) in Case::ALL.into_iter().enumerate() {
            let own = Row { qos, case, figures: &seen[at], cpu_us: cpu_us[at] };
            let compared = case.reference().and_then(|(other, at_most)| {
                let other = Case::ALL.into_iter().position(|case| case == other)?;
                Some((own.cpu_us / cpu_us[other], at_most))
            });
            own.print(compared, out);
        }
    }
    Ok(())
}

/// What was seen of one case.
struct Row<'a> {
    qos: QoS,
    case: Case,
    figures: &'a [Figures],
    cpu_us: f64,
}

impl Row<'_> {
    /// `compared`: what it costs in parts of another case, and may cost at most.
    fn print(&self, compared: Option<(f64, f64)>, out: &mut Output) {
        let Row { qos, case, figures, cpu_us } = self;
        let rate = median(figures, |figures| figures.rate);
        let lost: u64 = figures.iter().map(|figures| figures.lost).sum();
        let reordered: u64 = figures.iter().map(|figures| figures.reordered).sum();
        let (ratio, at_most) =
            compared.map_or_else(Default::default, |(ratio, at_most)| (format!("{ratio:.2}"), format!("{at_most:.2}")));
        let (qos, name) = (format!("QoS {qos}"), case.name());
        out.line(&format!(
            "{qos:<8} {name:<26} {rate:>10.0} {cpu_us:>11.2} {ratio:>7} {at_most:>8} {lost:>6} {reordered:>9}"
        ));
        out.record(&[
            ("qos", qos.into()),
            ("case", name.into()),
            ("messages_per_s", rate.into()),
            ("cpu_us_per_message", (*cpu_us).into()),
            ("ratio", compared.map(|(ratio, _)| ratio).into()),
            ("ratio_at_most", compared.map(|(_, at_most)| at_most).into()),
            ("lost", lost.into()),
            ("reordered", reordered.into()),
        ]);
    }
}
