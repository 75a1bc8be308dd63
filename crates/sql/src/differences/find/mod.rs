//! Which differences a text can meet.

mod call;

use bytestring::ByteString;
use events::{EventType, Value};

use crate::syntax;
use crate::syntax::ast::{Expr, ExprKind, Field, Path, PathStep, Statement, Verb};
use crate::syntax::span::Span;
use crate::values::arithmetic::Arithmetic;
use crate::values::compare::Comparison;
#[cfg(test)]
pub(super) use call::FUNCTIONS;

/// Every difference that `statement`, the tree of `text`, can meet, with its place.
pub(super) fn all(text: &str, statement: &Statement) -> Vec<(&'static str, Span)> {
    let mut finder = Finder { text, found: Vec::new(), in_condition: false };
    finder.words();
    for topic in &statement.from {
        if topic.text.starts_with("$event/") {
            finder.note("written.event_prefix", topic.span);
        }
    }
    match &statement.verb {
        Verb::Select(fields) => {
            finder.fields(fields);
            if let Some(filter) = &statement.filter
                && let Some(span) = fields.iter().find_map(what_may_fail)
                && !is_constant(filter)
            {
                finder.note("evaluating.where_first", span);
            }
        }
        Verb::Foreach { fields, each, incase } => {
            finder.foreach(fields);
            if let Some(each) = each {
                finder.fields(each);
            }
            if let Some(incase) = incase {
                finder.condition(incase);
            }
        }
    }
    if let Some(filter) = &statement.filter {
        finder.condition(filter);
    }
    finder.found
}

/// Where an expression stands, as far as the grammar of EMQX cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// WHERE, INCASE, behind WHEN, or an operand of AND, OR and NOT there.
    Condition,
    /// A field of SELECT, FOREACH or DO.
    Field,
    /// An argument of a call.
    Argument,
    /// Behind THEN and ELSE, and behind CASE.
    Choice,
    /// An operand, an element of a list, an index.
    Operand,
}

struct Finder<'t> {
    text: &'t str,
    found: Vec<(&'static str, Span)>,
    /// In WHERE, INCASE or behind WHEN.
    in_condition: bool,
}

