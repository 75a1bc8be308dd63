//! Expressions with what came of each of their operands.

use events::Value;

use super::{Answer, Step, compare, path};
use crate::EvalError;
use crate::eval::{self, Frame, Scope, Slot};
use crate::plan::{Alias, Base, Call, Case, Expr, Node, Path};
use crate::syntax::span::Span;
use crate::values::compare::Comparison;

/// Evaluates and keeps what comes out.
pub(super) struct Tracer<'x, 'e> {
    text: &'x str,
    scope: &'x Scope<'e>,
    /// What was evaluated stands behind what was there.
    frame: &'x mut Frame<'e>,
}

/// The operand that decides, where one does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Connective {
    /// The first that does not hold.
    And,
    /// The first that holds.
    Or,
}

impl<'x, 'e> Tracer<'x, 'e> {
    pub(super) fn new(text: &'x str, scope: &'x Scope<'e>, frame: &'x mut Frame<'e>) -> Tracer<'x, 'e> {
        Tracer { text, scope, frame }
    }

    /// A condition: worth `true` or `false`, or failed.
    pub(super) fn condition(&mut self, expr: &'e Expr) -> Step {
        let mut step = self.step(expr);
        if let Answer::Value(value) = &step.answer
            && !matches!(value, Value::Bool(_))
        {
            if value.is_null() {
                step.note.get_or_insert_with(|| "NULL does not hold".to_owned());
            }
            let before = self.frame.len();
            let slot = self.put(&step);
            step.answer = match eval::holds(self.scope, self.frame, &slot) {
                Ok(holds) => Answer::Value(Value::Bool(holds)),
                Err(error) => Answer::Failed(*error),
            };
            self.frame.truncate(before);
        }
        step
    }

    /// An expression.
    fn step(&mut self, expr: &'e Expr) -> Step {
        match &expr.node {
            Node::And(operands) => self.connected(expr, operands, Connective::And),
            Node::Or(operands) => self.connected(expr, operands, Connective::Or),
            Node::Case(case) => self.case(expr, case),
            Node::In { negated, operand, items } => self.contained(expr, *negated, operand, items),
            Node::Between { negated, operands } => self.between(expr, *negated, operands),
            Node::Path(path) => {
                let steps = self.alias_steps(path);
                Step { steps, ..self.leaf(expr) }
            }
            Node::Constant(_) | Node::Column(_) | Node::Slot(_) | Node::Slice { .. } | Node::Range { .. } => {
                self.leaf(expr)
            }
            Node::List(items) => self.applied(expr, items.iter().collect(), |items| Node::List(items.into())),
            Node::Map(entries) => {
                let keys = entries.iter().map(|(key, _)| key.clone());
                let values = entries.iter().map(|(_, value)| value).collect();
                self.applied(expr, values, |values| Node::Map(keys.zip(values).collect()))
            }
            Node::Call(call) => {
                let Call { function, regex, args } = &**call;
                let call = |args: Vec<Expr>| Call { function, args: args.into(), regex: regex.clone() };
                self.applied(expr, args.iter().collect(), |args| Node::Call(Box::new(call(args))))
            }
            Node::Negate(operand) => self.applied(expr, vec![operand], |one| Node::Negate(only(one))),
            Node::Not(operand) => {
                let mut step = self.applied(expr, vec![operand], |one| Node::Not(only(one)));
                step.steps.iter_mut().for_each(|operand| operand.decides = true);
                step
            }
            Node::IsNull { negated, operand } => {
                self.applied(expr, vec![operand], |one| Node::IsNull { negated: *negated, operand: only(one) })
            }
            Node::CompareConstant { op, left, right } => self.applied(expr, vec![left], |left| Node::CompareConstant {
                op: *op,
                left: only(left),
                right: right.clone(),
            }),
            Node::Arithmetic { first, rest } => {
                let operands = std::iter::once(&**first).chain(rest.iter().map(|(_, operand)| operand)).collect();
                self.applied(expr, operands, |all| {
                    let mut operands = all.into_iter();
                    let first = Box::new(operands.next().expect("as many operands as were evaluated"));
                    Node::Arithmetic { first, rest: rest.iter().map(|(op, _)| *op).zip(operands).collect() }
                })
            }
            Node::Compare { op, operands } => {
                self.applied(expr, operands.iter().collect(), |two| Node::Compare { op: *op, operands: pair(two) })
            }
            Node::TopicMatch { operands } => {
                self.applied(expr, operands.iter().collect(), |two| Node::TopicMatch { operands: pair(two) })
            }
            Node::Like { negated, operands } => self
                .applied(expr, operands.iter().collect(), |two| Node::Like { negated: *negated, operands: pair(two) }),
        }
    }

