//! What is made of constants alone: where it fails now, it fails on every event that comes to it.

use std::cell::OnceCell;

use events::{Map, Timestamp, Value};

use super::Checker;
use crate::codes;
use crate::context::{Context, Limits};
use crate::diagnostic::Diagnostic;
use crate::eval::{Budget, Scope, empty_frame, eval};
use crate::plan::{Expr, Node};
use crate::store::Store;
use crate::values::arithmetic::Arithmetic;

/// A call that wants more is not tried: it is long until it fails, or may succeed.
const LIMITS: Limits = Limits { steps_max: 10_000, result_bytes_max: 64 * 1024, rows_max: 0 };

impl Checker<'_> {
    /// Tries a call of constants and warns where it fails, unless something was told of it since there were `told`
    /// diagnostics.
    pub(super) fn warn_of_failing_call(&mut self, call: &Expr, told: usize) {
        let Node::Call(parts) = &call.node else { return };
        let is_constant = |arg: &Expr| matches!(arg.node, Node::Constant(_));
        let knows_all = parts.function.name != "jq" && parts.args.iter().all(is_constant);
        if !self.mode.knows_types() || self.diagnostics.len() > told || !knows_all {
            return;
        }
        let store = Store::new();
        let ctx = Context { limits: LIMITS, ..Context::new(Timestamp::SAMPLE, &store) };
        let budget = Budget::new(&ctx.limits, ctx.seed);
        let (columns, own_payload) = (Map::new(), OnceCell::new());
        let scope = Scope::new(&columns, &ctx, &budget, &own_payload);
        let Err(error) = eval(&scope, &empty_frame(0), call) else { return };
        if matches!(error.code, codes::EVAL_TYPE | codes::EVAL_RANGE) {
            let message = format!("this always fails: {}", error.message);
            self.diagnostics.push(Diagnostic::warning(codes::ALWAYS_FAILS, error.span, message));
        }
    }

    /// Warns of a divisor that nothing can be divided by.
    pub(super) fn warn_of_divisor(&mut self, op: Arithmetic, divisor: &Expr) {
        let Node::Constant(value @ (Value::Int(_) | Value::Float(_))) = &divisor.node else { return };
        let divides = match op {
            Arithmetic::Divide | Arithmetic::IntegerDivide | Arithmetic::Modulo => true,
            Arithmetic::Add | Arithmetic::Subtract | Arithmetic::Multiply => false,
        };
        if divides && let Err(wrong) = op.apply(&Value::Int(1), value) {
            let message = format!("this always fails: {wrong}");
            self.diagnostics.push(Diagnostic::warning(codes::ALWAYS_FAILS, divisor.span.range(), message));
        }
    }
}
