//! What a value is made of, as far as its type tells: paths into what has nothing below it, FOREACH over what is no list.

use events::Type;

use super::Checker;
use super::projection::ELEMENT;
use super::types::with_article;
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::plan::{Base, Expr, Node};
use crate::syntax::ast;

/// What a path asks for first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Below {
    Key,
    Element,
}

impl Below {
    pub(super) const fn of(step: &ast::PathStep) -> Below {
        match step {
            ast::PathStep::Key(_) => Below::Key,
            ast::PathStep::Place(_, _) | ast::PathStep::Index(_) => Below::Element,
        }
    }

    /// The words for it in messages.
    const fn name(self) -> &'static str {
        match self {
            Below::Key => "keys",
            Below::Element => "elements",
        }
    }
}

impl Checker<'_> {
    /// Warns of a path that leads nowhere, because what it begins with is never a list or a map.
    pub(super) fn warn_of_nothing_below(&mut self, path: &ast::Path, below: Below, base: &Base, ty: Type) {
        let is_column = matches!(base, Base::Column(_));
        let has_it = match ty {
            Type::Map => below == Below::Key,
            Type::List => below == Below::Element,
            // The text of a field that somebody wrote as JSON leads further; that of a field of events is what it is.
            Type::Text => !is_column,
            Type::Bytes | Type::Any | Type::Null => true,
            Type::Bool | Type::Int | Type::Float | Type::Number | Type::Timestamp => false,
        };
        if has_it {
            return;
        }
        let span = match path.steps.first() {
            Some(ast::PathStep::Place(_, span)) => path.root_span.to(*span),
            Some(ast::PathStep::Index(index)) => path.root_span.to(index.span),
            Some(ast::PathStep::Key(_)) | None => path.root_span,
        };
        let outcome = if path.steps.is_empty() { "a slice of it fails the rule" } else { "the path is NULL" };
        let message = format!("`{}` is {}, which has no {}: {outcome}", path.root, with_article(ty), below.name());
        let help = help_below(path, below, ty);
        self.diagnostics.push(Diagnostic::warning(codes::NOTHING_BELOW, span.range(), message).with_help_if(help));
    }

    /// Warns of FOREACH over what is never a list.
    pub(super) fn warn_of_no_list(&mut self, collection: Option<&Expr>, written: &ast::Expr) {
        let Some(collection) = collection else { return };
        let may_be_list = match collection.ty {
            Type::List | Type::Any => true,
            // A bare `payload` is read as JSON.
            Type::Bytes => matches!(&collection.node, Node::Column(column) if column.name == "payload"),
            Type::Null
            | Type::Bool
            | Type::Int
            | Type::Float
            | Type::Number
            | Type::Timestamp
            | Type::Text
            | Type::Map => false,
        };
        if may_be_list {
            return;
        }
        let name = self.text.get(written.span.range()).unwrap_or_default();
        let message = format!("FOREACH wants a list, and `{name}` is {}: it makes no row", with_article(collection.ty));
        let help = match collection.ty {
            Type::Text if name == "topic" => Some("the levels of the topic are `split(topic, '/')`".to_owned()),
            Type::Text => Some(format!("where the text is JSON, write `json_decode({name})`")),
            Type::Map => Some(format!("its keys and values are `map_to_entries({name})`")),
            Type::Null
            | Type::Bool
            | Type::Int
            | Type::Float
            | Type::Number
            | Type::Timestamp
            | Type::Bytes
            | Type::List
            | Type::Any => None,
        };
        let warning = Diagnostic::warning(codes::NO_LIST, written.span.range(), message);
        self.diagnostics.push(warning.with_help_if(help));
    }

    /// Warns of `FOREACH a AS b.c`: the element has a name only where that is no path.
    pub(super) fn warn_of_element_path(&mut self, target: Option<&ast::Path>) {
        let Some(target) = target.filter(|target| !target.steps.is_empty()) else { return };
        let message = format!("the element is `{ELEMENT}`: a path after AS does not name it");
        let help = format!("write `AS {}`", target.root);
        let warning = Diagnostic::warning(codes::ELEMENT_PATH, target.root_span.range(), message);
        self.diagnostics.push(warning.with_help(help));
    }
}

/// What was probably meant by a path that leads nowhere.
fn help_below(path: &ast::Path, below: Below, ty: Type) -> Option<String> {
    let root = &path.root;
    match (ty, below) {
        (Type::Text, Below::Element) if root == "topic" => match path.steps.first() {
            Some(ast::PathStep::Place(place, _)) if !place.from_end => {
                Some(format!("a level of the topic is `topic({})`", place.distance))
            }
            Some(_) | None => Some("a level of the topic is `topic(1)`".to_owned()),
        },
        (Type::Text, Below::Element) => Some(format!("a part of a text is `substr({root}, start, length)`")),
        (Type::List, Below::Key) => Some(format!("an element comes first: `{root}[1]`")),
        (Type::Map, Below::Element) => Some(format!("a value of a map has a key: `{root}.'name'`")),
        (
            Type::Text
            | Type::List
            | Type::Map
            | Type::Bytes
            | Type::Any
            | Type::Null
            | Type::Bool
            | Type::Int
            | Type::Float
            | Type::Number
            | Type::Timestamp,
            Below::Key | Below::Element,
        ) => None,
    }
}