    /// What has no operands.
    fn leaf(&mut self, expr: &Expr) -> Step {
        let answer = answer_of(eval::eval(self.scope, self.frame, expr));
        let is_null = matches!(answer, Answer::Value(Value::Null));
        let note = if is_null { path::why_null(self.text, expr, self.scope, self.frame) } else { None };
        Step { span: expr.span.range(), answer, note, decides: false, steps: Vec::new() }
    }

    /// The fields of the row that an alias in WHERE is made of; they are evaluated here and kept for the evaluator.
    fn alias_steps(&mut self, path: &'e Path) -> Vec<Step> {
        let Some(Alias { needs, .. }) = alias_of(&path.base) else { return Vec::new() };
        let mut frame = Frame::new();
        frame.resize(self.scope.slots, Slot::Unset);
        let mut steps = Vec::new();
        for &at in needs {
            let Some(item) = self.scope.items.get(at) else { continue };
            let kept = self.scope.kept.borrow().get(at).cloned().flatten();
            let value = match kept {
                Some(value) => value,
                None => {
                    let step = Tracer::new(self.text, self.scope, &mut frame).step(&item.expr);
                    frame.truncate(self.scope.slots);
                    let answer = step.answer.clone();
                    steps.push(step);
                    // Where it fails, the evaluator comes to the same error.
                    let Answer::Value(value) = answer else { break };
                    if let Some(place) = self.scope.kept.borrow_mut().get_mut(at) {
                        *place = Some(value.clone());
                    }
                    value
                }
            };
            if eval::put_item(self.scope, &mut frame, &item.target, value).is_err() {
                break;
            }
        }
        steps
    }

    /// AND and OR: operands up to the one that decides.
    fn connected(&mut self, expr: &'e Expr, operands: &'e [Expr], connective: Connective) -> Step {
        let mut steps = Vec::with_capacity(operands.len());
        let mut result = None;
        for operand in operands {
            if result.is_some() {
                steps.push(skipped(operand));
                continue;
            }
            let mut step = self.condition(operand);
            let decides = connective == Connective::Or;
            result = match &step.answer {
                Answer::Value(value) if *value == Value::Bool(decides) => Some(Answer::Value(value.clone())),
                Answer::Failed(error) => Some(Answer::Failed(error.clone())),
                Answer::Value(_) | Answer::Skipped => None,
            };
            step.decides = result.is_some();
            steps.push(step);
        }
        let answer = result.unwrap_or_else(|| {
            steps.iter_mut().for_each(|step| step.decides = true);
            Answer::Value(Value::Bool(connective == Connective::And))
        });
        Step { span: expr.span.range(), answer, note: None, decides: false, steps }
    }

    /// CASE: conditions up to the one that is taken, and its value.
    fn case(&mut self, expr: &'e Expr, case: &'e Case) -> Step {
        let mut steps = Vec::new();
        let mut answer = None;
        let operand = case.operand.as_ref().map(|operand| self.step(operand));
        if let Some(Step { answer: Answer::Failed(error), .. }) = &operand {
            answer = Some(Answer::Failed(error.clone()));
        }
        for (condition, value) in &case.branches {
            if answer.is_some() {
                steps.push(skipped(condition));
                continue;
            }
            let step = match &operand {
                Some(operand) => self.step_equal(operand, condition),
                None => self.condition(condition),
            };
            let taken = match &step.answer {
                Answer::Value(value) => *value == Value::Bool(true),
                Answer::Failed(error) => {
                    answer = Some(Answer::Failed(error.clone()));
                    false
                }
                Answer::Skipped => false,
            };
            steps.push(step);
            if taken {
                let step = self.step(value);
                answer = Some(step.answer.clone());
                push_unless_constant(&mut steps, value, step);
            }
        }
        let answer = answer.unwrap_or_else(|| match &case.otherwise {
            Some(otherwise) => {
                let step = self.step(otherwise);
                let answer = step.answer.clone();
                push_unless_constant(&mut steps, otherwise, step);
                answer
            }
            None => Answer::Value(Value::Null),
        });
        steps.splice(0..0, operand);
        Step { span: expr.span.range(), answer, note: None, decides: false, steps }
    }

