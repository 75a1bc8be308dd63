//! A tree as text again, in as few parentheses as keep it. What was printed reads back as the same tree.

use std::fmt::{self, Display, Formatter};

use events::Value;

use super::ast::{Expr, ExprKind, Field, Path, PathStep, Statement, Verb};
use super::path::FUNCTION_MODULE;
use super::token::Keyword;
use crate::values::arithmetic::Arithmetic;
use crate::values::compare::Comparison;

/// How tightly an expression binds, from `OR` to what needs no parentheses anywhere.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binding {
    Or,
    And,
    Not,
    Comparison,
    Sum,
    Product,
    Sign,
    Primary,
}

/// An expression where something that binds at least so tightly is wanted.
struct At<'e>(&'e Expr, Binding);

/// What is separated by commas.
struct List<'e, T>(&'e [T]);

/// A name or a text between these quotes.
struct Quoted<'e>(&'e str, char);

impl Display for Statement {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.verb {
            Verb::Select(fields) => write!(f, "SELECT {}", List(fields))?,
            Verb::Foreach { fields, each, incase } => {
                write!(f, "FOREACH {}", List(fields))?;
                if let Some(each) = each {
                    write!(f, " DO {}", List(each))?;
                }
                if let Some(incase) = incase {
                    write!(f, " INCASE {incase}")?;
                }
            }
        }
        for (at, topic) in self.from.iter().enumerate() {
            write!(f, "{}{}", if at == 0 { " FROM " } else { ", " }, Quoted(&topic.text, '"'))?;
        }
        self.filter.as_ref().map_or(Ok(()), |filter| write!(f, " WHERE {filter}"))
    }
}

impl Display for Field {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Field::Star(_) => f.write_str("*"),
            Field::Item { expr, target: None } => expr.fmt(f),
            Field::Item { expr, target: Some(target) } => write!(f, "{expr} AS {target}"),
        }
    }
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        At(self, Binding::Or).fmt(f)
    }
}

impl Display for At<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let At(expr, wanted) = self;
        if binding(&expr.kind) < *wanted { write!(f, "({})", expr.kind) } else { expr.kind.fmt(f) }
    }
}

const fn binding(kind: &ExprKind) -> Binding {
    match kind {
        ExprKind::Or(_) => Binding::Or,
        ExprKind::And(_) => Binding::And,
        ExprKind::Not(_) => Binding::Not,
        ExprKind::Compare { .. }
        | ExprKind::TopicMatch { .. }
        | ExprKind::In { .. }
        | ExprKind::Like { .. }
        | ExprKind::Between { .. }
        | ExprKind::IsNull { .. } => Binding::Comparison,
        ExprKind::Arithmetic { rest, .. } => match rest.as_slice() {
            [(Arithmetic::Add | Arithmetic::Subtract, _), ..] => Binding::Sum,
            [(Arithmetic::Multiply | Arithmetic::Divide | Arithmetic::IntegerDivide | Arithmetic::Modulo, _), ..]
            | [] => Binding::Product,
        },
        ExprKind::Negate(_) => Binding::Sign,
        ExprKind::Literal(_)
        | ExprKind::Path(_)
        | ExprKind::Slice { .. }
        | ExprKind::Range { .. }
        | ExprKind::List(_)
        | ExprKind::Map(_)
        | ExprKind::Call { .. }
        | ExprKind::Case { .. } => Binding::Primary,
    }
}

