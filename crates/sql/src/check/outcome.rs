//! Conditions whose outcome is known before an event has come: constants, contradictions, branches that are never reached.
//!
//! A condition is tried with values of one path at a time: those that its constants name, their neighbours, and NULL. What
//! depends on anything else is not known. So nothing is told of a condition that may go either way.

use events::{Type, Value};

use super::names::Names;
use super::projection::same_path;
use super::types::with_article;
use super::{Checker, Mode};
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::json::number_of;
use crate::syntax::ast::{Expr, ExprKind, Path};
use crate::values::arithmetic::negate;
use crate::values::compare::{Comparison, order, same};
use crate::values::number::number_of_text;
use crate::values::text::text_of;

/// The most constants of a condition that is looked at; what is longer was made by a program.
const CONSTANTS_MAX: usize = 32;

/// The longest condition that a message repeats, in characters.
const SHOWN_MAX: usize = 60;

/// What comes of a condition, whatever the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Never,
    Always,
    /// Always, but where the path is NULL.
    UnlessNull,
}

/// A path with the values it is tried with.
struct Subject<'a> {
    path: &'a Path,
    values: Vec<Value>,
}

impl Checker<'_> {
    /// Warns of the smallest conditions in `condition` that hold always or never.
    pub(super) fn warn_of_outcome(&mut self, condition: &Expr, names: &Names<'_>) {
        let told = self.diagnostics.len();
        if let ExprKind::And(operands) | ExprKind::Or(operands) = &condition.kind {
            for operand in operands {
                self.warn_of_outcome(operand, names);
            }
        } else if let ExprKind::Not(operand) = &condition.kind {
            self.warn_of_outcome(operand, names);
        }
        let span = condition.span.range();
        let is_told = |diagnostic: &Diagnostic| span.contains(&diagnostic.span.start);
        let is_word = matches!(condition.kind, ExprKind::Literal(Value::Bool(true)));
        if is_word || self.diagnostics.len() > told || self.diagnostics.iter().any(is_told) {
            return;
        }
        let Some((outcome, subject)) = self.outcome(condition, names) else { return };
        let diagnostic = self.outcome_diagnostic(condition, outcome, subject.map(|subject| subject.path), names);
        self.diagnostics.push(diagnostic);
    }

    /// Warns of branches of a CASE that are never reached, because one before them takes everything.
    pub(super) fn warn_of_branches(&mut self, operand: Option<&Expr>, branches: &[(Expr, Expr)], names: &Names<'_>) {
        for (at, (condition, _)) in branches.iter().enumerate() {
            let earlier = branches.get(..at).unwrap_or_default();
            let taken_by = match operand {
                Some(_) => earlier.iter().find(|(earlier, _)| is_same_constant(earlier, condition)).map(|(e, _)| e),
                None => self.taken_by(condition, earlier, names),
            };
            if let Some(earlier) = taken_by {
                let shown = self.shown(earlier);
                let message = format!("this branch is never reached: what it could take goes to {shown} before it");
                let diagnostic = Diagnostic::warning(codes::UNREACHABLE, condition.span.range(), message);
                let help = operand.is_none().then(|| "begin with the narrowest condition".to_owned());
                self.diagnostics.push(diagnostic.with_help_if(help));
            }
        }
    }

    /// Warns of a value that stands twice in IN.
    pub(super) fn warn_of_duplicates(&mut self, items: &[Expr]) {
        for (at, item) in items.iter().enumerate().take(CONSTANTS_MAX) {
            if items.iter().take(at).any(|earlier| is_same_constant(earlier, item)) {
                let message = format!("{} stands twice in `IN`", self.shown(item));
                self.diagnostics.push(Diagnostic::warning(codes::DUPLICATE, item.span.range(), message));
            }
        }
    }

    /// The branch after which nothing is left for `condition`; `None` where it is never true by itself.
    fn taken_by<'e>(&self, condition: &Expr, earlier: &'e [(Expr, Expr)], names: &Names<'_>) -> Option<&'e Expr> {
        if let Some((always, _)) = earlier.iter().find(|(earlier, _)| holds(earlier, None) == Some(true)) {
            return Some(always);
        }
        let whole: Vec<&Expr> = earlier.iter().map(|(earlier, _)| earlier).chain([condition]).collect();
        let subjects = self.subjects(&whole, names);
        subjects.iter().find_map(|subject| {
            let of = |expr: &Expr, value: &Value| holds(expr, Some((subject.path, value)));
            let (mut last, mut possible) = (None, false);
            for value in &subject.values {
                if of(condition, value) == Some(false) {
                    continue;
                }
                possible = true;
                let (taken, _) = earlier.iter().find(|(earlier, _)| of(earlier, value) == Some(true))?;
                last = Some(taken);
            }
            last.filter(|_| possible)
        })
    }

    fn outcome<'e>(&self, condition: &'e Expr, names: &Names<'_>) -> Option<(Outcome, Option<Subject<'e>>)> {
        if let Some(constant) = holds(condition, None) {
            return Some((if constant { Outcome::Always } else { Outcome::Never }, None));
        }
        let mut subjects = self.subjects(&[condition], names).into_iter();
        subjects.find_map(|subject| {
            let of = |value: &Value| holds(condition, Some((subject.path, value)));
            let is_always = |value: &Value| of(value) == Some(true);
            let outcome = if subject.values.iter().all(|value| of(value) == Some(false)) {
                Outcome::Never
            } else if subject.values.iter().all(is_always) {
                Outcome::Always
            } else if matches!(condition.kind, ExprKind::Or(_))
                && !asks_for_null(condition)
                && subject.values.iter().filter(|value| !value.is_null()).all(is_always)
            {
                Outcome::UnlessNull
            } else {
                return None;
            };
            Some((outcome, Some(subject)))
        })
    }

    fn outcome_diagnostic(
        &self,
        condition: &Expr,
        outcome: Outcome,
        path: Option<&Path>,
        names: &Names<'_>,
    ) -> Diagnostic {
        let shown = self.shown(condition);
        let span = condition.span.range();
        let name = path.map(|path| self.path_text(path)).unwrap_or_default();
        match outcome {
            Outcome::Never => {
                let diagnostic = Diagnostic::warning(codes::NEVER_TRUE, span, format!("{shown} is never true"));
                match (&condition.kind, path) {
                    (ExprKind::And(_), Some(_)) => {
                        let help = format!("no value of `{name}` fits all of it; `OR` was meant, perhaps");
                        diagnostic.with_help(help)
                    }
                    (ExprKind::IsNull { .. }, Some(_)) => diagnostic.with_help(format!("`{name}` is never NULL")),
                    (ExprKind::Between { .. }, Some(_)) => {
                        diagnostic.with_help("`BETWEEN` goes from the lower value to the higher one")
                    }
                    (_, Some(path)) => match self.known_type(path, names) {
                        (Type::Any, _) => diagnostic,
                        (Type::Int, _) if path.root == "qos" => diagnostic.with_help("`qos` is 0, 1 or 2"),
                        (Type::Timestamp, _) => diagnostic.with_help(format!(
                            "`{name}` is a number of ms; `rfc3339_to_unix_ts(text, 'millisecond')` makes one of a date"
                        )),
                        (ty, _) => diagnostic.with_help(format!("`{name}` is {}", with_article(ty))),
                    },
                    (_, None) => diagnostic,
                }
            }
            Outcome::Always => {
                let diagnostic = Diagnostic::warning(codes::ALWAYS_TRUE, span, format!("{shown} is always true"));
                match (&condition.kind, path) {
                    (ExprKind::Or(_), Some(_)) => diagnostic.with_help("`AND` was meant, perhaps"),
                    (ExprKind::IsNull { .. }, Some(_)) => diagnostic.with_help(format!("`{name}` is never NULL")),
                    _ => diagnostic,
                }
            }
            Outcome::UnlessNull => {
                let message = format!("{shown} is true whatever `{name}` is, but for NULL");
                Diagnostic::warning(codes::ALWAYS_TRUE, span, message).with_help("`AND` was meant, perhaps")
            }
        }
    }

    /// The paths of conditions with the values to try each of them with.
    fn subjects<'e>(&self, conditions: &[&'e Expr], names: &Names<'_>) -> Vec<Subject<'e>> {
        let (mut paths, mut constants) = (Vec::new(), Vec::new());
        for condition in conditions {
            collect(condition, &mut paths, &mut constants);
        }
        if constants.len() > CONSTANTS_MAX {
            return Vec::new();
        }
        let with_values = |path: &'e Path| {
            let known = self.known_type(path, names);
            let values = self.values_named(path, known).unwrap_or_else(|| values_of(&constants, known));
            Subject { path, values }
        };
        paths.into_iter().map(with_values).collect()
    }

    /// The only values that a column has, where they are few: reasons and the QoS.
    fn values_named(&self, path: &Path, (ty, is_optional): (Type, bool)) -> Option<Vec<Value>> {
        let mut values: Vec<Value> = match ty {
            Type::Int if path.root == "qos" => (0..=2).map(Value::Int).collect(),
            Type::Text if self.mode == Mode::Catalogue => {
                self.names_of(&path.root)?.into_iter().map(Value::from_static).collect()
            }
            Type::Int
            | Type::Text
            | Type::Null
            | Type::Bool
            | Type::Float
            | Type::Number
            | Type::Timestamp
            | Type::Bytes
            | Type::List
            | Type::Map
            | Type::Any => return None,
        };
        if is_optional {
            values.push(Value::Null);
        }
        Some(values)
    }

    /// The type of what a path leads to, and whether it may be NULL.
    fn known_type(&self, path: &Path, names: &Names<'_>) -> (Type, bool) {
        let root = &*path.root;
        let is_column = path.steps.is_empty()
            && names.output(root).is_none()
            && names.local(root).is_none()
            && !names.aliases.is_some_and(|aliases| aliases.names(root));
        let ty = if is_column && self.mode.knows_types() { self.column_type(root) } else { None };
        let is_required = |kind: &events::Kind| kind.event_type().field(root).is_some_and(|(_, field)| !field.optional);
        ty.map_or((Type::Any, true), |ty| (ty, !self.kinds.iter().all(is_required)))
    }

    /// The text of an expression, where it is short.
    fn shown(&self, expr: &Expr) -> String {
        let text = self.text.get(expr.span.range()).unwrap_or_default();
        let is_short = text.chars().count() <= SHOWN_MAX && !text.contains(['\n', '`']);
        if is_short { format!("`{text}`") } else { "this condition".to_owned() }
    }

    fn path_text(&self, path: &Path) -> String {
        let mut text = path.root.to_string();
        for step in super::projection::known_keys(path) {
            text.push('.');
            text.push_str(&step);
        }
        text
    }
}