impl Finder<'_> {
    fn note(&mut self, key: &'static str, span: Span) {
        self.found.push((key, span));
    }

    /// What only the words of the text show: comments and the semicolon.
    fn words(&mut self) {
        let mut end = 0;
        for word in syntax::spans(self.text) {
            let between = self.text.get(end..word.start).unwrap_or_default();
            let is_last = word.is_empty();
            if between.contains("/*") || (is_last && between.contains("--") && !between.ends_with('\n')) {
                self.note("written.comments", Span::new(end, word.start));
            }
            if self.text.get(word.clone()) == Some(";") {
                self.note("written.semicolon", Span::new(word.start, word.end));
            }
            end = word.end;
        }
    }

    fn fields(&mut self, fields: &[Field]) {
        let mut set: Vec<(ByteString, bool)> = Vec::new();
        // Aliases with the name of a field of events, which may have nothing.
        let mut stand_ins: Vec<ByteString> = Vec::new();
        let mut starred = false;
        for field in fields {
            match field {
                Field::Star(_) => {
                    starred = true;
                    self.note_before_star(&set, fields);
                }
                Field::Item { expr, target } => {
                    self.field(expr, target.as_ref(), &set, starred);
                    let (root, whole) = target.as_ref().map_or_else(
                        || (own_root(expr), true),
                        |target| (Some(target.root.clone()), target.steps.is_empty()),
                    );
                    self.note_null_alias(&stand_ins, expr);
                    if let Some(root) = root.as_ref().filter(|_| target.is_some() && whole && may_lack(expr)) {
                        stand_ins.push(root.clone());
                    }
                    set.extend(root.map(|root| (root, whole)));
                }
            }
        }
        let payload_set = fields.iter().position(|field| is_set_whole(field, "payload"));
        if let Some(at) = payload_set {
            for field in fields.iter().skip(at + 1) {
                if let Field::Item { expr, .. } = field
                    && let Some(span) = path_in(expr, &is_below_payload)
                {
                    self.note("evaluating.payload_alias", span);
                }
            }
        }
    }

    /// A path that begins with an alias that may have nothing where the event has a field of that name.
    fn note_null_alias(&mut self, stand_ins: &[ByteString], expr: &Expr) {
        let is_stand_in = |path: &Path| {
            stand_ins.contains(&path.root) && EventType::all().any(|event| event.field(&path.root).is_some())
        };
        if let Some(span) = path_in(expr, &is_stand_in) {
            self.note("evaluating.null_alias", span);
        }
    }

    /// An alias before `*` that is the name of a field of events.
    fn note_before_star(&mut self, set: &[(ByteString, bool)], fields: &[Field]) {
        let is_field = |name: &str| EventType::all().any(|event| event.field(name).is_some());
        if !set.iter().any(|(name, _)| is_field(name)) {
            return;
        }
        if let Some(Field::Item { expr, .. }) = fields.first() {
            self.note("evaluating.before_star", expr.span);
        }
    }

    fn field(&mut self, expr: &Expr, target: Option<&Path>, set: &[(ByteString, bool)], starred: bool) {
        self.placed(expr, Place::Field);
        if let Some(target) = target {
            self.name(target);
        }
        match target {
            None => {
                let is_named = matches!(
                    &expr.kind,
                    ExprKind::Path(_) | ExprKind::Slice { .. } | ExprKind::Literal(Value::Text(_))
                );
                if !is_named {
                    self.note("evaluating.unnamed", expr.span);
                }
            }
            Some(target) if !target.steps.is_empty() => {
                let is_set = set.iter().any(|(name, whole)| *whole && *name == target.root);
                if target.root == "payload" && starred && !is_set {
                    self.note("evaluating.star_payload", target.root_span);
                } else if is_set && target.root != "payload" {
                    self.note("evaluating.put_into_text", target.root_span);
                }
            }
            Some(_) => {}
        }
    }

    fn foreach(&mut self, fields: &[Field]) {
        for field in fields {
            if let Field::Item { expr, target } = field {
                self.placed(expr, Place::Field);
                target.iter().for_each(|target| self.name(target));
            }
        }
        if let Some(Field::Item { target: Some(target), .. }) = fields.last()
            && !target.steps.is_empty()
        {
            self.note("evaluating.foreach_path", target.root_span);
        }
        if let Some(Field::Item { expr, target: None }) = fields.last()
            && let ExprKind::Path(path) = &expr.kind
            && path.root == "payload"
            && !path.steps.is_empty()
        {
            self.note("evaluating.foreach_unnamed", expr.span);
        }
    }

    fn condition(&mut self, expr: &Expr) {
        let before = std::mem::replace(&mut self.in_condition, true);
        if let ExprKind::Path(path) = &expr.kind {
            self.note("written.boolean_field", path.root_span);
        }
        self.placed(expr, Place::Condition);
        self.in_condition = before;
    }

    fn exprs<'e>(&mut self, exprs: impl IntoIterator<Item = &'e Expr>) {
        for expr in exprs {
            self.expr(expr);
        }
    }

    fn expr(&mut self, expr: &Expr) {
        self.placed(expr, Place::Operand);
    }

    fn placed(&mut self, expr: &Expr, place: Place) {
        let is_in_parentheses = || self.text.get(expr.span.range()).is_some_and(|text| text.starts_with('('));
        let is_comparison = matches!(expr.kind, ExprKind::Compare { .. } | ExprKind::TopicMatch { .. });
        let is_connective =
            matches!(expr.kind, ExprKind::And(_) | ExprKind::Or(_) | ExprKind::Not(_) | ExprKind::In { .. });
        let is_refused = match place {
            Place::Condition => false,
            Place::Argument => is_connective,
            Place::Field | Place::Choice => is_connective || (is_comparison && is_in_parentheses()),
            Place::Operand => is_connective || is_comparison,
        };
        if is_refused {
            self.note("written.anywhere", expr.span);
        }
        if let ExprKind::Case { .. } = expr.kind
            && !matches!(place, Place::Field | Place::Argument)
        {
            self.note("written.case", expr.span);
        }
        self.kind(expr);
    }

    fn kind(&mut self, expr: &Expr) {
        let span = expr.span;
        match &expr.kind {
            ExprKind::Literal(value) => self.literal(value, span),
            ExprKind::Path(path) => self.path(path, span),
            ExprKind::Slice { path, from, to } => {
                self.path(path, span);
                if path.root == "payload" && path.steps.is_empty() {
                    self.note("evaluating.slice_text", span);
                }
                self.slice(*from, *to, span);
            }
            ExprKind::Range { from, to } => self.slice(*from, *to, span),
            ExprKind::List(items) => self.exprs(items),
            ExprKind::Map(entries) => {
                self.note("written.maps", span);
                self.exprs(entries.iter().map(|(_, value)| value));
            }
            ExprKind::Call { name, args, .. } => self.call(name, args, span),
            ExprKind::Negate(operand) => self.expr(operand),
            ExprKind::IsNull { operand, .. } => self.predicate([&**operand], span),
            ExprKind::Not(operand) => self.not(operand, span),
            ExprKind::And(operands) | ExprKind::Or(operands) => operands
                .iter()
                .for_each(|operand| if self.in_condition { self.condition(operand) } else { self.expr(operand) }),
            ExprKind::Arithmetic { first, rest } => self.arithmetic(first, rest, span),
            ExprKind::Compare { op, left, right } => self.compare(*op, left, right, span),
            ExprKind::TopicMatch { topic, filter } => self.exprs([&**topic, &**filter]),
            ExprKind::In { negated, operand, items } => self.contained(*negated, operand, items, span),
            ExprKind::Like { operand, pattern, .. } => self.predicate([&**operand, &**pattern], span),
            ExprKind::Between { operand, low, high, .. } => self.predicate([&**operand, &**low, &**high], span),
            ExprKind::Case { operand, branches, otherwise } => {
                self.case(operand.as_deref(), branches, otherwise.as_deref());
            }
        }
    }

    fn predicate<'e>(&mut self, operands: impl IntoIterator<Item = &'e Expr>, span: Span) {
        self.note("written.predicates", span);
        self.exprs(operands);
    }

    fn literal(&mut self, value: &Value, span: Span) {
        let written = self.text.get(span.range()).unwrap_or_default();
        match value {
            Value::Null | Value::Bool(_) if !matches!(written, "true" | "false") => {
                self.note("written.constants", span)
            }
            Value::Text(text) if text.contains('\'') => self.note("written.quotes", span),
            Value::Int(_) | Value::Float(_) | Value::BigInt(_)
                if written.starts_with('.') || (written.contains(['e', 'E']) && !written.contains('.')) =>
            {
                self.note("written.numbers", span);
            }
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::BigInt(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::Bytes(_)
            | Value::List(_)
            | Value::Map(_) => {}
        }
    }

    /// The words of a path, where it is read or put.
    fn name(&mut self, path: &Path) {
        if !path.quoted && matches!(&*path.root, "div" | "mod") {
            self.note("written.div_mod", path.root_span);
        }
    }

    fn path(&mut self, path: &Path, span: Span) {
        self.name(path);
        let written = self.text.get(span.range()).unwrap_or_default();
        let is_keyword = |step: &PathStep| match step {
            PathStep::Key(key) => syntax::is_keyword(key) && written.contains(&format!(".{key}")),
            PathStep::Place(_, _) | PathStep::Index(_) => false,
        };
        if path.steps.iter().any(is_keyword) {
            self.note("written.keywords", span);
        }
        if path.root == "payload" && !path.steps.is_empty() {
            self.note("null.payload", span);
        }
        for step in &path.steps {
            if let PathStep::Index(index) = step {
                if let ExprKind::Path(inner) = &index.kind
                    && path.root == "payload"
                    && inner.root == "payload"
                {
                    self.note("evaluating.index", index.span);
                }
                self.expr(index);
            }
        }
    }

    fn slice(&mut self, from: i64, to: i64, span: Span) {
        if from.signum() == to.signum() && to < from - 1 {
            self.note("evaluating.slice", span);
        }
    }

    fn not(&mut self, operand: &Expr, span: Span) {
        let is_connective =
            matches!(operand.kind, ExprKind::And(_) | ExprKind::Or(_) | ExprKind::Not(_) | ExprKind::In { .. });
        if is_connective {
            self.note("written.not", span);
        }
        self.placed(operand, Place::Condition);
    }

    fn arithmetic(&mut self, first: &Expr, rest: &[(Arithmetic, Expr)], span: Span) {
        let operands: Vec<&Expr> = std::iter::once(first).chain(rest.iter().map(|(_, operand)| operand)).collect();
        let breaks_line = |pair: &[&Expr]| {
            let between = self.text.get(pair[0].span.end()..pair[1].span.start()).unwrap_or_default();
            between.contains("\n/") || between.contains("\r/")
        };
        if operands.windows(2).any(breaks_line) {
            self.note("written.slash", span);
        }
        let is_text = |expr: &&Expr| matches!(expr.kind, ExprKind::Literal(Value::Text(_)));
        if operands.iter().copied().any(may_be_null) {
            let joins = rest.iter().any(|(op, _)| *op == Arithmetic::Add) && operands.iter().any(is_text);
            self.note(if joins { "null.plus" } else { "null.arithmetic" }, span);
        }
        self.exprs(operands);
    }

    fn compare(&mut self, op: Comparison, left: &Expr, right: &Expr, span: Span) {
        let operands = [left, right];
        let is_number =
            |expr: &Expr| matches!(expr.kind, ExprKind::Literal(Value::Int(_) | Value::Float(_) | Value::BigInt(_)));
        if operands.into_iter().any(is_of_json) {
            if operands.into_iter().any(is_number) || operands.into_iter().all(is_of_json) {
                self.note("comparing.text_number", span);
            }
            match op {
                Comparison::Equal => {}
                Comparison::NotEqual => self.note("null.one", span),
                Comparison::Less | Comparison::LessOrEqual | Comparison::Greater | Comparison::GreaterOrEqual => {
                    self.note("comparing.types", span);
                }
            }
        }
        if operands.into_iter().any(is_number) && operands.into_iter().any(is_exponent) {
            self.note("comparing.exponents", span);
        }
        if matches!(op, Comparison::LessOrEqual | Comparison::GreaterOrEqual) && operands.into_iter().all(may_be_null) {
            self.note("null.order", span);
        }
        self.exprs(operands);
    }

    fn contained(&mut self, negated: bool, operand: &Expr, items: &[Expr], span: Span) {
        if negated {
            self.note("written.not_in", span);
        }
        if is_of_json(operand) {
            self.note("comparing.in", span);
        }
        self.expr(operand);
        self.exprs(items);
    }

    fn case(&mut self, operand: Option<&Expr>, branches: &[(Expr, Expr)], otherwise: Option<&Expr>) {
        if let Some(operand) = operand {
            if is_of_json(operand) {
                self.note("comparing.in", operand.span);
            }
            self.placed(operand, Place::Choice);
        }
        for (condition, value) in branches {
            if operand.is_some() {
                self.expr(condition)
            } else {
                self.condition(condition)
            }
            self.placed(value, Place::Choice);
        }
        if let Some(otherwise) = otherwise {
            self.placed(otherwise, Place::Choice);
        }
    }
}

