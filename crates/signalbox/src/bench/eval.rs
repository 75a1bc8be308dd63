//! What `signalbox rules eval` does with a line, without the pipe around it: lines per second of CPU.

use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;

use super::clock;
use super::process::Process;
use crate::commands::Evaluator;

/// Lines between two looks at the clock.
const ROUND_LINES: usize = 2_000;

/// How many lines are answered per second of CPU.
pub(crate) struct Figures {
    /// All lines have the same text.
    pub(crate) one_text: f64,
    /// Every line has a text of its own.
    pub(crate) distinct_texts: f64,
}

/// Answers lines of both kinds, each for about `measure`.
pub(crate) fn run(measure: Duration) -> Result<Figures> {
    Ok(Figures {
        one_text: lines_per_cpu_s(measure, |number| line(30, number))?,
        distinct_texts: lines_per_cpu_s(measure, |number| line(number, number))?,
    })
}

fn lines_per_cpu_s(measure: Duration, line: impl Fn(usize) -> String) -> Result<f64> {
    let process = Process::new(std::process::id());
    let mut evaluator = Evaluator::new();
    let mut answers = String::new();
    let (mut lines_total, mut cpu_total_us) = (0.0, 0.0);
    let started = clock::now_ns();
    let mut number = 0;
    while u128::from(clock::now_ns() - started) < measure.as_nanos() {
        // The kernel counts CPU in ticks of 10 ms or so, so many rounds are made ready at once.
        let lines: Vec<Bytes> = (number..number + 20 * ROUND_LINES).map(|number| line(number).into()).collect();
        number += lines.len();
        let before_us = process.cpu_us()?;
        for line in lines.chunks(ROUND_LINES) {
            answers.clear();
            line.iter().for_each(|line| evaluator.answer(line.clone(), &mut answers));
        }
        cpu_total_us += process.cpu_us()? - before_us;
        lines_total += super::latency::count_of(u64::try_from(lines.len())?);
    }
    Ok(lines_total * 1e6 / cpu_total_us)
}

/// A rule of the common kind over a message of the common kind.
fn line(limit: usize, number: usize) -> String {
    let sql = format!(
        r#"SELECT clientid, payload.temp AS temp, topic, upper(payload.unit) AS unit FROM \"plant/+/temp\" WHERE payload.temp > {limit}"#
    );
    format!(
        r#"{{"id":{number},"sql":"{sql}","context":{{"event":"message.publish","topic":"plant/{number}/temp","clientid":"pump-{number}","username":"ops","qos":1,"timestamp":1645003578536,"payload":"{{\"temp\":{number}.5,\"unit\":\"c\",\"at\":[1,2,3]}}"}}}}"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_the_bench_are_answered_with_rows() {
        let mut evaluator = Evaluator::new();
        let mut answers = String::new();
        evaluator.answer(line(30, 31).into(), &mut answers);
        let row = r#"{"clientid":"pump-31","temp":31.5,"topic":"plant/31/temp","unit":"C"}"#;
        assert_eq!(answers, format!("{{\"id\":31,\"outputs\":[{row}]}}\n"));
    }
}
