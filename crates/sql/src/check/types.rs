//! What is known of the types of expressions before an event has come.

use events::{Type, Value};

use super::Checker;
use super::names::Names;
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::plan::{Expr, Node};
use crate::syntax::ast;
use crate::syntax::span::Span;
use crate::values::arithmetic::Arithmetic;
use crate::values::compare::Comparison;
use crate::values::describe::describe;

/// An operand of arithmetic: an expression, or what the operators before have made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operand<'e> {
    pub(super) ty: Type,
    pub(super) span: Span,
    pub(super) constant: Option<&'e Value>,
}

impl Checker<'_> {
    /// An expression that must be true, false or NULL.
    pub(super) fn condition(&mut self, expr: &ast::Expr, names: &mut Names<'_>) -> Expr {
        let checked = self.expression(expr, names);
        if !matches!(checked.ty, Type::Bool | Type::Null | Type::Any) {
            let message = format!("a condition must be true, false or NULL, found {}", found(&checked));
            self.error(codes::WRONG_TYPE, expr.span, message);
        }
        checked
    }

    /// Tells operands that can never be right, and the type of the result.
    pub(super) fn arithmetic_type(&mut self, op: Arithmetic, left: &Operand<'_>, right: &Operand<'_>) -> Type {
        let is_text = |of: &Operand<'_>| matches!(of.ty, Type::Text | Type::Bytes);
        let is_known = |of: &Operand<'_>| !matches!(of.ty, Type::Any | Type::Null);
        let is_number = |of: &Operand<'_>| matches!(of.ty, Type::Int | Type::Float | Type::Number | Type::Timestamp);
        let unknown = !is_known(left) || !is_known(right);
        if op == Arithmetic::Add && (is_text(left) || is_text(right)) {
            return if unknown { Type::Any } else { Type::Text };
        }
        let may_be_text = op == Arithmetic::Add && unknown;
        for operand in [left, right] {
            if is_known(operand) && !is_number(operand) && !may_be_text {
                let message = format!("`{}` wants numbers, found {}", op.symbol(), operand.found());
                self.error(codes::WRONG_TYPE, operand.span, message);
                return Type::Any;
            }
        }
        let is_int = |of: &Operand<'_>| matches!(of.ty, Type::Int | Type::Timestamp);
        if unknown {
            return Type::Any;
        }
        match op {
            Arithmetic::Divide => Type::Float,
            Arithmetic::IntegerDivide | Arithmetic::Modulo => Type::Int,
            Arithmetic::Add | Arithmetic::Subtract | Arithmetic::Multiply => {
                if is_int(left) && is_int(right) {
                    Type::Int
                } else if left.ty == Type::Float || right.ty == Type::Float {
                    Type::Float
                } else {
                    Type::Number
                }
            }
        }
    }

    /// Warns of a comparison with the word NULL: `=` is true where both are NULL, every other is never true.
    pub(super) fn warn_of_null(&mut self, op: Comparison, left: &Expr, right: &Expr) {
        let is_null = |expr: &&Expr| matches!(expr.node, Node::Constant(Value::Null));
        let Some(null) = [right, left].into_iter().find(is_null) else { return };
        let span = null.span.range();
        let warning = match op {
            Comparison::Equal => {
                let message = "`= NULL` is true here where both are NULL, but never in the SQL of databases";
                Diagnostic::warning(codes::EQUALS_NULL, span, message).with_help("write `IS NULL`")
            }
            Comparison::NotEqual
            | Comparison::Less
            | Comparison::LessOrEqual
            | Comparison::Greater
            | Comparison::GreaterOrEqual => {
                let message = "a comparison with NULL other than `=` is never true";
                Diagnostic::warning(codes::NEVER_TRUE, span, message).with_help("write `IS NOT NULL`")
            }
        };
        self.diagnostics.push(warning);
    }

    /// Tells an operand that can never be text.
    pub(super) fn expect_text(&mut self, operator: &str, operand: &Expr) {
        if !matches!(operand.ty, Type::Text | Type::Bytes | Type::Any | Type::Null) {
            let message = format!("`{operator}` wants text, found {}", found(operand));
            self.error(codes::WRONG_TYPE, operand.span, message);
        }
    }
}

impl<'e> Operand<'e> {
    pub(super) const fn of(expr: &'e Expr) -> Operand<'e> {
        let constant = if let Node::Constant(value) = &expr.node { Some(value) } else { None };
        Operand { ty: expr.ty, span: expr.span, constant }
    }

    fn found(&self) -> String {
        self.constant.map_or_else(|| self.ty.to_string(), describe)
    }
}

/// The words for what an expression is: the value of a constant, else the type.
pub(super) fn found(expr: &Expr) -> String {
    Operand::of(expr).found()
}

/// The type of one or the other.
pub(super) fn either(left: Type, right: Type) -> Type {
    let is_number = |ty| matches!(ty, Type::Int | Type::Float | Type::Number);
    if left == right || right == Type::Null {
        left
    } else if left == Type::Null {
        right
    } else if is_number(left) && is_number(right) {
        Type::Number
    } else {
        Type::Any
    }
}

/// The name of a type as a sentence takes it.
pub(super) fn with_article(ty: Type) -> String {
    match ty {
        Type::Null | Type::Text | Type::Bytes => ty.to_string(),
        Type::Int => format!("an {ty}"),
        Type::Bool | Type::Float | Type::Number | Type::Timestamp | Type::List | Type::Map | Type::Any => {
            format!("a {ty}")
        }
    }
}
