//! Expressions: names resolved, types known, constants folded.

use bytestring::ByteString;
use events::{Kind, Type, Value};

use super::call::CallParts;
use super::names::Names;
use super::projection::{ELEMENT, known_keys};
use super::shape::Below;
use super::types::{Operand, either, found};
use super::{Checker, Mode};
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::elsewhere;
use crate::plan::{Alias, Base, Case, Column, Expr, Node, Path, PathStep};
use crate::suggest::nearest;
use crate::syntax::ast::{self, ExprKind};
use crate::syntax::span::Span;
use crate::values::arithmetic::{Arithmetic, negate};
use crate::values::path::{Place, Step};

impl Checker<'_> {
    /// Checks an expression. What is wrong is noted; what is returned then only serves to go on.
    pub(super) fn expression(&mut self, expr: &ast::Expr, names: &mut Names<'_>) -> Expr {
        let told = self.diagnostics.len();
        let (node, ty) = match &expr.kind {
            ExprKind::Literal(value) => (Node::Constant(value.clone()), value.type_of()),
            ExprKind::Path(path) => self.path_node(path, names),
            ExprKind::Slice { path, from, to } => {
                let (base, ty) = self.base(path, names);
                let steps = self.steps(path, names);
                let below = path.steps.first().map_or(Below::Element, Below::of);
                self.warn_of_nothing_below(path, below, &base, ty);
                (Node::Slice { path: Box::new(Path { base, steps }), from: *from, to: *to }, Type::List)
            }
            ExprKind::Range { from, to } => (Node::Range { from: *from, to: *to }, Type::List),
            ExprKind::List(items) => {
                (Node::List(items.iter().map(|item| self.expression(item, names)).collect()), Type::List)
            }
            ExprKind::Map(entries) => {
                let entries = entries.iter().map(|(key, value)| (key.clone(), self.expression(value, names))).collect();
                (Node::Map(entries), Type::Map)
            }
            ExprKind::Call { name, name_span, args } => {
                self.call(CallParts { name, name_span: *name_span, args }, expr.span, names)
            }
            ExprKind::Negate(operand) => self.negation(operand, names),
            ExprKind::Arithmetic { first, rest } => self.arithmetic(first, rest, names),
            ExprKind::Case { operand, branches, otherwise } => {
                self.case(operand.as_deref(), branches, otherwise.as_deref(), names)
            }
            ExprKind::Not(_)
            | ExprKind::And(_)
            | ExprKind::Or(_)
            | ExprKind::Compare { .. }
            | ExprKind::TopicMatch { .. }
            | ExprKind::In { .. }
            | ExprKind::Like { .. }
            | ExprKind::Between { .. }
            | ExprKind::IsNull { .. } => (self.boolean(expr, names), Type::Bool),
        };
        let checked = Expr { node, span: expr.span, ty };
        self.warn_of_failing_call(&checked, told);
        checked
    }

    /// The expressions that are true or false.
    fn boolean(&mut self, expr: &ast::Expr, names: &mut Names<'_>) -> Node {
        match &expr.kind {
            ExprKind::Not(operand) => Node::Not(Box::new(self.expression(operand, names))),
            ExprKind::And(operands) => Node::And(operands.iter().map(|o| self.condition(o, names)).collect()),
            ExprKind::Or(operands) => Node::Or(operands.iter().map(|o| self.condition(o, names)).collect()),
            ExprKind::Compare { op, left, right } => {
                let (left, right) = (self.expression(left, names), self.expression(right, names));
                self.warn_of_null(*op, &left, &right);
                match (left, right) {
                    (left, Expr { node: Node::Constant(right), .. }) => {
                        Node::CompareConstant { op: *op, left: Box::new(left), right }
                    }
                    (Expr { node: Node::Constant(left), .. }, right) => {
                        Node::CompareConstant { op: op.mirrored(), left: Box::new(right), right: left }
                    }
                    (left, right) => Node::Compare { op: *op, operands: Box::new([left, right]) },
                }
            }
            ExprKind::TopicMatch { topic, filter } => {
                let operands = [self.expression(topic, names), self.expression(filter, names)];
                for operand in &operands {
                    self.expect_text("=~", operand);
                }
                self.expect_filter(&operands[1]);
                Node::TopicMatch { operands: Box::new(operands) }
            }
            ExprKind::In { negated, operand, items } => {
                let operand = Box::new(self.expression(operand, names));
                self.warn_of_duplicates(items);
                let items = items.iter().map(|item| self.expression(item, names)).collect();
                Node::In { negated: *negated, operand, items }
            }
            ExprKind::Like { negated, operand, pattern } => {
                let operands = [self.expression(operand, names), self.expression(pattern, names)];
                for operand in &operands {
                    self.expect_text("LIKE", operand);
                }
                Node::Like { negated: *negated, operands: Box::new(operands) }
            }
            ExprKind::Between { negated, operand, low, high } => {
                let operands = [operand, low, high].map(|operand| self.expression(operand, names));
                Node::Between { negated: *negated, operands: Box::new(operands) }
            }
            ExprKind::IsNull { negated, operand } => {
                Node::IsNull { negated: *negated, operand: Box::new(self.expression(operand, names)) }
            }
            ExprKind::Literal(_)
            | ExprKind::Path(_)
            | ExprKind::Slice { .. }
            | ExprKind::Range { .. }
            | ExprKind::List(_)
            | ExprKind::Map(_)
            | ExprKind::Call { .. }
            | ExprKind::Negate(_)
            | ExprKind::Arithmetic { .. }
            | ExprKind::Case { .. } => self.expression(expr, names).node,
        }
    }

    fn negation(&mut self, operand: &ast::Expr, names: &mut Names<'_>) -> (Node, Type) {
        let operand = self.expression(operand, names);
        if let Node::Constant(value @ (Value::Int(_) | Value::BigInt(_) | Value::Float(_))) = &operand.node
            && let Ok(negated) = negate(value)
        {
            let ty = negated.type_of();
            return (Node::Constant(negated), ty);
        }
        if !matches!(operand.ty, Type::Int | Type::Float | Type::Number | Type::Timestamp | Type::Any | Type::Null) {
            let message = format!("`-` wants a number, found {}", found(&operand));
            self.error(codes::WRONG_TYPE, operand.span, message);
        }
        let ty = operand.ty;
        (Node::Negate(Box::new(operand)), ty)
    }

    fn arithmetic(
        &mut self,
        first: &ast::Expr,
        rest: &[(Arithmetic, ast::Expr)],
        names: &mut Names<'_>,
    ) -> (Node, Type) {
        let checked = self.expression(first, names);
        let mut left = Operand::of(&checked);
        let mut operands = Vec::with_capacity(rest.len());
        let mut before = first;
        for (at, (op, right)) in rest.iter().enumerate() {
            let told = self.diagnostics.len();
            let operand = self.expression(right, names);
            let ty = self.arithmetic_type(*op, &left, &Operand::of(&operand));
            if self.diagnostics.len() == told && self.mode.knows_types() {
                self.warn_of_divisor(*op, &operand);
            }
            self.tell_of_hyphen(before, rest.get(at..).unwrap_or_default(), told);
            left = Operand { ty, span: checked.span.to(operand.span), constant: None };
            operands.push((*op, operand));
            before = right;
        }
        let ty = left.ty;
        (Node::Arithmetic { first: Box::new(checked), rest: operands.into() }, ty)
    }

    fn case(
        &mut self,
        by: Option<&ast::Expr>,
        written: &[(ast::Expr, ast::Expr)],
        otherwise: Option<&ast::Expr>,
        names: &mut Names<'_>,
    ) -> (Node, Type) {
        let operand = by.map(|operand| self.expression(operand, names));
        let branches: Box<[(Expr, Expr)]> = written
            .iter()
            .map(|(condition, value)| {
                let condition = if operand.is_some() {
                    self.expression(condition, names)
                } else {
                    self.condition(condition, names)
                };
                (condition, self.expression(value, names))
            })
            .collect();
        if operand.is_none() {
            for (condition, _) in written {
                self.warn_of_outcome(condition, names);
            }
        }
        self.warn_of_branches(by, written, names);
        let otherwise = otherwise.map(|otherwise| self.expression(otherwise, names));
        let types = branches.iter().map(|(_, value)| value.ty).chain(otherwise.iter().map(|value| value.ty));
        let ty = types.reduce(either).unwrap_or(Type::Null);
        (Node::Case(Box::new(Case { operand, branches, otherwise })), ty)
    }

    fn expect_filter(&mut self, filter: &Expr) {
        if let Node::Constant(Value::Text(text)) = &filter.node
            && let Err(error) = mqtt::Filter::parse(text.clone())
        {
            self.error(codes::FILTER, filter.span, format!("`{text}` can never match: {error}"));
        }
    }

    fn path_node(&mut self, path: &ast::Path, names: &mut Names<'_>) -> (Node, Type) {
        let (base, ty) = self.base(path, names);
        if let Some(step) = path.steps.first() {
            let steps = self.steps(path, names);
            self.warn_of_nothing_below(path, Below::of(step), &base, ty);
            return (Node::Path(Box::new(Path { base, steps })), Type::Any);
        }
        match base {
            Base::Column(column) => (Node::Column(column), ty),
            Base::Slot(slot) => (Node::Slot(slot), ty),
            Base::Payload | Base::SlotThen(_, _) | Base::Alias(_) => {
                (Node::Path(Box::new(Path { base, steps: Box::new([]) })), ty)
            }
        }
    }

    /// Where a path begins, and the type of what stands there.
    fn base(&mut self, path: &ast::Path, names: &mut Names<'_>) -> (Base, Type) {
        if let Some(needs) = names.aliases.filter(|aliases| aliases.names(&path.root)).and_then(|a| a.needs(&path.root))
        {
            let (needs, slot, whole, ty) = needs;
            let looked_up_further = !whole && (!self.mode.knows_types() || self.is_column(&path.root));
            let otherwise = looked_up_further.then(|| self.below_output(path, names).0);
            return (Base::Alias(Box::new(Alias { slot, needs, otherwise })), ty);
        }
        let keys = known_keys(path);
        let Some(output) = names.output(&path.root).filter(|output| output.may_answer(&keys)).cloned() else {
            return self.below_output(path, names);
        };
        names.note_read(output.slot);
        if output.whole {
            return (Base::Slot(output.slot), output.ty);
        }
        // Only something below the name was put there: the rest is still that of the column, where there is one.
        let then = match (names.local(&path.root), self.column_type(&path.root)) {
            (None, None) if self.mode.knows_types() => Base::Slot(output.slot),
            (Some(_), _) | (None, Some(_) | None) => {
                Base::SlotThen(output.slot, Box::new(self.below_output(path, names).0))
            }
        };
        (then, Type::Any)
    }

    /// The same without what the row has got.
    fn below_output(&mut self, path: &ast::Path, names: &Names<'_>) -> (Base, Type) {
        if let Some(slot) = names.local(&path.root) {
            return (Base::Slot(slot), Type::Any);
        }
        let ty = self.column_type(&path.root);
        if self.mode.knows_types() {
            match ty {
                None => self.unknown_field(path, names),
                Some(_) => self.warn_of_absence(path),
            }
        }
        let base = if path.root == "payload" && !path.steps.is_empty() {
            Base::Payload
        } else {
            Base::Column(Column::of(&path.root))
        };
        // A context of any shape may have anything under the name of a field.
        (base, ty.filter(|_| self.mode.knows_types()).unwrap_or(Type::Any))
    }

    fn steps(&mut self, path: &ast::Path, names: &mut Names<'_>) -> Box<[PathStep]> {
        let mut keys = Vec::new();
        path.steps
            .iter()
            .map(|step| {
                let may_be_beside = keys.last().is_some();
                if let ast::PathStep::Key(key) = step {
                    keys.push(key.clone());
                }
                if let ast::PathStep::Place(Place { distance: 0, .. }, span) = step {
                    let message = "the index 0 is always NULL: indexes begin with 1, and -1 is the last element";
                    self.diagnostics.push(Diagnostic::warning(codes::INDEX_ZERO, span.range(), message));
                }
                self.step(step, may_be_beside, names)
            })
            .collect()
    }

    /// A step of a path. An index that names no column may be a key beside the list, where the list stands below
    /// something that is read.
    pub(super) fn step(&mut self, step: &ast::PathStep, may_be_beside: bool, names: &mut Names<'_>) -> PathStep {
        match step {
            ast::PathStep::Key(key) => PathStep::Key(key.clone()),
            ast::PathStep::Place(place, _) => PathStep::Place(*place),
            ast::PathStep::Index(index) => {
                let beside = if may_be_beside { self.key_beside(index, names).and_then(plain_steps) } else { None };
                let unknown = beside.is_some() && self.mode.knows_types();
                let index = if unknown {
                    Expr { node: Node::Constant(Value::Null), span: index.span, ty: Type::Any }
                } else {
                    self.expression(index, names)
                };
                if !matches!(index.ty, Type::Int | Type::Number | Type::Any | Type::Null | Type::Timestamp) {
                    let message = format!("an index must be an integer, found {}", found(&index));
                    let key = if let Node::Constant(Value::Text(key)) = &index.node { Some(key) } else { None };
                    let help = key.map(|key| format!("a key stands behind a dot: `.'{key}'`"));
                    self.error_with_help(codes::WRONG_TYPE, index.span, message, help);
                }
                PathStep::Index { index, beside }
            }
        }
    }

    /// The path that an index is, where that is no name of the rule: a key beside the list.
    pub(super) fn key_beside<'e>(&self, index: &'e ast::Expr, names: &Names<'_>) -> Option<&'e ast::Path> {
        let ExprKind::Path(path) = &index.kind else { return None };
        (!self.is_known(&path.root, names)).then_some(path)
    }

    /// Whether a name is certainly something.
    fn is_known(&self, root: &str, names: &Names<'_>) -> bool {
        names.output(root).is_some()
            || names.local(root).is_some()
            || names.aliases.is_some_and(|aliases| aliases.names(root))
            || self.is_column(root)
    }

    /// Whether a name is a column of an event the rule listens to.
    pub(super) fn is_column(&self, root: &str) -> bool {
        self.column_type(root).is_some()
    }

    /// The type of a column; `None` where no event the rule listens to has it.
    pub(super) fn column_type(&self, root: &str) -> Option<Type> {
        let fields = self.kinds.iter().filter_map(|kind| kind.event_type().field(root));
        fields.map(|(_, field)| field.ty).reduce(either)
    }

    fn unknown_field(&mut self, path: &ast::Path, names: &Names<'_>) {
        if self.kinds.is_empty() {
            return;
        }
        let message = format!("no field `{}` in {}", path.root, in_words(&self.kinds));
        let help = self.field_meant(path, names);
        if self.mode == Mode::Emqx {
            let warning =
                Diagnostic::warning(codes::NULL_FIELD, path.root_span.range(), format!("{message}: it is NULL"));
            self.diagnostics.push(warning.with_help_if(help));
        } else {
            self.error_with_help(codes::UNKNOWN_FIELD, path.root_span, message, help);
        }
    }

    /// What was meant by a name that is no field.
    fn field_meant(&self, path: &ast::Path, names: &Names<'_>) -> Option<String> {
        let root = &*path.root;
        let fields = || self.kinds.iter().flat_map(|kind| kind.event_type().fields).map(|field| field.name);
        let aliases = names.aliases.map(|aliases| aliases.entries.as_slice()).unwrap_or_default();
        let other = |name: &&str| *name != root;
        let near =
            nearest(root, fields().chain(names.known()).chain(aliases.iter().map(|entry| &*entry.root)).filter(other));
        if path.quoted && path.steps.is_empty() {
            let or = near.map(|near| format!(", or the field `{near}`")).unwrap_or_default();
            return Some(format!("did you mean the text `'{root}'`{or}? double quotes are for names"));
        }
        if let Some((_, span)) = self.hidden.made_by_do.iter().find(|(name, _)| name == root) {
            let made_of = self.text.get(span.range()).unwrap_or_default();
            return Some(format!("DO makes it after WHERE and INCASE: write what it is made of, `{made_of}`"));
        }
        if let Some(element) = self.hidden.element.as_ref().filter(|_| root == ELEMENT) {
            return Some(if element == ELEMENT {
                "WHERE looks at the whole event; `INCASE`, before FROM, looks at each element".to_owned()
            } else {
                format!("the element is named `{element}`")
            });
        }
        if let Some((names, help)) = elsewhere::field(root)
            && names.is_none_or(|name| self.is_column(name))
        {
            return Some(help.to_owned());
        }
        if let Some(near) = near {
            return Some(format!("did you mean `{near}`?"));
        }
        let kinds: Vec<Kind> =
            Kind::ALL.iter().copied().filter(|kind| kind.event_type().field(root).is_some()).collect();
        (!kinds.is_empty()).then(|| format!("it is a field of {}", in_words(&kinds)))
    }

    /// Warns of a field that one of the sources has not got, once.
    fn warn_of_absence(&mut self, path: &ast::Path) {
        let lacking = |kind: &Kind| kind.event_type().field(&path.root).is_none();
        let without: Vec<Kind> = self.listed.iter().copied().filter(lacking).collect();
        if without.is_empty() || self.partly_absent.contains(&path.root) {
            return;
        }
        self.partly_absent.push(path.root.clone());
        let message = format!("no field `{}` in {}, where it is NULL", path.root, in_words(&without));
        self.diagnostics.push(Diagnostic::warning(codes::PARTLY_ABSENT, path.root_span.range(), message));
    }

    /// The column of that name, for functions that read one.
    pub(super) fn column_expr(&self, name: &'static str, span: Span, names: &mut Names<'_>) -> Expr {
        let output = names.output(name).filter(|output| output.whole).map(|output| output.slot);
        let node = match output {
            Some(slot) => {
                names.note_read(slot);
                Node::Slot(slot)
            }
            None => Node::Column(Column::of(name)),
        };
        Expr { node, span, ty: Type::Any }
    }
}

/// `$events/client_connack`, or what messages are called.
fn in_words(kinds: &[Kind]) -> String {
    let name = |kind: &Kind| match (kind.event_type().topic, kind) {
        (Some(topic), _) => format!("`{topic}`"),
        (None, Kind::SourceMessage) => "messages of a source".to_owned(),
        (None, _) => "messages".to_owned(),
    };
    let names: Vec<String> = kinds.iter().map(name).collect();
    names.join(" or ")
}

/// A path without indexes that are expressions.
fn plain_steps(path: &ast::Path) -> Option<Box<[Step]>> {
    let root = std::iter::once(Some(Step::Key(ByteString::clone(&path.root))));
    root.chain(path.steps.iter().map(|step| match step {
        ast::PathStep::Key(key) => Some(Step::Key(key.clone())),
        ast::PathStep::Place(place, _) => Some(Step::Index(*place)),
        ast::PathStep::Index(_) => None,
    }))
    .collect()
}