/// The distinct paths of an expression and its constants.
fn collect<'e>(expr: &'e Expr, paths: &mut Vec<&'e Path>, constants: &mut Vec<Value>) {
    match &expr.kind {
        ExprKind::Literal(_) | ExprKind::Negate(_) => constants.extend(constant(expr)),
        ExprKind::Path(path) => {
            if !paths.iter().any(|known| same_path(known, path)) && same_path(path, path) {
                paths.push(path);
            }
        }
        ExprKind::Not(operand) | ExprKind::IsNull { operand, .. } => collect(operand, paths, constants),
        ExprKind::And(operands) | ExprKind::Or(operands) => {
            for operand in operands {
                collect(operand, paths, constants);
            }
        }
        ExprKind::Compare { left, right, .. } => {
            collect(left, paths, constants);
            collect(right, paths, constants);
        }
        ExprKind::In { operand, items, .. } => {
            for part in items.iter().chain([&**operand]) {
                collect(part, paths, constants);
            }
        }
        ExprKind::Between { operand, low, high, .. } => {
            for part in [operand, low, high] {
                collect(part, paths, constants);
            }
        }
        ExprKind::Slice { .. }
        | ExprKind::Range { .. }
        | ExprKind::List(_)
        | ExprKind::Map(_)
        | ExprKind::Call { .. }
        | ExprKind::Arithmetic { .. }
        | ExprKind::TopicMatch { .. }
        | ExprKind::Like { .. }
        | ExprKind::Case { .. } => {}
    }
}