    /// Whether a branch of CASE x WHEN is taken.
    fn step_equal(&mut self, operand: &Step, item: &'e Expr) -> Step {
        let mut step = self.step(item);
        if let (Answer::Value(left), Answer::Value(right)) = (&operand.answer, &step.answer) {
            let equal = Comparison::Equal.holds(left, right);
            step.note = compare::note(Comparison::Equal, left, right);
            step.answer = Answer::Value(Value::Bool(equal));
        }
        step
    }

    /// IN: items up to the one that is equal.
    fn contained(&mut self, expr: &'e Expr, negated: bool, operand: &'e Expr, items: &'e [Expr]) -> Step {
        let operand_step = self.step(operand);
        let mut found = false;
        let mut failed = failure_of(&operand_step);
        let mut item_steps = Vec::new();
        for item in items {
            if found || failed.is_some() {
                push_unless_constant(&mut item_steps, item, skipped(item));
                continue;
            }
            let step = self.step(item);
            failed = failure_of(&step);
            if let (Answer::Value(left), Answer::Value(right)) = (&operand_step.answer, &step.answer) {
                found = Comparison::Equal.holds(left, right);
            }
            push_unless_constant(&mut item_steps, item, step);
        }
        let note = match &operand_step.answer {
            Answer::Value(Value::Null) if !found => Some("NULL equals only NULL".to_owned()),
            Answer::Value(_) | Answer::Failed(_) | Answer::Skipped => None,
        };
        let mut steps = Vec::new();
        push_unless_constant(&mut steps, operand, operand_step);
        steps.extend(item_steps);
        let answer = failed.map_or(Answer::Value(Value::Bool(found != negated)), Answer::Failed);
        Step { span: expr.span.range(), answer, note, decides: false, steps }
    }

    /// BETWEEN: the upper bound is asked for only where the lower one holds.
    fn between(&mut self, expr: &'e Expr, negated: bool, operands: &'e [Expr; 3]) -> Step {
        let [operand, low, high] = operands;
        let first = self.step(operand);
        let below = self.step(low);
        let bound = |op: Comparison, bound: &Step| match (&first.answer, &bound.answer) {
            (Answer::Value(value), Answer::Value(bound)) => (op.holds(value, bound), compare::note(op, value, bound)),
            (Answer::Value(_) | Answer::Failed(_) | Answer::Skipped, _) => (false, None),
        };
        let (is_above, mut note) = bound(Comparison::GreaterOrEqual, &below);
        let above = if is_above { self.step(high) } else { skipped(high) };
        let (is_below, above_note) = bound(Comparison::LessOrEqual, &above);
        note = note.or(above_note);
        let failed = [&first, &below, &above].into_iter().find_map(failure_of);
        let answer = failed.map_or(Answer::Value(Value::Bool((is_above && is_below) != negated)), Answer::Failed);
        let mut steps = Vec::new();
        for (operand, step) in [(operand, first), (low, below), (high, above)] {
            push_unless_constant(&mut steps, operand, step);
        }
        Step { span: expr.span.range(), answer, note, decides: false, steps }
    }

