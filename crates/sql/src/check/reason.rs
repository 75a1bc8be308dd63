//! Texts that a column never is: reasons and events are closed sets of names, so one that is none of them is a slip, or
//! another product's word; the topic of a message has no wildcards.

use bytestring::ByteString;
use events::{
    ConnackReason, DeliveryDropReason, DiscardCause, DisconnectReason, DropReason, Initiator, Kind, Permission,
    PermissionAction, Stage, UnsubscribeCause, Value,
};

use super::{Checker, Mode};
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::suggest::did_you_mean;
use crate::syntax::ast::{Expr, ExprKind, Field, Statement, Verb};
use crate::values::compare::Comparison;

/// Reasons of EMQX under the names they have here.
const FOREIGN: &[(&str, &str)] = &[
    ("takenover", "takeovered"),
    ("discarded", "takeovered"),
    ("unsupported_protocol_version", "unacceptable_protocol_version"),
];

/// Whether an expression is another product's name of a reason.
fn is_foreign(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Literal(Value::Text(text)) if our_name(text).is_some())
}

/// Our name of a reason that another product calls otherwise.
fn our_name(foreign: &str) -> Option<&'static str> {
    FOREIGN.iter().find(|(theirs, _)| *theirs == foreign).map(|(_, ours)| *ours)
}

impl Checker<'_> {
    /// Reads names that other products have for reasons as ours, and warns of those that a reason never has. A rule that
    /// sees events as EMQX has them uses EMQX's.
    pub(super) fn rename_reasons(&mut self, statement: &mut Statement) {
        if self.mode == Mode::Emqx {
            return;
        }
        if let Some(filter) = &mut statement.filter {
            self.reasons_in(filter);
        }
        match &mut statement.verb {
            Verb::Select(fields) => self.reasons_in_fields(fields),
            Verb::Foreach { fields, each, incase } => {
                self.reasons_in_fields(fields);
                if let Some(each) = each {
                    self.reasons_in_fields(each);
                }
                if let Some(incase) = incase {
                    self.reasons_in(incase);
                }
            }
        }
    }

    fn reasons_in_fields(&mut self, fields: &mut [Field]) {
        for field in fields {
            match field {
                Field::Star(_) => {}
                Field::Item { expr, .. } => self.reasons_in(expr),
            }
        }
    }

    fn reasons_in(&mut self, expr: &mut Expr) {
        match &mut expr.kind {
            ExprKind::Compare { op: Comparison::Equal | Comparison::NotEqual, .. } if self.mode == Mode::Open => {
                self.either_name(expr);
            }
            ExprKind::Compare { op: Comparison::Equal | Comparison::NotEqual, left, right } => {
                self.reason_against(left, right);
                self.reason_against(right, left);
            }
            ExprKind::In { operand, items, .. } => {
                let theirs: Vec<Expr> = if self.mode == Mode::Open { items.clone() } else { Vec::new() };
                for item in items.iter_mut() {
                    self.reason_against(operand, item);
                }
                // A context of any shape may have either name.
                items.extend(theirs.into_iter().filter(is_foreign));
            }
            ExprKind::And(operands) | ExprKind::Or(operands) => {
                for operand in operands {
                    self.reasons_in(operand);
                }
            }
            ExprKind::Not(operand) => self.reasons_in(operand),
            ExprKind::Case { operand, branches, .. } => {
                for (condition, _) in branches {
                    match operand {
                        Some(operand) => self.reason_against(operand, condition),
                        None => self.reasons_in(condition),
                    }
                }
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
            | ExprKind::Compare { .. }
            | ExprKind::TopicMatch { .. }
            | ExprKind::Like { .. }
            | ExprKind::Between { .. }
            | ExprKind::IsNull { .. } => {}
        }
    }

    /// `reason = 'takenover'` over a context of any shape, which may have either name.
    fn either_name(&mut self, expr: &mut Expr) {
        let before = expr.clone();
        let ExprKind::Compare { op, left, right } = &mut expr.kind else { return };
        let op = *op;
        if !is_foreign(left) && !is_foreign(right) {
            return;
        }
        self.reason_against(left, right);
        self.reason_against(right, left);
        let both = vec![before.clone(), expr.clone()];
        expr.depth += 1;
        expr.kind = if op == Comparison::Equal { ExprKind::Or(both) } else { ExprKind::And(both) };
    }

    fn reason_against(&mut self, column: &Expr, literal: &mut Expr) {
        let ExprKind::Path(path) = &column.kind else { return };
        let ExprKind::Literal(Value::Text(text)) = &mut literal.kind else { return };
        if path.steps.is_empty() && self.is_topic_name(&path.root) && text.contains(['+', '#']) {
            let message = format!("`{}` is never `{text}`: the topic of a message has no wildcards", path.root);
            let help = format!("`{} =~ '{text}'` matches a topic with a filter", path.root);
            let warning = Diagnostic::warning(codes::NEVER_TRUE, literal.span.range(), message).with_help(help);
            return self.diagnostics.push(warning);
        }
        let Some(names) = self.names_of(&path.root).filter(|_| path.steps.is_empty()) else { return };
        if names.contains(&&**text) {
            return;
        }
        let diagnostic = match our_name(text).filter(|ours| names.contains(ours)) {
            Some(ours) => {
                let message = format!("`{text}` is read as `{ours}`, the name of that reason here");
                *text = ByteString::from_static(ours);
                Diagnostic::warning(codes::FOREIGN_REASON, literal.span.range(), message)
            }
            None => {
                let message = format!("`{}` is never `{text}`", path.root);
                Diagnostic::warning(codes::NEVER_TRUE, literal.span.range(), message)
                    .with_help_if(did_you_mean(text, names.iter().copied()))
            }
        };
        self.diagnostics.push(diagnostic);
    }

    /// Whether a column is the topic that a message was published to; that of a subscription may be a filter.
    fn is_topic_name(&self, column: &str) -> bool {
        let is_message = |kind: &Kind| kind.event_type().field("payload").is_some();
        column == "topic" && !self.kinds.is_empty() && self.kinds.iter().all(is_message)
    }

    /// The names that a column may have; `None` where it may have others.
    pub(super) fn names_of(&self, column: &str) -> Option<Vec<&'static str>> {
        let mut names = Vec::new();
        for kind in &self.kinds {
            if kind.event_type().field(column).is_some() {
                names.extend(names_in(*kind, column)?);
            }
        }
        (!names.is_empty()).then_some(names)
    }
}

