//! `payload.sensor-1`: a key with a hyphen, which is read as a subtraction.

use super::Checker;
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::syntax::ast::{Expr, ExprKind, PathStep};
use crate::syntax::span::Span;
use crate::values::arithmetic::Arithmetic;

impl Checker<'_> {
    /// What `left - right`, the beginning of `rest`, was meant to be, where it is written like a key with hyphens: no
    /// space around the sign, a key before it, and a name or an integer behind it.
    pub(super) fn hyphenated(&self, left: &Expr, rest: &[(Arithmetic, Expr)]) -> Option<String> {
        let ExprKind::Path(path) = &left.kind else { return None };
        let Some(PathStep::Key(_)) = path.steps.last() else { return None };
        let (before, key) = self.text.get(left.span.range())?.rsplit_once('.')?;
        if before.starts_with('(') || !is_bare(key) {
            return None;
        }
        let mut end = None;
        let mut last = left.span;
        for (op, operand) in rest {
            let is_tight = self.text.get(last.end()..operand.span.start()) == Some("-");
            let Some((part, goes_on)) = part_of_key(operand) else { break };
            if *op != Arithmetic::Subtract || !is_tight || !self.text.get(part.range()).is_some_and(is_bare) {
                break;
            }
            (end, last) = (Some(part.end()), operand.span);
            if !goes_on {
                break;
            }
        }
        let key = self.text.get(left.span.end() - key.len()..end?)?;
        Some(format!("{before}.'{key}'"))
    }

    /// Warns of `payload.sensor-1`, and says what was meant where an operand of it was refused since `told`.
    pub(super) fn tell_of_hyphen(&mut self, left: &Expr, rest: &[(Arithmetic, Expr)], told: usize) {
        let Some((_, right)) = rest.first() else { return };
        let Some(meant) = self.hyphenated(left, rest) else { return };
        let help = format!("a key with `-` stands in quotes: `{meant}`");
        let begins_here = |diagnostic: &&mut Diagnostic| diagnostic.span.start == right.span.start();
        if let Some(refused) = self.diagnostics.iter_mut().skip(told).find(begins_here) {
            refused.help = Some(help);
        } else if let ExprKind::Literal(_) = right.kind {
            let span = left.span.to(right.span).range();
            let written = self.text.get(span.clone()).unwrap_or_default();
            let message = format!("`{written}` is a subtraction");
            let help = format!("{help}; around a minus, write spaces");
            self.diagnostics.push(Diagnostic::warning(codes::HYPHEN, span, message).with_help(help));
        }
    }
}

/// What of an operand may be a part of a key, and whether more of the key may follow.
fn part_of_key(operand: &Expr) -> Option<(Span, bool)> {
    if let ExprKind::Path(path) = &operand.kind {
        return Some((path.root_span, path.steps.is_empty()));
    }
    if let ExprKind::Literal(events::Value::Int(_)) = operand.kind { Some((operand.span, true)) } else { None }
}

fn is_bare(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
}
