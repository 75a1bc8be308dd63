//! The value of an expression.

use std::borrow::Cow;

use events::Value;
use smallvec::SmallVec;

use super::frame::{Evaluated, Frame, Scope, Slot, error, fault_at};
use super::path::{build, eval_path, eval_slice};
use crate::codes;
use crate::functions::Args;
use crate::plan::{Call, Case, Expr, Node};
use crate::syntax::span::Span;
use crate::values::arithmetic::{Arithmetic, negate};
use crate::values::compare::Comparison;
use crate::values::describe::describe;
use crate::values::like::is_like;

/// As many bytes of text as a function looks through in the time of a step.
const TEXT_BYTES_A_STEP: usize = 256;

/// The value of `expr`.
///
/// Every arm returns by itself: a value that is taken out of its `Ok` and put into another is copied, and a copy right
/// behind the making waits for the memory.
pub(crate) fn eval<'e>(scope: &Scope<'e>, frame: &Frame<'e>, expr: &Expr) -> Evaluated<Value> {
    let span = expr.span;
    match &expr.node {
        Node::Constant(value) => Ok(value.clone()),
        Node::Column(column) => Ok(scope.column(column)),
        Node::Slot(slot) => match frame.get(usize::from(*slot)) {
            Some(Slot::Value(value)) => Ok(value.clone()),
            Some(Slot::Node(node)) => build(scope, *node, span),
            Some(Slot::Unset) | None => Ok(Value::Null),
        },
        Node::Path(path) => eval_path(scope, frame, path, span),
        Node::Slice { path, from, to } => eval_slice(scope, frame, path, (*from, *to), span),
        Node::Range { from, to } => range(scope, *from, *to, span),
        Node::List(items) => {
            charge(scope, items.len() * size_of::<Value>(), span)?;
            items.iter().map(|item| eval_part(scope, frame, item)).collect::<Evaluated<Vec<_>>>().map(Value::from)
        }
        Node::Map(entries) => {
            charge(scope, entries.len() * size_of::<Value>(), span)?;
            let mut map = events::Map::with_capacity(entries.len());
            for (key, value) in entries {
                map.insert(key.clone(), eval_part(scope, frame, value)?);
            }
            Ok(map.into())
        }
        Node::Call(call) => eval_call(scope, frame, call, span),
        Node::Negate(operand) => negate(&eval(scope, frame, operand)?).map_err(|text| wrong_operand(span, text)),
        Node::Arithmetic { first, rest } => eval_arithmetic(scope, frame, first, rest),
        Node::Case(case) => eval_case(scope, frame, case),
        Node::Not(_)
        | Node::And(_)
        | Node::Or(_)
        | Node::Compare { .. }
        | Node::CompareConstant { .. }
        | Node::TopicMatch { .. }
        | Node::In { .. }
        | Node::Like { .. }
        | Node::Between { .. }
        | Node::IsNull { .. } => eval_bool(scope, frame, expr).map(Value::Bool),
    }
}

fn eval_arithmetic<'e>(
    scope: &Scope<'e>,
    frame: &Frame<'e>,
    first: &Expr,
    rest: &[(Arithmetic, Expr)],
) -> Evaluated<Value> {
    // One operator costs as little as a comparison; who writes thousands pays for them.
    scope.budget.steps(rest.len().saturating_sub(1)).map_err(|fault| fault_at(fault, first.span))?;
    let mut left = eval_ref(scope, frame, first)?;
    for (op, right) in rest {
        let span = first.span.to(right.span);
        let value = op.apply(&left, &*eval_ref(scope, frame, right)?).map_err(|text| wrong_operand(span, text))?;
        if let Value::Text(text) = &value {
            charge(scope, text.len(), span)?;
        }
        left = Cow::Owned(value);
    }
    Ok(left.into_owned())
}

/// The value of `expr`, which becomes a part of a list or map.
fn eval_part<'e>(scope: &Scope<'e>, frame: &Frame<'e>, expr: &Expr) -> Evaluated<Value> {
    let value = eval(scope, frame, expr)?;
    scope.budget.nest(&value).map_err(|fault| fault_at(fault, expr.span))?;
    Ok(value)
}