fn names_in(kind: Kind, column: &str) -> Option<Vec<&'static str>> {
    Some(match (kind, column) {
        (_, "event") => vec![kind.event_type().name],
        (Kind::ClientConnack | Kind::ClientCheckAuthnComplete, "reason_code") => {
            ConnackReason::ALL.iter().map(|reason| reason.name()).collect()
        }
        (Kind::ClientDisconnected, "reason") => DisconnectReason::ALL.iter().map(|reason| reason.name()).collect(),
        (Kind::ClientDisconnected, "initiator") => Initiator::ALL.iter().map(|initiator| initiator.name()).collect(),
        (Kind::ClientDisconnected, "stage") => Stage::ALL.iter().map(|stage| stage.name()).collect(),
        (Kind::MessageDropped, "reason") => DropReason::ALL.iter().map(|reason| reason.name()).collect(),
        (Kind::DeliveryDropped, "reason") => DeliveryDropReason::ALL.iter().map(|reason| reason.name()).collect(),
        (Kind::SessionDiscarded, "cause") => DiscardCause::ALL.iter().map(|cause| cause.name()).collect(),
        (Kind::ClientCheckAuthzComplete, "action") => PermissionAction::ALL.iter().map(|of| of.name()).collect(),
        (Kind::ClientCheckAuthzComplete, "result") => Permission::ALL.iter().map(|of| of.name()).collect(),
        (Kind::SessionUnsubscribed, "cause") => UnsubscribeCause::ALL.iter().map(|cause| cause.name()).collect(),
        _ => return None,
    })
}
