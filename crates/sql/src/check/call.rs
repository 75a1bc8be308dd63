//! Calls: the function, the number of arguments, what can be known of their types.

use events::{Type, Value};

use super::Checker;
use super::names::Names;
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::elsewhere;
use crate::functions::{self, Arity, Function, Wants, compile_regex};
use crate::plan::{Call, Expr, Node};
use crate::suggest::{did_you_mean, nearest};
use crate::syntax::ast;
use crate::syntax::span::Span;

/// A call as it is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct CallParts<'a> {
    pub(super) name: &'a str,
    pub(super) name_span: Span,
    pub(super) args: &'a [ast::Expr],
}

impl Checker<'_> {
    pub(super) fn call(&mut self, call: CallParts<'_>, span: Span, names: &mut Names<'_>) -> (Node, Type) {
        let CallParts { name, name_span, args } = call;
        let mut args: Vec<Expr> = args.iter().map(|arg| self.expression(arg, names)).collect();
        let Some(function) = functions::find(name) else {
            let near = || did_you_mean(name, functions::all().map(|function| function.name));
            let help = elsewhere::function(name).map(str::to_owned).or_else(near);
            self.error_with_help(codes::UNKNOWN_FUNCTION, name_span, format!("no function `{name}`"), help);
            return (Node::Constant(Value::Null), Type::Any);
        };
        if function.name == "jq" {
            self.jq.get_or_insert(name_span);
        }
        let regex = if self.arity(function, args.len(), span) { self.arguments(function, &args) } else { None };
        for param in function.params {
            if param.arity == Arity::Column {
                args.push(self.column_expr(param.name, span, names));
            }
        }
        (Node::Call(Box::new(Call { function, args: args.into(), regex })), function.returns)
    }

    fn arity(&mut self, function: &Function, found: usize, span: Span) -> bool {
        let count = |wanted| function.params.iter().filter(|param| param.arity == wanted).count();
        let least = count(Arity::Once);
        let most = (count(Arity::Rest) == 0).then(|| least + count(Arity::Optional));
        if found >= least && most.is_none_or(|most| found <= most) {
            return true;
        }
        let arguments = |count: usize| if count == 1 { "1 argument".to_owned() } else { format!("{count} arguments") };
        let wanted = match most {
            None => format!("at least {}", arguments(least)),
            Some(most) if most == least => arguments(least),
            Some(most) => format!("{least} to {}", arguments(most)),
        };
        let message = format!("`{}` takes {wanted}, found {found}", function.name);
        let help = Some(format!("`{}`", function.signature()));
        self.error_with_help(codes::WRONG_ARITY, span, message, help);
        false
    }

    /// Tells arguments that can never be right. Returns the regular expression, where it is a constant.
    fn arguments(&mut self, function: &Function, args: &[Expr]) -> Option<regex::Regex> {
        let mut regex = None;
        for (at, arg) in args.iter().enumerate() {
            let Some(param) = function.param(at) else { continue };
            let Node::Constant(value) = &arg.node else {
                if !param.wants.may_fit(arg.ty) {
                    let message = format!("`{}` must be {}, found {}", param.name, param.wants.name(), arg.ty);
                    self.error(codes::WRONG_TYPE, arg.span, message);
                }
                continue;
            };
            if !value.is_null() && !param.wants.fits(value) {
                self.error(codes::WRONG_TYPE, arg.span, param.mismatch(value));
            } else if !param.wants.takes(value) {
                let help = value.as_text().and_then(|word| word_meant(word, param.wants.words()));
                self.error_with_help(codes::ARGUMENT_RANGE, arg.span, param.mismatch(value), help);
            } else if let (Some(option), Wants::Option(words)) = (value.as_text(), param.wants) {
                self.warn_of_option(option, words, arg.span);
            } else if let (Some(pattern), Wants::Regex) = (value.as_text(), param.wants) {
                match compile_regex(pattern) {
                    Ok(compiled) => regex = Some(compiled),
                    Err(message) => self.error(codes::REGEX, arg.span, message),
                }
            }
        }
        regex
    }

    fn warn_of_option(&mut self, option: &str, words: &'static [&'static str], span: Span) {
        if !words.contains(&option) {
            let message = format!("no option `{option}`: it changes nothing");
            let warning = Diagnostic::warning(codes::UNKNOWN_OPTION, span.range(), message);
            self.diagnostics.push(warning.with_help_if(word_meant(option, words)));
        }
    }
}

/// What was meant by a word that is none of those there are.
fn word_meant(word: &str, words: &[&'static str]) -> Option<String> {
    let elsewhere = elsewhere::option(word).filter(|meant| words.contains(meant));
    let begins = || words.iter().copied().find(|known| word.len() > 2 && known.starts_with(word));
    let meant = elsewhere.or_else(|| nearest(word, words.iter().copied())).or_else(begins);
    meant.map(|meant| format!("did you mean `'{meant}'`?"))
}