/// Whether a condition holds: NULL does not, and anything that is neither boolean nor NULL fails the rule.
pub(crate) fn holds<'e>(scope: &Scope<'e>, frame: &Frame<'e>, expr: &Expr) -> Evaluated<bool> {
    match &expr.node {
        Node::Not(_)
        | Node::And(_)
        | Node::Or(_)
        | Node::Compare { .. }
        | Node::CompareConstant { .. }
        | Node::TopicMatch { .. }
        | Node::In { .. }
        | Node::Like { .. }
        | Node::Between { .. }
        | Node::IsNull { .. } => eval_bool(scope, frame, expr),
        Node::Constant(_)
        | Node::Column(_)
        | Node::Slot(_)
        | Node::Path(_)
        | Node::Slice { .. }
        | Node::Range { .. }
        | Node::List(_)
        | Node::Map(_)
        | Node::Call(_)
        | Node::Negate(_)
        | Node::Arithmetic { .. }
        | Node::Case(_) => match eval(scope, frame, expr)? {
            Value::Bool(holds) => Ok(holds),
            Value::Null => Ok(false),
            other @ (Value::Int(_)
            | Value::BigInt(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::Bytes(_)
            | Value::List(_)
            | Value::Map(_)) => {
                let message = format!("a condition must be true, false or NULL, found {}", describe(&other));
                Err(error(codes::EVAL_TYPE, expr.span, message))
            }
        },
    }
}

/// The expressions that are true or false and nothing else.
fn eval_bool<'e>(scope: &Scope<'e>, frame: &Frame<'e>, expr: &Expr) -> Evaluated<bool> {
    let value = |expr| eval_ref(scope, frame, expr);
    Ok(match &expr.node {
        Node::CompareConstant { op, left, right } if matches!(left.node, Node::Slot(_)) => {
            op.holds(&*value(left)?, right)
        }
        Node::CompareConstant { op, left, right } => op.holds(&eval(scope, frame, left)?, right),
        Node::Compare { op, operands } => op.holds(&*value(&operands[0])?, &*value(&operands[1])?),
        Node::And(operands) => {
            for operand in operands {
                if !holds(scope, frame, operand)? {
                    return Ok(false);
                }
            }
            true
        }
        Node::Or(operands) => {
            for operand in operands {
                if holds(scope, frame, operand)? {
                    return Ok(true);
                }
            }
            false
        }
        // Two-valued: true exactly where the operand is false.
        Node::Not(operand) => matches!(*value(operand)?, Value::Bool(false)),
        Node::IsNull { negated, operand } => value(operand)?.is_null() != *negated,
        Node::In { negated, operand, items } => {
            let operand = value(operand)?;
            let mut found = false;
            for item in items {
                scope.budget.step().map_err(|fault| fault_at(fault, expr.span))?;
                if Comparison::Equal.holds(&operand, &*value(item)?) {
                    found = true;
                    break;
                }
            }
            found != *negated
        }
        Node::Between { negated, operands } => {
            let [operand, low, high] = &**operands;
            let operand = value(operand)?;
            let inside = Comparison::GreaterOrEqual.holds(&operand, &*value(low)?)
                && Comparison::LessOrEqual.holds(&operand, &*value(high)?);
            inside != *negated
        }
        Node::Like { negated, operands } => eval_like(scope, frame, operands)? != *negated,
        Node::TopicMatch { operands } => eval_topic_match(scope, frame, operands)?,
        Node::Constant(_)
        | Node::Column(_)
        | Node::Slot(_)
        | Node::Path(_)
        | Node::Slice { .. }
        | Node::Range { .. }
        | Node::List(_)
        | Node::Map(_)
        | Node::Call(_)
        | Node::Negate(_)
        | Node::Arithmetic { .. }
        | Node::Case(_) => holds(scope, frame, expr)?,
    })
}

/// The value of `expr`, not cloned where it stands in the plan or in a slot.
fn eval_ref<'v, 'e>(scope: &Scope<'e>, frame: &'v Frame<'e>, expr: &'v Expr) -> Evaluated<Cow<'v, Value>> {
    match &expr.node {
        Node::Constant(value) => Ok(Cow::Borrowed(value)),
        Node::Slot(slot) => match frame.get(usize::from(*slot)) {
            Some(Slot::Value(value)) => Ok(Cow::Borrowed(value)),
            Some(Slot::Node(_) | Slot::Unset) | None => eval(scope, frame, expr).map(Cow::Owned),
        },
        Node::Column(_)
        | Node::Path(_)
        | Node::Slice { .. }
        | Node::Range { .. }
        | Node::List(_)
        | Node::Map(_)
        | Node::Call(_)
        | Node::Negate(_)
        | Node::Not(_)
        | Node::And(_)
        | Node::Or(_)
        | Node::Arithmetic { .. }
        | Node::Compare { .. }
        | Node::CompareConstant { .. }
        | Node::TopicMatch { .. }
        | Node::In { .. }
        | Node::Like { .. }
        | Node::Between { .. }
        | Node::IsNull { .. }
        | Node::Case(_) => eval(scope, frame, expr).map(Cow::Owned),
    }
}

