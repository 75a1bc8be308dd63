//! Every case of the rule language through the real `signalbox rules eval`.

use serde_json::{Value, json};

use crate::cases_of_the_language::{COUNT, Outcome, SITE, all};
use crate::support::server::{Finished, Home};

#[test]
fn every_case_of_the_language_is_as_it_says() {
    let cases = all();
    let lines = cases
        .iter()
        .enumerate()
        .map(|(id, case)| json!({ "id": id, "sql": case.sql(), "context": case.context() }).to_string());
    let home = Home::new();
    home.write("cases", &lines.collect::<Vec<_>>().join("\n"));
    let input = std::fs::File::open(home.path().join("cases")).unwrap();
    let output = home.command(&["rules", "eval"]).env(SITE.0, SITE.1).stdin(input).output().unwrap();
    let finished = Finished::of(output);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);

    let answers: Vec<Value> = finished.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((answers.len(), cases.len()), (COUNT, COUNT));
    let mut report = String::new();
    for (id, (case, answer)) in cases.iter().zip(&answers).enumerate() {
        assert_eq!(answer["id"], id);
        report.extend(case.difference(&outcome(answer)));
    }
    assert!(report.is_empty(), "{report}");
}

fn outcome(answer: &Value) -> Outcome {
    if answer["no_match"] == true {
        return Outcome::NoMatch;
    }
    match answer["outputs"].as_array() {
        Some(rows) => Outcome::Rows(rows.clone()),
        None => Outcome::Error(answer["error"].to_string()),
    }
}