/// Whether the value comes out of JSON, so that it can be of any type: a path below a column.
fn is_of_json(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Path(path) if !path.steps.is_empty())
}

/// Whether the value may be missing: a path below a column, or a column that is optional in an event.
fn may_be_null(expr: &Expr) -> bool {
    let ExprKind::Path(path) = &expr.kind else { return false };
    let is_optional = |event: &EventType| event.field(&path.root).is_none_or(|(_, field)| field.optional);
    !path.steps.is_empty() || EventType::all().any(|event| event.field(&path.root).is_some() && is_optional(event))
}

/// The first expression in a field that may fail the rule.
fn what_may_fail(field: &Field) -> Option<Span> {
    let Field::Item { expr, .. } = field else { return None };
    match &expr.kind {
        ExprKind::Call { .. } | ExprKind::Arithmetic { .. } | ExprKind::Slice { .. } | ExprKind::Negate(_) => {
            Some(expr.span)
        }
        ExprKind::Path(path) if path.root == "payload" && !path.steps.is_empty() => None,
        ExprKind::Literal(_)
        | ExprKind::Path(_)
        | ExprKind::Range { .. }
        | ExprKind::List(_)
        | ExprKind::Map(_)
        | ExprKind::Not(_)
        | ExprKind::And(_)
        | ExprKind::Or(_)
        | ExprKind::Compare { .. }
        | ExprKind::TopicMatch { .. }
        | ExprKind::In { .. }
        | ExprKind::Like { .. }
        | ExprKind::Between { .. }
        | ExprKind::IsNull { .. }
        | ExprKind::Case { .. } => None,
    }
}