    /// What evaluates all of its operands first: `rebuild` makes the same of operands that were evaluated.
    fn applied(&mut self, expr: &Expr, operands: Vec<&'e Expr>, rebuild: impl FnOnce(Vec<Expr>) -> Node) -> Step {
        let mut steps: Vec<Step> = Vec::with_capacity(operands.len());
        let mut failed = None;
        for &operand in &operands {
            let step = if failed.is_some() { skipped(operand) } else { self.step(operand) };
            failed = failed.or_else(|| failure_of(&step));
            steps.push(step);
        }
        let answer = match failed {
            Some(error) => Answer::Failed(error),
            None => {
                let before = self.frame.len();
                let slots = steps.iter().map(|step| self.put(step)).collect();
                let whole = Expr { node: rebuild(slots), span: expr.span, ty: expr.ty };
                let answer = answer_of(eval::eval(self.scope, self.frame, &whole));
                self.frame.truncate(before);
                answer
            }
        };
        let note = note_of(&expr.node, &steps);
        let shown = steps.into_iter().zip(operands).filter(|(_, operand)| !is_constant(operand));
        let steps = shown.map(|(step, _)| step).collect();
        Step { span: expr.span.range(), answer, note, decides: false, steps }
    }

    /// Puts the value of a step behind the frame, as an expression that reads it.
    fn put(&mut self, step: &Step) -> Expr {
        let slot = u16::try_from(self.frame.len()).unwrap_or(u16::MAX);
        let value = if let Answer::Value(value) = &step.answer { value.clone() } else { Value::Null };
        let (span, ty) = (Span::new(step.span.start, step.span.end), value.type_of());
        self.frame.push(Slot::Value(value));
        Expr { node: Node::Slot(slot), span, ty }
    }
}

/// The operand of what has one.
fn only(mut operands: Vec<Expr>) -> Box<Expr> {
    Box::new(operands.pop().expect("as many operands as were evaluated"))
}

/// The operands of what has two.
fn pair(operands: Vec<Expr>) -> Box<[Expr; 2]> {
    Box::new(operands.try_into().expect("as many operands as were evaluated"))
}

fn is_constant(expr: &Expr) -> bool {
    matches!(expr.node, Node::Constant(_))
}

fn answer_of(evaluated: eval::Evaluated<Value>) -> Answer {
    match evaluated {
        Ok(value) => Answer::Value(value),
        Err(error) => Answer::Failed(*error),
    }
}

fn skipped(expr: &Expr) -> Step {
    Step { span: expr.span.range(), answer: Answer::Skipped, note: None, decides: false, steps: Vec::new() }
}

fn failure_of(step: &Step) -> Option<EvalError> {
    match &step.answer {
        Answer::Failed(error) => Some(error.clone()),
        Answer::Value(_) | Answer::Skipped => None,
    }
}

fn push_unless_constant(steps: &mut Vec<Step>, expr: &Expr, step: Step) {
    if !is_constant(expr) {
        steps.push(step);
    }
}

/// The alias that a path begins with.
fn alias_of(base: &Base) -> Option<&Alias> {
    match base {
        Base::Alias(alias) => Some(alias),
        Base::Column(_) | Base::Payload | Base::Slot(_) | Base::SlotThen(_, _) => None,
    }
}

/// What is surprising about an operator and its operands.
fn note_of(node: &Node, steps: &[Step]) -> Option<String> {
    let value = |at: usize| match &steps.get(at)?.answer {
        Answer::Value(value) => Some(value),
        Answer::Failed(_) | Answer::Skipped => None,
    };
    if let Node::Compare { op, .. } = node {
        return compare::note(*op, value(0)?, value(1)?);
    }
    if let Node::CompareConstant { op, right, .. } = node {
        return compare::note(*op, value(0)?, right);
    }
    if let Node::Not(_) = node {
        return value(0)?.is_null().then(|| "NOT of NULL is false".to_owned());
    }
    let is_null = || (0..steps.len()).try_fold(false, |found, at| Some(found || value(at)?.is_null()));
    if let Node::TopicMatch { .. } | Node::Like { .. } = node {
        return is_null()?.then(|| "NULL is like nothing".to_owned());
    }
    if let Node::Arithmetic { .. } = node {
        return is_null()?.then(|| "arithmetic with NULL is NULL".to_owned());
    }
    None
}