/// Values between and beside which nothing changes for comparisons with `constants`.
fn values_of(constants: &[Value], (ty, is_optional): (Type, bool)) -> Vec<Value> {
    let is_number = |value: &Value| matches!(value, Value::Int(_) | Value::BigInt(_) | Value::Float(_));
    let of_text = constants.iter().filter_map(Value::as_text).filter_map(number_of_text);
    let mut numbers: Vec<Value> = constants.iter().filter(|value| is_number(value)).cloned().chain(of_text).collect();
    numbers.sort_by(|left, right| order(left, right).unwrap_or(std::cmp::Ordering::Equal));
    let mut values = vec![Value::Int(0)];
    for number in &numbers {
        values.extend(neighbours(number));
    }
    for pair in numbers.windows(2) {
        values.extend(between(pair));
    }
    let mut texts = vec![Value::from_static(""), Value::from_static("\u{10FFFF}")];
    for constant in constants {
        match constant {
            Value::Text(text) => texts.extend([constant.clone(), Value::from(format!("{text}\0"))]),
            Value::Int(_) | Value::BigInt(_) | Value::Float(_) | Value::Bool(_) => {
                texts.push(Value::from(text_of(constant).into_owned()));
            }
            Value::Null | Value::Bytes(_) | Value::List(_) | Value::Map(_) => {}
        }
    }
    let bools = [Value::Bool(true), Value::Bool(false)];
    let whole = |value: &Value| matches!(value, Value::Int(_) | Value::BigInt(_));
    let mut all: Vec<Value> = match ty {
        Type::Bool => bools.into(),
        Type::Int | Type::Timestamp => values.into_iter().filter(whole).collect(),
        Type::Float | Type::Number => values,
        Type::Text => texts,
        Type::Any | Type::Bytes | Type::Null | Type::List | Type::Map => {
            let others = [events::Map::new().into(), Value::from(Vec::<Value>::new())];
            values.into_iter().chain(texts).chain(bools).chain(others).collect()
        }
    };
    if is_optional || ty == Type::Any {
        all.push(Value::Null);
    }
    all
}

