//! The fields of SELECT, FOREACH and DO: what they are named, and how the row is put together.

use bytestring::ByteString;
use events::Type;

use super::Checker;
use super::names::{AliasEntry, AliasTable, Names};
use crate::plan::{Base, Column, Expr, Item, PathStep, Piece, Projection, Shape, Target};
use crate::syntax::ast;
use crate::values::path::Place;

/// The name of the element in FOREACH without AS.
pub(super) const ELEMENT: &str = "item";

/// Fields that were checked.
#[derive(Debug, Default)]
pub(super) struct Projected {
    items: Vec<Item>,
    entries: Vec<AliasEntry>,
    pieces: Vec<Piece>,
    /// The row has fields known only when the event is there.
    open: bool,
    /// One field reads another, or puts something below its name.
    staged: bool,
}

/// The fields of FOREACH as INCASE and DO see them.
#[derive(Debug)]
pub(super) struct Locals {
    pub(super) fields: Box<[Item]>,
    /// The slot of the element at hand.
    pub(super) element: u16,
    /// The names that `*` adds to the columns.
    pub(super) names: Box<[(ByteString, u16)]>,
}

impl Checker<'_> {
    /// Checks fields in order; each sees what those before it have set.
    pub(super) fn projection(&mut self, fields: &[ast::Field], names: &mut Names<'_>) -> Projected {
        let mut projected = Projected::default();
        for field in fields {
            match field {
                ast::Field::Star(_) => {
                    names.forget_columns(|root| self.is_column(root));
                    projected.pieces.push(Piece::Star);
                    projected.open = true;
                    projected.staged = true;
                }
                ast::Field::Item { expr, target } => self.item(expr, target.as_ref(), names, &mut projected),
            }
        }
        projected
    }

    fn item(&mut self, expr: &ast::Expr, target: Option<&ast::Path>, names: &mut Names<'_>, into: &mut Projected) {
        let checked = self.expression(expr, names);
        let mut named = target.cloned().unwrap_or_else(|| self.own_name(expr, names));
        // The name of a field of the catalogue costs nothing to clone into every row.
        let column = Column::of(&named.root);
        named.root = column.name.clone();
        let renamed = if let ast::ExprKind::Path(path) = &expr.kind { !same_path(path, &named) } else { true };
        let steps: Box<[PathStep]> = named.steps.iter().map(|step| self.step(step, false, names)).collect();
        let reads = names.take_reads();
        into.staged |= !reads.is_empty();
        let whole = steps.is_empty();
        let first = names.output(&named.root).is_none();
        let starred = into.pieces.iter().any(|piece| matches!(piece, Piece::Star));
        let initial = (first && !whole && starred).then(|| self.column_base(&named.root, names));
        let ty = checked.ty;
        let slot = names.set_output(&named.root, (!whole).then(|| known_keys(&named)), ty);
        let span = named.root_span;
        let in_payload = named.root == "payload" && !whole;
        into.entries.push(AliasEntry {
            item: into.items.len(),
            root: named.root.clone(),
            slot,
            whole,
            renamed,
            reads,
            ty,
        });
        into.pieces.push(Piece::Slot(column, slot));
        into.items.push(Item { expr: checked, target: Target { slot, steps, initial, in_payload, span } });
    }

    /// The name of a field without AS: a path is its own, a text its own, everything else is named by its text.
    fn own_name(&self, expr: &ast::Expr, names: &Names<'_>) -> ast::Path {
        let plain = |root: &str| ast::Path { root: root.into(), root_span: expr.span, quoted: true, steps: Vec::new() };
        if let ast::ExprKind::Path(path) | ast::ExprKind::Slice { path, .. } = &expr.kind {
            let mut path = path.clone();
            for step in &mut path.steps {
                // A key beside the list is nothing in the row, which gets a list of that element, or has it already.
                if let ast::PathStep::Index(index) = step
                    && self.key_beside(index, names).is_some()
                {
                    *step = ast::PathStep::Place(Place::BEYOND, index.span);
                }
            }
            path
        } else if let ast::ExprKind::Literal(events::Value::Text(text)) = &expr.kind {
            plain(text)
        } else {
            plain(self.text.get(expr.span.range()).unwrap_or_default())
        }
    }

    fn column_base(&mut self, root: &ByteString, names: &Names<'_>) -> Base {
        match names.local(root) {
            Some(slot) => Base::Slot(slot),
            None if root == "payload" => Base::Payload,
            None => Base::Column(Column::of(root)),
        }
    }
}

impl Projected {
    /// The value of the last field.
    pub(super) fn last(&self) -> Option<&Expr> {
        self.items.last().map(|item| &item.expr)
    }

    /// The fields as WHERE may name them.
    pub(super) fn alias_table(&self) -> AliasTable {
        AliasTable::new(
            self.entries
                .iter()
                .map(|entry| AliasEntry { root: entry.root.clone(), reads: entry.reads.clone(), ..*entry })
                .collect(),
        )
    }

    /// The fields of a row with their types, where they are known.
    pub(super) fn output(&self) -> Option<Vec<(ByteString, Type)>> {
        if self.open {
            return None;
        }
        let mut fields: Vec<(ByteString, Type)> = Vec::new();
        for entry in &self.entries {
            let ty = if entry.whole { entry.ty } else { Type::Map };
            match fields.iter_mut().find(|(name, _)| *name == entry.root) {
                Some((_, known)) => *known = if entry.whole { ty } else { Type::Any },
                None => fields.push((entry.root.clone(), ty)),
            }
        }
        Some(fields)
    }

