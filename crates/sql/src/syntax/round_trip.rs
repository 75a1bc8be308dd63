//! What is printed reads back as the same tree, for any tree of the grammar.

use bytestring::ByteString;
use events::Value;
use proptest::prelude::*;

use super::ast::{Expr, ExprKind, Field, Path, PathStep, Statement, Topic, Verb};
use super::parse;
use super::span::Span;
use crate::values::arithmetic::Arithmetic;
use crate::values::compare::Comparison;
use crate::values::path::Place;

/// A tree without its places: where a node stands is not part of what it is.
pub(crate) fn shape(statement: &Statement) -> String {
    let places = regex::Regex::new(r"(\w*span: )?Span \{[^}]*\},? ?|depth: \d+").unwrap();
    places.replace_all(&format!("{statement:?}"), "").into_owned()
}

/// An expression; how deep it is only the parser has to know.
fn expr(kind: ExprKind) -> Expr {
    Expr { kind, span: Span::default(), depth: 0 }
}

fn text() -> impl Strategy<Value = ByteString> {
    "[a-z'\"\\\\ $é/{]{0,5}".prop_map(ByteString::from)
}

fn literal() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (0..=i64::MAX).prop_map(Value::Int),
        (1u128 << 64..).prop_map(|number| Value::from_big(number.into())),
        prop::num::f64::POSITIVE.prop_filter("finite", |number| number.is_finite()).prop_map(Value::Float),
        text().prop_map(Value::Text),
    ]
}

/// Names in quotes, and bare ones that are words of operators elsewhere.
fn root() -> impl Strategy<Value = (ByteString, bool)> {
    let bare = prop::sample::select(vec!["payload", "a_1", "is", "like", "between", "item", "x$@~"]);
    prop_oneof![bare.prop_map(|name| (ByteString::from_static(name), false)), text().prop_map(|name| (name, true))]
}

fn path(index: impl Strategy<Value = Expr>) -> impl Strategy<Value = Path> {
    let place = (any::<bool>(), 0..=i64::MAX.unsigned_abs());
    let step = prop_oneof![
        4 => text().prop_map(PathStep::Key),
        2 => place.prop_map(|(from_end, distance)| PathStep::Place(Place { from_end, distance }, Span::default())),
        1 => index.prop_map(|index| PathStep::Index(Box::new(index))),
    ];
    (root(), prop::collection::vec(step, 0..3)).prop_map(|((root, quoted), steps)| Path {
        root,
        root_span: Span::default(),
        quoted,
        steps,
    })
}

fn bound() -> impl Strategy<Value = i64> {
    (-99i64..=99).prop_filter("counts from 1", |bound| *bound != 0)
}

fn leaf() -> BoxedStrategy<Expr> {
    let index = literal().prop_map(|value| expr(ExprKind::Literal(value))).boxed();
    prop_oneof![
        literal().prop_map(ExprKind::Literal),
        path(index.clone()).prop_map(ExprKind::Path),
        (path(index), bound(), bound()).prop_map(|(path, from, to)| ExprKind::Slice { path, from, to }),
        (-99i64..99, -99i64..99).prop_map(|(from, to)| ExprKind::Range { from, to }),
    ]
    .prop_map(expr)
    .boxed()
}

const SUM: &[Arithmetic] = &[Arithmetic::Add, Arithmetic::Subtract];
const PRODUCT: &[Arithmetic] =
    &[Arithmetic::Multiply, Arithmetic::Divide, Arithmetic::IntegerDivide, Arithmetic::Modulo];

/// What stands behind the first operand of operators in a row.
fn chain(
    operators: &'static [Arithmetic],
    inner: &BoxedStrategy<Expr>,
) -> impl Strategy<Value = Vec<(Arithmetic, Expr)>> + use<> {
    prop::collection::vec((prop::sample::select(operators), inner.clone()), 1..4)
}

fn comparison() -> impl Strategy<Value = Comparison> {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    prop::sample::select(vec![Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual])
}

