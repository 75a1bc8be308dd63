//! What names mean at a place of the rule.
//!
//! A name is, in this order: what the row has got so far, an alias of FOREACH or the element at hand, a column.

use std::cell::Cell;

use bytestring::ByteString;
use events::Type;

/// The names at a place.
pub(super) struct Names<'a> {
    /// Fields of the row, the latest last.
    output: Vec<OutputName>,
    /// Aliases of FOREACH and the element.
    locals: Vec<(ByteString, u16)>,
    /// In WHERE: the fields of the row, to be evaluated on demand.
    pub(super) aliases: Option<&'a AliasTable>,
    next_slot: u16,
    /// The slots that were read since [`Names::start_item`].
    reads: Vec<u16>,
}

/// A name that the row has got.
#[derive(Clone, Debug)]
pub(super) struct OutputName {
    pub(super) root: ByteString,
    pub(super) slot: u16,
    /// Set as a whole, not only below its name.
    pub(super) whole: bool,
    /// Where below its name something was put, as far as the keys are known.
    below: Vec<Vec<ByteString>>,
    pub(super) ty: Type,
}

impl OutputName {
    /// Whether something that was put may be found along these keys. What was put at `s.id` is not found at `s.v`.
    pub(super) fn may_answer(&self, keys: &[ByteString]) -> bool {
        self.whole || self.below.iter().any(|put| put.iter().zip(keys).all(|(put, key)| put == key))
    }
}

impl<'a> Names<'a> {
    pub(super) fn new() -> Names<'a> {
        Names { output: Vec::new(), locals: Vec::new(), aliases: None, next_slot: 0, reads: Vec::new() }
    }

    /// The names in WHERE.
    pub(super) fn of_filter(aliases: &'a AliasTable) -> Names<'a> {
        Names { aliases: Some(aliases), ..Names::new() }
    }

    /// How many slots there are.
    pub(super) fn slots(&self) -> usize {
        usize::from(self.next_slot)
    }

    /// What the row has got under that name.
    pub(super) fn output(&self, root: &str) -> Option<&OutputName> {
        self.output.iter().rfind(|name| name.root == root)
    }

    /// The slot of an alias of FOREACH or of the element.
    pub(super) fn local(&self, root: &str) -> Option<u16> {
        self.locals.iter().rfind(|(name, _)| name == root).map(|(_, slot)| *slot)
    }

    /// The names that are no columns.
    pub(super) fn known(&self) -> impl Iterator<Item = &str> {
        let output = self.output.iter().map(|name| &*name.root);
        output.chain(self.locals.iter().map(|(name, _)| &**name))
    }

    /// Notes that the row gets a value under that name, as a whole where `below` is `None`, and returns its slot.
    pub(super) fn set_output(&mut self, root: &ByteString, below: Option<Vec<ByteString>>, ty: Type) -> u16 {
        let known = self.output.iter().position(|name| name.root == *root);
        let at = known.unwrap_or_else(|| {
            let slot = self.new_slot();
            self.output.push(OutputName { root: root.clone(), slot, whole: false, below: Vec::new(), ty });
            self.output.len() - 1
        });
        let name = &mut self.output[at];
        name.ty = if below.is_none() { ty } else { Type::Any };
        match below {
            Some(keys) => name.below.push(keys),
            None => name.whole = true,
        }
        name.slot
    }

    /// `*` gives the row all columns: those names mean columns again.
    pub(super) fn forget_columns(&mut self, is_column: impl Fn(&str) -> bool) {
        self.output.retain(|name| !is_column(&name.root));
    }

    /// After the fields of FOREACH: what they have set are aliases now.
    pub(super) fn output_to_locals(&mut self) {
        self.locals = self.output.drain(..).map(|name| (name.root, name.slot)).collect();
    }

    /// Gives the element its name, which may be that of an alias.
    pub(super) fn set_local(&mut self, root: &ByteString) -> u16 {
        if let Some(slot) = self.local(root) {
            return slot;
        }
        let slot = self.new_slot();
        self.locals.push((root.clone(), slot));
        slot
    }

    /// The name is no alias after all.
    pub(super) fn forget_local(&mut self, root: &str) {
        self.locals.retain(|(name, _)| name != root);
    }

    pub(super) fn locals(&self) -> &[(ByteString, u16)] {
        &self.locals
    }

    /// Notes that an expression reads a slot.
    pub(super) fn note_read(&mut self, slot: u16) {
        self.reads.push(slot);
    }

    /// The slots that were read since the last time this was asked.
    pub(super) fn take_reads(&mut self) -> Vec<u16> {
        std::mem::take(&mut self.reads)
    }

    fn new_slot(&mut self) -> u16 {
        let slot = self.next_slot;
        self.next_slot = self.next_slot.saturating_add(1);
        slot
    }
}

/// The fields of the row as WHERE may name them.
#[derive(Debug, Default)]
pub(super) struct AliasTable {
    pub(super) entries: Vec<AliasEntry>,
    used: Cell<bool>,
}

/// A field of the row.
#[derive(Debug)]
pub(super) struct AliasEntry {
    /// The place among the items.
    pub(super) item: usize,
    pub(super) root: ByteString,
    pub(super) slot: u16,
    pub(super) whole: bool,
    /// Has a name of its own: WHERE that names it does not mean a column.
    pub(super) renamed: bool,
    pub(super) reads: Vec<u16>,
    pub(super) ty: Type,
}

impl AliasTable {
    pub(super) fn new(entries: Vec<AliasEntry>) -> AliasTable {
        AliasTable { entries, used: Cell::new(false) }
    }

    /// Whether a name is one of a field rather than of a column.
    pub(super) fn names(&self, root: &str) -> bool {
        self.entries.iter().any(|entry| entry.renamed && entry.root == root)
    }

    /// The items that make the field of that name, with those they read, in order; its slot; whether it is set as a
    /// whole; its type.
    pub(super) fn needs(&self, root: &str) -> Option<(Box<[usize]>, u16, bool, Type)> {
        let slot = self.entries.iter().find(|entry| entry.root == root)?.slot;
        let mut wanted = vec![slot];
        // An item reads only what stands before it, so one pass from the end finds everything.
        let mut needs = Vec::new();
        for entry in self.entries.iter().rev() {
            if wanted.contains(&entry.slot) {
                needs.push(entry.item);
                wanted.extend(&entry.reads);
            }
        }
        needs.reverse();
        let of_root = || self.entries.iter().filter(|entry| entry.root == root);
        let whole = of_root().any(|entry| entry.whole);
        let ty = match of_root().collect::<Vec<_>>().as_slice() {
            [only] if only.whole => only.ty,
            _ => Type::Any,
        };
        self.used.set(true);
        Some((needs.into(), slot, whole, ty))
    }

    /// Whether WHERE has named one of them.
    pub(super) fn was_used(&self) -> bool {
        self.used.get()
    }
}