    /// How the row is made. `kept` says that WHERE may have evaluated some of the items.
    pub(super) fn into_projection(self, kept: bool) -> Projection {
        if !self.staged
            && !kept
            && let Some(places) = self.places()
        {
            return Projection::Direct(shapes(places, self.items.into_iter().map(|item| item.expr).collect()));
        }
        let mut pieces: Vec<Piece> = Vec::new();
        for piece in self.pieces {
            // A slot that is there already keeps its place; after `*` it has to be set again.
            let since_star = pieces.iter().rposition(|piece| matches!(piece, Piece::Star)).unwrap_or(0);
            let there = match &piece {
                Piece::Slot(_, slot) => pieces
                    .iter()
                    .skip(since_star)
                    .any(|earlier| matches!(earlier, Piece::Slot(_, other) if other == slot)),
                Piece::Star => false,
            };
            if !there {
                pieces.push(piece);
            }
        }
        Projection::Staged { items: self.items.into(), pieces: pieces.into() }
    }

    /// The places of the items in the row, as keys; `None` where one stands on another, an index is among them, or those
    /// below a name do not stand together, so that values would be computed in another order.
    fn places(&self) -> Option<Vec<Vec<ByteString>>> {
        let mut places: Vec<Vec<ByteString>> = Vec::with_capacity(self.items.len());
        for (item, entry) in self.items.iter().zip(&self.entries) {
            let mut place = vec![entry.root.clone()];
            for step in &item.target.steps {
                match step {
                    PathStep::Key(key) => place.push(key.clone()),
                    PathStep::Place(_) | PathStep::Index { .. } => return None,
                }
            }
            let overlaps = |other: &Vec<ByteString>| place.starts_with(other) || other.starts_with(&place);
            let shared = |other: &Vec<ByteString>| other.iter().zip(&place).take_while(|(a, b)| a == b).count();
            let before = places.last().map_or(0, shared);
            if places.iter().any(overlaps) || places.iter().any(|other| shared(other) > before) {
                return None;
            }
            places.push(place);
        }
        Some(places)
    }

    /// The fields of FOREACH; their names are aliases from here on.
    pub(super) fn into_locals(self, names: &mut Names<'_>) -> Locals {
        let mut entries = self.entries;
        let collection = entries.pop();
        let set_aside = |entry: &AliasEntry| !entry.renamed;
        names.output_to_locals();
        // A field that is a path without AS is the column itself, which is there anyway.
        for root in entries.iter().chain(&collection).filter(|entry| set_aside(entry)).map(|entry| entry.root.clone()) {
            let renamed_too = entries.iter().chain(&collection).any(|entry| entry.root == root && entry.renamed);
            if !renamed_too {
                names.forget_local(&root);
            }
        }
        let element = match &collection {
            Some(collection) if collection.renamed && collection.whole => names.set_local(&collection.root),
            Some(_) | None => names.set_local(&ByteString::from_static(ELEMENT)),
        };
        Locals { fields: self.items.into(), element, names: names.locals().into() }
    }
}

/// The keys of a path up to the first index.
pub(super) fn known_keys(path: &ast::Path) -> Vec<ByteString> {
    let key = |step: &ast::PathStep| match step {
        ast::PathStep::Key(key) => Some(key.clone()),
        ast::PathStep::Place(_, _) | ast::PathStep::Index(_) => None,
    };
    path.steps.iter().map_while(key).collect()
}

/// The row as a tree of the places of its values.
fn shapes(places: Vec<Vec<ByteString>>, values: Vec<Expr>) -> Box<[(ByteString, Shape)]> {
    let mut fields: Vec<(ByteString, Group)> = Vec::new();
    for (place, value) in places.into_iter().zip(values) {
        let mut keys = place.into_iter();
        let Some(root) = keys.next() else { continue };
        let below: Vec<ByteString> = keys.collect();
        match fields.last_mut() {
            Some((name, group)) if *name == root => group.push((below, value)),
            Some(_) | None => fields.push((root, vec![(below, value)])),
        }
    }
    let shape = |group: Group| {
        let (places, mut values): (Vec<_>, Vec<_>) = group.into_iter().unzip();
        if places.iter().all(Vec::is_empty)
            && let Some(value) = values.pop()
        {
            return Shape::Value(value);
        }
        Shape::Map(shapes(places, values))
    };
    fields.into_iter().map(|(name, group)| (name, shape(group))).collect()
}

/// Values under one name with their places below it.
type Group = Vec<(Vec<ByteString>, Expr)>;

/// Whether both are written the same.
pub(super) fn same_path(left: &ast::Path, right: &ast::Path) -> bool {
    left.root == right.root
        && left.steps.len() == right.steps.len()
        && left.steps.iter().zip(&right.steps).all(|steps| match steps {
            (ast::PathStep::Key(left), ast::PathStep::Key(right)) => left == right,
            (ast::PathStep::Place(left, _), ast::PathStep::Place(right, _)) => left == right,
            (ast::PathStep::Key(_) | ast::PathStep::Place(_, _) | ast::PathStep::Index(_), _) => false,
        })
}