impl Display for ExprKind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let operand = |expr| At(expr, Binding::Sum);
        let not = |negated: bool| if negated { " NOT" } else { "" };
        match self {
            ExprKind::Literal(value) => write_literal(value, f),
            ExprKind::Path(path) => path.fmt(f),
            ExprKind::Slice { path, from, to } => write!(f, "{path}[{from}..{to}]"),
            ExprKind::Range { from, to } => write!(f, "[{from}..{to}]"),
            ExprKind::List(items) => write!(f, "[{}]", List(items)),
            ExprKind::Map(entries) => {
                f.write_str("{")?;
                for (at, (key, value)) in entries.iter().enumerate() {
                    write!(f, "{}{}: {value}", if at == 0 { "" } else { ", " }, Quoted(key, '\''))?;
                }
                f.write_str("}")
            }
            ExprKind::Call { name, args, .. } if is_plain_name(name) => write!(f, "{name}({})", List(args)),
            ExprKind::Call { name, args, .. } => {
                write!(f, "{FUNCTION_MODULE}.{}({})", Quoted(name, '"'), List(args))
            }
            // The space keeps two signs from being a comment.
            ExprKind::Negate(operand) => write!(f, "- {}", At(operand, Binding::Sign)),
            ExprKind::Not(operand) => write!(f, "NOT {}", At(operand, Binding::Not)),
            ExprKind::And(operands) => write_chain(operands, "AND", Binding::Not, f),
            ExprKind::Or(operands) => write_chain(operands, "OR", Binding::And, f),
            ExprKind::Arithmetic { first, rest } => write_arithmetic(first, rest, binding(self), f),
            ExprKind::Compare { op, left, right } => {
                let word = match op {
                    Comparison::Equal => "=",
                    Comparison::NotEqual => "!=",
                    Comparison::Less => "<",
                    Comparison::LessOrEqual => "<=",
                    Comparison::Greater => ">",
                    Comparison::GreaterOrEqual => ">=",
                };
                write!(f, "{} {word} {}", operand(left), operand(right))
            }
            ExprKind::TopicMatch { topic, filter } => write!(f, "{} =~ {}", operand(topic), operand(filter)),
            ExprKind::In { negated, operand: left, items } => {
                write!(f, "{}{} IN ({})", operand(left), not(*negated), List(items))
            }
            ExprKind::Like { negated, operand: left, pattern } => {
                write!(f, "{}{} LIKE {}", operand(left), not(*negated), operand(pattern))
            }
            ExprKind::Between { negated, operand: left, low, high } => {
                write!(f, "{}{} BETWEEN {} AND {}", operand(left), not(*negated), operand(low), operand(high))
            }
            ExprKind::IsNull { negated, operand: left } => {
                write!(f, "{} IS{} NULL", operand(left), not(*negated))
            }
            ExprKind::Case { operand, branches, otherwise } => {
                write_case(operand.as_deref(), branches, otherwise.as_deref(), f)
            }
        }
    }
}

impl Display for Path {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.quoted {
            Quoted(&self.root, '"').fmt(f)?
        } else {
            f.write_str(&self.root)?
        }
        for step in &self.steps {
            match step {
                PathStep::Key(key) => write!(f, ".{}", Quoted(key, '"'))?,
                PathStep::Place(place, _) => {
                    write!(f, "[{}{}]", if place.from_end { "-" } else { "" }, place.distance)?;
                }
                // An integer alone would be a place.
                PathStep::Index(index) => write!(f, "[({index})]")?,
            }
        }
        Ok(())
    }
}

impl<T: Display> Display for List<'_, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (at, item) in self.0.iter().enumerate() {
            write!(f, "{}{item}", if at == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Quoted(text, quote) = self;
        let doubled: String = [*quote, *quote].iter().collect();
        write!(f, "{quote}{}{quote}", text.replace(*quote, &doubled))
    }
}

fn write_case(
    operand: Option<&Expr>,
    branches: &[(Expr, Expr)],
    otherwise: Option<&Expr>,
    f: &mut Formatter<'_>,
) -> fmt::Result {
    f.write_str("CASE")?;
    if let Some(operand) = operand {
        write!(f, " {operand}")?;
    }
    for (condition, value) in branches {
        write!(f, " WHEN {condition} THEN {value}")?;
    }
    if let Some(otherwise) = otherwise {
        write!(f, " ELSE {otherwise}")?;
    }
    f.write_str(" END")
}

fn write_arithmetic(first: &Expr, rest: &[(Arithmetic, Expr)], binding: Binding, f: &mut Formatter<'_>) -> fmt::Result {
    let operand = |expr| At(expr, if binding == Binding::Sum { Binding::Product } else { Binding::Sign });
    operand(first).fmt(f)?;
    for (op, next) in rest {
        write!(f, " {} {}", op.symbol(), operand(next))?;
    }
    Ok(())
}

fn write_chain(operands: &[Expr], word: &str, tighter: Binding, f: &mut Formatter<'_>) -> fmt::Result {
    for (at, operand) in operands.iter().enumerate() {
        if at > 0 {
            write!(f, " {word} ")?;
        }
        At(operand, tighter).fmt(f)?;
    }
    Ok(())
}

fn write_literal(value: &Value, f: &mut Formatter<'_>) -> fmt::Result {
    match value {
        Value::Text(text) => Quoted(text, '\'').fmt(f),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::BigInt(_)
        | Value::Float(_)
        | Value::Bytes(_)
        | Value::List(_)
        | Value::Map(_) => f.write_str(&value.to_json()),
    }
}

/// Whether a function of that name can be written without quotes.
fn is_plain_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_$@~".contains(&byte);
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(plain)
        && Keyword::of(name).is_none()
}