/// A number, the integers beside it, and what lies between.
fn neighbours(number: &Value) -> Vec<Value> {
    use crate::values::arithmetic::Arithmetic::{Add, Subtract};
    let one = Value::Int(1);
    let half = Value::Float(0.5);
    let mut all = vec![number.clone()];
    for step in [&one, &half] {
        all.extend(Add.apply(number, step).ok());
        all.extend(Subtract.apply(number, step).ok());
    }
    if let Value::Float(float) = number {
        let whole = [float.floor(), float.ceil()];
        all.extend(whole.iter().filter_map(|whole| number_of(&format!("{whole:.0}")).ok()));
    }
    all
}

fn between(pair: &[Value]) -> Option<Value> {
    use crate::values::arithmetic::Arithmetic::{Add, Divide};
    let [low, high] = pair else { return None };
    Divide.apply(&Add.apply(low, high).ok()?, &Value::Int(2)).ok()
}

/// Whether a condition holds where `subject` is the only thing that is known; `None` where that is not enough.
fn holds(expr: &Expr, subject: Option<(&Path, &Value)>) -> Option<bool> {
    match &expr.kind {
        ExprKind::And(operands) => all(operands, subject, true),
        ExprKind::Or(operands) => all(operands, subject, false),
        ExprKind::Not(operand) => Some(matches!(value(operand, subject)?, Value::Bool(false))),
        ExprKind::Compare { op, left, right } => Some(op.holds(&value(left, subject)?, &value(right, subject)?)),
        ExprKind::IsNull { negated, operand } => Some(value(operand, subject)?.is_null() != *negated),
        ExprKind::In { negated, operand, items } => {
            let operand = value(operand, subject)?;
            let mut is_known = true;
            for item in items {
                match value(item, subject) {
                    Some(item) if Comparison::Equal.holds(&operand, &item) => return Some(!negated),
                    Some(_) => {}
                    None => is_known = false,
                }
            }
            is_known.then_some(*negated)
        }
        ExprKind::Between { negated, operand, low, high } => {
            let operand = value(operand, subject)?;
            let inside = Comparison::GreaterOrEqual.holds(&operand, &value(low, subject)?)
                && Comparison::LessOrEqual.holds(&operand, &value(high, subject)?);
            Some(inside != *negated)
        }
        ExprKind::Literal(_) | ExprKind::Path(_) => match value(expr, subject)? {
            Value::Bool(holds) => Some(holds),
            Value::Null => Some(false),
            Value::Int(_)
            | Value::BigInt(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::Bytes(_)
            | Value::List(_)
            | Value::Map(_) => None,
        },
        ExprKind::Slice { .. }
        | ExprKind::Range { .. }
        | ExprKind::List(_)
        | ExprKind::Map(_)
        | ExprKind::Call { .. }
        | ExprKind::Negate(_)
        | ExprKind::Arithmetic { .. }
        | ExprKind::TopicMatch { .. }
        | ExprKind::Like { .. }
        | ExprKind::Case { .. } => None,
    }
}

/// AND where `wanted` is true, OR where it is false: one operand that is otherwise decides.
fn all(operands: &[Expr], subject: Option<(&Path, &Value)>, wanted: bool) -> Option<bool> {
    let outcomes = || operands.iter().map(|operand| holds(operand, subject));
    if outcomes().any(|outcome| outcome == Some(!wanted)) {
        return Some(!wanted);
    }
    outcomes().all(|outcome| outcome == Some(wanted)).then_some(wanted)
}

fn value(expr: &Expr, subject: Option<(&Path, &Value)>) -> Option<Value> {
    match &expr.kind {
        ExprKind::Literal(_) | ExprKind::Negate(_) => constant(expr),
        ExprKind::Path(path) => subject.filter(|(known, _)| same_path(known, path)).map(|(_, value)| value.clone()),
        ExprKind::Not(_)
        | ExprKind::And(_)
        | ExprKind::Or(_)
        | ExprKind::Compare { .. }
        | ExprKind::In { .. }
        | ExprKind::Between { .. }
        | ExprKind::IsNull { .. } => holds(expr, subject).map(Value::Bool),
        ExprKind::Arithmetic { first, rest } => {
            rest.iter().try_fold(constant(first)?, |left, (op, right)| op.apply(&left, &constant(right)?).ok())
        }
        ExprKind::Slice { .. }
        | ExprKind::Range { .. }
        | ExprKind::List(_)
        | ExprKind::Map(_)
        | ExprKind::Call { .. }
        | ExprKind::TopicMatch { .. }
        | ExprKind::Like { .. }
        | ExprKind::Case { .. } => None,
    }
}

/// The value of a literal, perhaps with a sign.
fn constant(expr: &Expr) -> Option<Value> {
    if let ExprKind::Negate(operand) = &expr.kind {
        return negate(&constant(operand)?).ok();
    }
    if let ExprKind::Literal(value) = &expr.kind { Some(value.clone()) } else { None }
}

fn is_same_constant(left: &Expr, right: &Expr) -> bool {
    constant(left).zip(constant(right)).is_some_and(|(left, right)| same(&left, &right))
}

fn asks_for_null(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::IsNull { .. } => true,
        ExprKind::And(operands) | ExprKind::Or(operands) => operands.iter().any(asks_for_null),
        ExprKind::Not(operand) => asks_for_null(operand),
        ExprKind::Literal(_)
        | ExprKind::Path(_)
        | ExprKind::Slice { .. }
        | ExprKind::Range { .. }
        | ExprKind::List(_)
        | ExprKind::Map(_)
        | ExprKind::Call { .. }
        | ExprKind::Negate(_)
        | ExprKind::Arithmetic { .. }
        | ExprKind::Compare { .. }
        | ExprKind::TopicMatch { .. }
        | ExprKind::In { .. }
        | ExprKind::Like { .. }
        | ExprKind::Between { .. }
        | ExprKind::Case { .. } => false,
    }
}