/// Expressions over others.
fn branch(inner: &BoxedStrategy<Expr>) -> BoxedStrategy<Expr> {
    let boxed = || inner.clone().prop_map(Box::new);
    let some = |from| prop::collection::vec(inner.clone(), from..4usize);
    let name = prop_oneof![Just("upper".to_owned()), Just("emqx_rule_funcs".to_owned()), text().prop_map(String::from)];
    let operators = prop_oneof![
        boxed().prop_map(ExprKind::Negate),
        boxed().prop_map(ExprKind::Not),
        some(2).prop_map(ExprKind::And),
        some(2).prop_map(ExprKind::Or),
        (boxed(), chain(SUM, inner)).prop_map(|(first, rest)| ExprKind::Arithmetic { first, rest }),
        (boxed(), chain(PRODUCT, inner)).prop_map(|(first, rest)| ExprKind::Arithmetic { first, rest }),
        (comparison(), boxed(), boxed()).prop_map(|(op, left, right)| ExprKind::Compare { op, left, right }),
        (boxed(), boxed()).prop_map(|(topic, filter)| ExprKind::TopicMatch { topic, filter }),
    ];
    let predicates = prop_oneof![
        (any::<bool>(), boxed(), some(1)).prop_map(|(negated, operand, items)| ExprKind::In {
            negated,
            operand,
            items
        }),
        (any::<bool>(), boxed(), boxed()).prop_map(|(negated, operand, pattern)| ExprKind::Like {
            negated,
            operand,
            pattern
        }),
        (any::<bool>(), boxed(), boxed(), boxed()).prop_map(|(negated, operand, low, high)| ExprKind::Between {
            negated,
            operand,
            low,
            high
        }),
        (any::<bool>(), boxed()).prop_map(|(negated, operand)| ExprKind::IsNull { negated, operand }),
    ];
    let branches = prop::collection::vec((inner.clone(), inner.clone()), 1..3);
    let others = prop_oneof![
        path(inner.clone()).prop_map(ExprKind::Path),
        some(0).prop_map(ExprKind::List),
        prop::collection::vec((text(), inner.clone()), 0..3).prop_map(ExprKind::Map),
        (name, some(0)).prop_map(|(name, args)| ExprKind::Call { name, name_span: Span::default(), args }),
        (prop::option::of(boxed()), branches, prop::option::of(boxed()))
            .prop_map(|(operand, branches, otherwise)| ExprKind::Case { operand, branches, otherwise }),
    ];
    prop_oneof![operators, predicates, others].prop_map(expr).boxed()
}

fn expression() -> BoxedStrategy<Expr> {
    leaf().prop_recursive(5, 40, 4, |inner| branch(&inner)).boxed()
}

fn fields() -> impl Strategy<Value = Vec<Field>> {
    let item = (expression(), prop::option::of(path(expression())));
    let field = prop_oneof![
        1 => Just(Field::Star(Span::default())),
        4 => item.prop_map(|(expr, target)| Field::Item { expr, target }),
    ];
    prop::collection::vec(field, 1..4)
}

fn statement() -> impl Strategy<Value = Statement> {
    let foreach = (fields(), prop::option::of(fields()), prop::option::of(expression()));
    let verb = prop_oneof![
        fields().prop_map(Verb::Select),
        foreach.prop_map(|(fields, each, incase)| Verb::Foreach { fields, each, incase }),
    ];
    let topic = text().prop_map(|text| Topic { text, span: Span::default() });
    (verb, prop::collection::vec(topic, 1..3), prop::option::of(expression()))
        .prop_map(|(verb, from, filter)| Statement { verb, from, filter })
}

proptest! {
    #[test]
    fn what_is_printed_reads_back_as_the_same_tree(statement in statement()) {
        let printed = statement.to_string();
        match parse(&printed) {
            Ok(read) => prop_assert_eq!(shape(&read), shape(&statement), "{}", printed),
            Err(wrong) => prop_assert!(false, "{}", crate::render(&wrong.diagnostics, "printed", &printed, 0)),
        }
    }
}

#[test]
fn parentheses_stand_where_they_are_needed_and_nowhere_else() {
    for text in [
        r#"SELECT a + b * (c - 1) - (d - e) AS "x"."y"[1], * FROM "t", "u""#,
        r#"SELECT NOT (a = 1 OR b = 2 AND NOT c IS NULL) FROM "t" WHERE a AND (b AND c)"#,
        r#"SELECT - (- 1) * 2 FROM "t" WHERE a NOT IN (1, 'it''s') AND (b LIKE 'x%') = true"#,
        r#"FOREACH a[1..-1] AS e DO e.[-0] INCASE CASE e WHEN 1 THEN 2 ELSE {'k': [1..3]} END = 2 FROM "t""#,
    ] {
        let text = text.replace("e.[", "e[");
        let printed = parse(&text).unwrap().to_string();
        assert_eq!(shape(&parse(&printed).unwrap()), shape(&parse(&text).unwrap()), "{printed}");
        assert!(printed.len() <= text.len() + 2, "{printed}");
    }
}
