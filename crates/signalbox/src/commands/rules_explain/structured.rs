//! An explanation for programs.

use engine::{ActionPreview, CheckedRule, Explained};
use events::{Map, Value as Field};
use serde_json::{Value, json};
use sql::{Answer, Rows, Step};

/// The whole explanation of one event.
pub(super) fn document(rule: &CheckedRule, explained: &Explained) -> Value {
    let explanation = &explained.explanation;
    let sql = rule.sql();
    let text = |span: &std::ops::Range<usize>| sql.get(span.clone()).unwrap_or_default();
    let from = explanation.from.iter().map(|entry| {
        json!({
            "text": text(&entry.span),
            "span": [entry.span.start, entry.span.end],
            "matched": entry.mismatch.is_none(),
            "why": entry.mismatch,
        })
    });
    let through = explanation.through.as_ref().map(|through| {
        let elements = through.elements.iter().map(|element| {
            json!({
                "value": json_of(&element.value),
                "incase": element.incase.as_ref().map(|step| step_json(sql, step)),
                "row": element.row.as_ref().map(row_json),
            })
        });
        json!({ "text": text(&through.span), "note": through.note, "elements": elements.collect::<Vec<_>>() })
    });
    let mut document = json!({
        "rule": rule.id(),
        "file": rule.source().file,
        "event": explained.event,
        "of_sample": explained.of_sample,
        "from": from.collect::<Vec<_>>(),
        "where": explanation.filter.as_ref().map(|step| step_json(sql, step)),
        "foreach": through,
        "actions": explained.previews.iter().map(preview_json).collect::<Vec<_>>(),
    });
    match &explanation.outcome {
        Ok(Rows::NoMatch) => document["result"] = json!("no_match"),
        Ok(Rows::One(row)) => {
            document["result"] = json!("rows");
            document["rows"] = json!([row_json(row)]);
        }
        Ok(Rows::Many(rows)) => {
            document["result"] = json!("rows");
            document["rows"] = rows.iter().map(row_json).collect();
        }
        Err(error) => {
            document["result"] = json!("error");
            document["error"] =
                json!({ "code": error.code, "message": error.message, "span": [error.span.start, error.span.end] });
        }
    }
    document["why"] = json!(explanation.why_no_row(sql));
    document
}

fn step_json(sql: &str, step: &Step) -> Value {
    let mut node = json!({
        "text": sql.get(step.span.clone()),
        "span": [step.span.start, step.span.end],
        "decides": step.decides,
        "note": step.note,
        "steps": step.steps.iter().map(|step| step_json(sql, step)).collect::<Vec<_>>(),
    });
    match &step.answer {
        Answer::Value(value) => {
            node["evaluated"] = json!(true);
            node["type"] = json!(value.type_of().to_string());
            node["value"] = json_of(value);
        }
        Answer::Failed(error) => {
            node["evaluated"] = json!(true);
            node["error"] = json!(error.message);
        }
        Answer::Skipped => node["evaluated"] = json!(false),
    }
    node
}

fn preview_json(action: &ActionPreview) -> Value {
    let parts = action.preview.parts.iter().map(|part| {
        let placeholders = part.placeholders.iter();
        let placeholders = placeholders.map(|one| json!({ "placeholder": one.text, "value": json_of(&one.value) }));
        json!({ "name": part.name, "value": json_of(&part.value), "placeholders": placeholders.collect::<Vec<_>>() })
    });
    json!({
        "action": &*action.name,
        "kind": action.kind,
        "row": action.row_number + 1,
        "fallback": action.is_fallback,
        "rejected": action.preview.rejected,
        "parts": parts.collect::<Vec<_>>(),
    })
}

fn row_json(row: &Map) -> Value {
    serde_json::from_str(&row.to_json()).unwrap_or_default()
}

fn json_of(value: &Field) -> Value {
    serde_json::from_str(&value.to_json()).unwrap_or_default()
}