fn eval_call<'e>(scope: &Scope<'e>, frame: &Frame<'e>, call: &Call, span: Span) -> Evaluated<Value> {
    scope.budget.step().map_err(|fault| fault_at(fault, span))?;
    let mut values = SmallVec::<[Value; 4]>::new();
    for arg in &call.args {
        values.push(eval(scope, frame, arg)?);
    }
    let text_len: usize = values.iter().filter_map(Value::as_text).map(str::len).sum();
    // A step for the call, and one for every so many bytes it has to look through.
    scope.budget.steps(text_len / TEXT_BYTES_A_STEP).map_err(|fault| fault_at(fault, span))?;
    let args = Args {
        function: call.function,
        values: &values,
        given: values.len() - call.function.columns(),
        regex: call.regex.as_ref(),
        ctx: scope.ctx,
        budget: scope.budget,
        document: scope.document(),
        columns: scope.columns,
    };
    (call.function.call)(&args).map_err(|fault| {
        let at = fault.argument.and_then(|at| call.args.get(at)).map_or(span, |arg| arg.span);
        fault_at(fault, at)
    })
}

fn eval_case<'e>(scope: &Scope<'e>, frame: &Frame<'e>, case: &Case) -> Evaluated<Value> {
    let operand = case.operand.as_ref().map(|operand| eval(scope, frame, operand)).transpose()?;
    for (condition, value) in &case.branches {
        let taken = match &operand {
            Some(operand) => Comparison::Equal.holds(operand, &*eval_ref(scope, frame, condition)?),
            None => holds(scope, frame, condition)?,
        };
        if taken {
            return eval(scope, frame, value);
        }
    }
    case.otherwise.as_ref().map_or(Ok(Value::Null), |otherwise| eval(scope, frame, otherwise))
}

fn eval_like<'e>(scope: &Scope<'e>, frame: &Frame<'e>, operands: &[Expr; 2]) -> Evaluated<bool> {
    match text_operands(scope, frame, operands, "LIKE")? {
        Some((text, pattern)) => {
            // The match takes a step for every pair of characters at worst.
            let steps = (text.len() / 64 + 1).saturating_mul(pattern.len() / 64 + 1);
            scope.budget.steps(steps).map_err(|fault| fault_at(fault, operands[0].span))?;
            Ok(is_like(&text, &pattern))
        }
        None => Ok(false),
    }
}

fn eval_topic_match<'e>(scope: &Scope<'e>, frame: &Frame<'e>, operands: &[Expr; 2]) -> Evaluated<bool> {
    let Some((topic, filter)) = text_operands(scope, frame, operands, "=~")? else { return Ok(false) };
    let checked = matches!(operands[1].node, Node::Constant(_)) || mqtt::Filter::parse(filter.clone()).is_ok();
    Ok(checked && mqtt::filter::matches(&filter, &topic))
}

/// Both operands as text; `None` where one is NULL.
fn text_operands<'e>(
    scope: &Scope<'e>,
    frame: &Frame<'e>,
    operands: &[Expr; 2],
    operator: &str,
) -> Evaluated<Option<(bytestring::ByteString, bytestring::ByteString)>> {
    let (left, right) = (eval(scope, frame, &operands[0])?, eval(scope, frame, &operands[1])?);
    match (left, right) {
        (Value::Null, _) | (_, Value::Null) => Ok(None),
        (Value::Text(left), Value::Text(right)) => Ok(Some((left, right))),
        (left, right) => {
            let (wrong, at) = if left.as_text().is_none() { (left, 0) } else { (right, 1) };
            let message = format!("`{operator}` wants text, found {}", describe(&wrong));
            Err(error(codes::EVAL_TYPE, operands[at].span, message))
        }
    }
}

fn range(scope: &Scope<'_>, from: i64, to: i64, span: Span) -> Evaluated<Value> {
    let len = usize::try_from(to.saturating_sub(from).saturating_add(1)).unwrap_or(0);
    charge(scope, len.saturating_mul(size_of::<Value>()), span)?;
    Ok(Value::from((from..=to).map(Value::Int).collect::<Vec<_>>()))
}

fn charge(scope: &Scope<'_>, bytes: usize, span: Span) -> Evaluated<()> {
    scope.budget.charge(bytes).map_err(|fault| fault_at(fault, span))
}

fn wrong_operand(span: Span, message: String) -> Box<crate::EvalError> {
    error(codes::EVAL_TYPE, span, message)
}