fn is_constant(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Literal(_))
}

/// The name under which a field without AS stands in the row.
fn own_root(expr: &Expr) -> Option<ByteString> {
    if let ExprKind::Path(path) | ExprKind::Slice { path, .. } = &expr.kind { Some(path.root.clone()) } else { None }
}

fn is_set_whole(field: &Field, name: &str) -> bool {
    matches!(field, Field::Item { target: Some(target), .. } if target.root == name && target.steps.is_empty())
}

/// A text that is a number with an exponent and no point.
fn is_exponent(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Literal(Value::Text(text))
        if text.contains(['e', 'E']) && !text.contains('.') && text.parse::<f64>().is_ok())
}

/// Whether the value may be missing, NULL among them.
fn may_lack(expr: &Expr) -> bool {
    may_be_null(expr) || matches!(expr.kind, ExprKind::Literal(Value::Null))
}

fn is_below_payload(path: &Path) -> bool {
    path.root == "payload" && !path.steps.is_empty()
}

/// The first path of that kind that stands right there or as an operand.
fn path_in(expr: &Expr, is_wanted: &dyn Fn(&Path) -> bool) -> Option<Span> {
    match &expr.kind {
        ExprKind::Path(path) if is_wanted(path) => Some(expr.span),
        ExprKind::Call { args, .. } => args.iter().find_map(|arg| path_in(arg, is_wanted)),
        ExprKind::Arithmetic { first, rest } => {
            let mut operands = std::iter::once(&**first).chain(rest.iter().map(|(_, operand)| operand));
            operands.find_map(|operand| path_in(operand, is_wanted))
        }
        ExprKind::Negate(operand) => path_in(operand, is_wanted),
        ExprKind::List(items) => items.iter().find_map(|item| path_in(item, is_wanted)),
        ExprKind::Literal(_)
        | ExprKind::Path(_)
        | ExprKind::Slice { .. }
        | ExprKind::Range { .. }
        | ExprKind::Map(_)
        | ExprKind::Not(_)
        | ExprKind::And(_)
        | ExprKind::Or(_)
        | ExprKind::Compare { .. }
        | ExprKind::TopicMatch { .. }
        | ExprKind::In { .. }
        | ExprKind::Like { .. }
        | ExprKind::Between { .. }
        | ExprKind::IsNull { .. }
        | ExprKind::Case { .. } => None,
    }
}
