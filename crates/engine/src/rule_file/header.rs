//! The header of a rule file: what the rule is for, where its rows go, and its tests.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use bytestring::ByteString;
use events::{Type, closest};
use sql::Diagnostic;
use sql::template::Template;

use super::node::{Entry, Node, NodeKind, to_table};
use super::reader::{Reader, expected};
use super::test_case::TestCase;
use crate::buffer::{BufferKind, BufferOptions, Order, Overflow};
use crate::codes;
use crate::factory::Via;
use crate::measure::{BYTE_UNITS, TIME_UNITS};

/// The most actions of one rule; each has a buffer and a task of its own.
const ACTIONS_MAX: usize = 64;

/// The header of a rule file.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) description: String,
    pub(crate) is_enabled: bool,
    /// The rule was written for EMQX, and sees events as EMQX has them.
    pub(crate) is_emqx: bool,
    /// A publisher is answered when the outputs of its message are in the buffers on disk.
    pub(crate) requires_buffered: bool,
    pub(crate) actions: Vec<ActionEntry>,
    pub(crate) tests: Vec<TestCase>,
}

/// One of `[[actions]]`.
#[derive(Debug)]
pub(crate) struct ActionEntry {
    /// Unique in the rule: given as `name`, else the connector or kind, with a number from the second on.
    pub(crate) name: Arc<str>,
    pub(crate) carrier: Carrier,
    /// What belongs to the kind.
    pub(crate) options: toml::Table,
    pub(crate) buffer: BufferOptions,
    /// Whether it gets rows and sends them.
    pub(crate) is_enabled: bool,
    /// The name of the action that gets what this one loses, and where it is named.
    pub(crate) fallback: Option<(String, Range<usize>)>,
    /// Whether another action names it as its fallback; it gets nothing else then.
    pub(crate) is_fallback: bool,
    /// The options with their places, for what the kind says about them.
    places: Node,
    /// Where `order` stands.
    order_place: Range<usize>,
}

/// What carries an action, and its name.
#[derive(Debug)]
pub(crate) enum Carrier {
    Kind(String),
    Connector(String),
}

impl Default for Header {
    fn default() -> Header {
        Header {
            description: String::new(),
            is_enabled: true,
            is_emqx: false,
            requires_buffered: false,
            actions: Vec::new(),
            tests: Vec::new(),
        }
    }
}

impl Header {
    /// Reads `text`, which stands at `offset` of its file. What can be read is returned, whatever else is wrong.
    pub(crate) fn parse(text: &str, offset: usize, problems: &mut Vec<Diagnostic>) -> Header {
        let root = match Node::parse(text, offset) {
            Ok(root) => root,
            Err(wrong) => {
                problems.extend(wrong);
                return Header::default();
            }
        };
        let mut reader = Reader::new(&root, "the header", problems);
        let description = reader.text("description", problems).map(|(text, _)| text.to_owned()).unwrap_or_default();
        let is_enabled = reader.bool("enabled", problems).unwrap_or(true);
        let is_emqx = reader.text("compat", problems).is_some_and(|(name, span)| check_compat(name, span, problems));
        let required = read_choice(&mut reader, "require", &[("buffered", ())], problems);
        let require_span = root.place(&["require".to_owned()], false);
        let action_nodes = reader.list("actions", problems).unwrap_or_default();
        let test_nodes = reader.list("tests", problems).unwrap_or_default();
        reader.finish(problems);

        let mut actions: Vec<ActionEntry> =
            action_nodes.iter().filter_map(|node| ActionEntry::read(node, problems)).collect();
        if let Some(node) = action_nodes.get(ACTIONS_MAX) {
            let message = format!("expected at most {ACTIONS_MAX} actions, found {}", action_nodes.len());
            problems.push(Diagnostic::error(codes::VALUE, node.span.clone(), message));
        }
        name_actions(&mut actions, problems);
        link_fallbacks(&mut actions, problems);
        let requires_buffered = required.is_some();
        if requires_buffered {
            check_require(&actions, require_span, problems);
        }
        let tests = test_nodes.iter().filter_map(|node| TestCase::read(node, problems)).collect();
        Header { description, is_enabled, is_emqx, requires_buffered, actions, tests }
    }
}

/// Every output has to be in a buffer that survives a kill, or the answer to the publisher would promise what is not so.
fn check_require(actions: &[ActionEntry], span: Range<usize>, problems: &mut Vec<Diagnostic>) {
    const HELP: &str = "give the action `buffer.kind = \"disk\"`, or have this in a rule of its own";
    let in_memory = actions.iter().find(|action| !action.is_fallback && action.buffer.kind == BufferKind::Memory);
    let message = match in_memory {
        Some(action) => {
            format!(
                "expected `buffer.kind = \"disk\"` in every action for `require`, found `memory` in `{}`",
                action.name
            )
        }
        None if actions.is_empty() => "expected an action whose buffer is on disk for `require`, found none".to_owned(),
        None => return,
    };
    problems.push(Diagnostic::error(codes::VALUE, span, message).with_help(HELP));
}

/// The only product that a rule may have been written for.
fn check_compat(name: &str, span: Range<usize>, problems: &mut Vec<Diagnostic>) -> bool {
    let is_emqx = name == "emqx";
    if !is_emqx {
        let message = format!("expected `\"emqx\"` for `compat`, found `\"{name}\"`");
        problems.push(Diagnostic::error(codes::VALUE, span, message));
    }
    is_emqx
}

impl ActionEntry {
    fn read(node: &Node, problems: &mut Vec<Diagnostic>) -> Option<ActionEntry> {
        let mut reader = Reader::new(node, "an action", problems);
        let name = reader.text("name", problems).map(|(name, span)| (name.to_owned(), span));
        if let Some((name, span)) = &name {
            check_name(name, span, problems);
        }
        let fallback = reader.text("fallback", problems).map(|(name, span)| (name.to_owned(), span));
        let is_enabled = reader.bool("enabled", problems).unwrap_or(true);
        let buffer = read_buffer(&mut reader, fallback.is_some(), problems);
        let connector = reader.text("connector", problems);
        let span = reader.span();
        let rest = reader.rest();
        let (carrier, options, places) = match connector {
            Some((connector, _)) => {
                let places = table_of(span.clone(), &rest);
                (Carrier::Connector(connector.to_owned()), to_table(rest.iter().copied()), places)
            }
            None => {
                let (kind, table) = kind_of(&span, &rest, problems)?;
                (Carrier::Kind(kind.to_owned()), to_table(table.entries()), table.clone())
            }
        };
        let name = name.map_or_else(|| carrier.name().to_owned(), |(name, _)| name);
        Some(ActionEntry {
            name: name.into(),
            carrier,
            options,
            buffer,
            is_enabled,
            fallback,
            is_fallback: false,
            places,
            order_place: node.place(&["order".to_owned()], false),
        })
    }

    /// What carries the action.
    pub(crate) fn via(&self) -> Via<'_> {
        match &self.carrier {
            Carrier::Kind(name) => Via::Kind(name),
            Carrier::Connector(name) => Via::Connector(name),
        }
    }

    /// Where the value of an option stands.
    pub(crate) fn place(&self, option: &str) -> Range<usize> {
        self.places.place(&[option.to_owned()], false)
    }

    /// What is wrong with a template of `order` where rows have these fields.
    pub(crate) fn check_order(&self, output_fields: Option<&[(ByteString, Type)]>) -> Vec<Diagnostic> {
        let Order::Template(template) = &self.buffer.order else { return Vec::new() };
        let wrong = template.check(output_fields, &[]);
        wrong.into_iter().map(|wrong| Diagnostic { span: self.order_place.clone(), ..wrong }).collect()
    }

    /// What the kind says about its options, with the place.
    pub(crate) fn diagnostic(&self, error: crate::ConfigError) -> Diagnostic {
        let mut span = self.places.place(&error.path, error.at_key);
        // The value of a plain text begins after its quote; where it has escapes, the bytes after them are some off.
        if let Some(within) = error.within
            && within.end + 2 <= span.len()
        {
            span = span.start + 1 + within.start..span.start + 1 + within.end;
        }
        Diagnostic::error(error.code.unwrap_or(codes::ACTION), span, error.message).with_help_if(error.help)
    }
}

impl Carrier {
    /// The name of the kind or connector.
    pub(crate) fn name(&self) -> &str {
        match self {
            Carrier::Kind(name) | Carrier::Connector(name) => name,
        }
    }
}

fn table_of(span: Range<usize>, entries: &[&Entry]) -> Node {
    Node { span, kind: NodeKind::Table(entries.iter().map(|&entry| entry.clone()).collect()) }
}

/// The kind of an action without a connector: the one table that is left.
fn kind_of<'n>(span: &Range<usize>, rest: &[&'n Entry], problems: &mut Vec<Diagnostic>) -> Option<(&'n str, &'n Node)> {
    const HELP: &str = "write `connector = \"name\"` with the options beside it, or a kind such as \
                        `republish = { topic = \"...\" }`";
    match rest {
        [] => {
            let message = "expected `connector` or a kind for the action, found neither";
            problems.push(Diagnostic::error(codes::MISSING_KEY, span.clone(), message).with_help(HELP));
            None
        }
        [entry] if matches!(entry.value.kind, NodeKind::Table(_)) => Some((&entry.key, &entry.value)),
        [entry] => {
            problems.push(expected(&entry.value, &format!("a table for the kind `{}`", entry.key)).with_help(HELP));
            None
        }
        [_, second, ..] => {
            let message = format!("expected one kind for the action, found `{}` beside it", second.key);
            problems.push(Diagnostic::error(codes::UNKNOWN_KEY, second.key_span.clone(), message).with_help(HELP));
            None
        }
    }
}

fn read_buffer(reader: &mut Reader<'_>, has_fallback: bool, problems: &mut Vec<Diagnostic>) -> BufferOptions {
    const MS_MAX: i64 = 86_400_000;
    let mut options = BufferOptions { has_fallback, ..BufferOptions::default() };
    if let Some(mut buffer) = reader.table("buffer", problems) {
        set_len(&mut options.len_max, buffer.integer("max_len", 1..=10_000_000, problems));
        if let Some(bytes) = buffer.measure("max_bytes", &BYTE_UNITS, problems) {
            options.bytes_max = usize::try_from(bytes).unwrap_or(usize::MAX);
        }
        options.age_max_ms = buffer.measure("max_age", &TIME_UNITS, problems);
        if let Some(kind) = read_choice(&mut buffer, "kind", &BufferKind::ALL, problems) {
            options.kind = kind;
        }
        if let Some(overflow) = read_choice(&mut buffer, "overflow", &Overflow::ALL, problems) {
            options.overflow = overflow;
        }
        set_len(&mut options.dead_letters_max, buffer.integer("dead_letters", 0..=1_000_000, problems));
        buffer.finish(problems);
    }
    if let Some(mut batch) = reader.table("batch", problems) {
        set_len(&mut options.batch_len_max, batch.integer("size", 1..=10_000, problems));
        set_ms(&mut options.batch_wait_ms, batch.integer("time_ms", 0..=60_000, problems));
        batch.finish(problems);
    }
    if let Some(mut retry) = reader.table("retry", problems) {
        set_ms(&mut options.retry_first_ms, retry.integer("first_ms", 1..=MS_MAX, problems));
        set_ms(&mut options.retry_max_ms, retry.integer("max_ms", 1..=MS_MAX, problems));
        let attempts = retry.integer("attempts", 1..=1_000_000, problems);
        options.attempts_max = attempts.and_then(|attempts| u32::try_from(attempts).ok());
        retry.finish(problems);
        options.retry_max_ms = options.retry_max_ms.max(options.retry_first_ms);
    }
    if let Some(mut breaker) = reader.table("breaker", problems) {
        if let Some(attempts) = breaker.integer("attempts", 0..=1_000_000, problems) {
            options.breaker_after = u32::try_from(attempts).ok().filter(|attempts| *attempts > 0);
        }
        breaker.finish(problems);
    }
    set_len(&mut options.in_flight_max, reader.integer("in_flight", 1..=1_000, problems));
    let per_s = reader.integer("rate_per_s", 1..=10_000_000, problems);
    options.per_s_max = per_s.and_then(|per_s| u32::try_from(per_s).ok());
    if let Some(order) = read_order(reader, problems) {
        options.order = order;
    }
    options
}

fn read_order(reader: &mut Reader<'_>, problems: &mut Vec<Diagnostic>) -> Option<Order> {
    let (text, span) = reader.text("order", problems)?;
    match text {
        "client" => Some(Order::Client),
        "all" => Some(Order::All),
        "none" => Some(Order::None),
        text if text.contains("${") => match Template::compile(text) {
            Ok(template) => Some(Order::Template(template)),
            Err(wrong) => {
                problems.extend(wrong.into_iter().map(|wrong| Diagnostic { span: span.clone(), ..wrong }));
                None
            }
        },
        text => {
            let message = format!("expected `client`, `all`, `none` or a template for `order`, found `{text}`");
            let help = match closest(text, ["client", "all", "none"]) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("outputs are ordered by a field of the row like this: `${{{text}}}`"),
            };
            problems.push(Diagnostic::error(codes::VALUE, span, message).with_help(help));
            None
        }
    }
}

fn read_choice<T: Copy>(
    reader: &mut Reader<'_>,
    key: &'static str,
    choices: &[(&'static str, T)],
    problems: &mut Vec<Diagnostic>,
) -> Option<T> {
    let (text, span) = reader.text(key, problems)?;
    if let Some((_, choice)) = choices.iter().find(|(name, _)| *name == text) {
        return Some(*choice);
    }
    let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
    let message = format!("expected one of `{}` for `{key}`, found `{text}`", names.join("`, `"));
    let help = closest(text, names).map(|name| format!("did you mean `{name}`?"));
    problems.push(Diagnostic::error(codes::VALUE, span, message).with_help_if(help));
    None
}

fn set_len(option: &mut usize, found: Option<i64>) {
    if let Some(len) = found.and_then(|len| usize::try_from(len).ok()) {
        *option = len;
    }
}

fn set_ms(option: &mut u64, found: Option<i64>) {
    if let Some(ms) = found.and_then(|ms| u64::try_from(ms).ok()) {
        *option = ms;
    }
}

/// Whether `name` may name a rule or an action: letters, digits, `_`, `-` and `.`, at most 128.
pub(crate) fn is_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    !name.is_empty() && name.len() <= 128 && !name.starts_with('.') && name.chars().all(is_plain)
}

fn check_name(name: &str, span: &Range<usize>, problems: &mut Vec<Diagnostic>) {
    if !is_name(name) {
        let message = format!("expected a name of letters, digits, `_`, `-` and `.`, found `{name}`");
        problems.push(Diagnostic::error(codes::NAME, span.clone(), message));
    }
}

/// Makes names unique: the second `republish` becomes `republish-2`.
fn name_actions(actions: &mut [ActionEntry], problems: &mut Vec<Diagnostic>) {
    let mut taken: HashSet<Arc<str>> = HashSet::new();
    for action in actions {
        if taken.contains(&action.name) && &*action.name == action.carrier.name() {
            let free = (2..).map(|number| format!("{}-{number}", action.name)).find(|name| !taken.contains(&**name));
            action.name = free.expect("there are more numbers than actions").into();
        }
        if !taken.insert(Arc::clone(&action.name)) {
            let message = format!("expected a name of its own for every action, found `{}` twice", action.name);
            problems.push(Diagnostic::error(codes::NAME, action.places.span.clone(), message));
        }
    }
}

/// Finds the fallback of every action. A fallback has none itself, so that nothing goes round in circles.
fn link_fallbacks(actions: &mut [ActionEntry], problems: &mut Vec<Diagnostic>) {
    let wanted: Vec<(usize, String, Range<usize>)> = actions
        .iter()
        .enumerate()
        .filter_map(|(at, action)| action.fallback.clone().map(|(name, span)| (at, name, span)))
        .collect();
    for (from, name, span) in wanted {
        let names: Vec<Arc<str>> = actions.iter().map(|action| Arc::clone(&action.name)).collect();
        let Some(target) = actions.iter_mut().find(|action| *action.name == *name) else {
            let help = closest(&name, names.iter().map(|name| &**name)).map(|name| format!("did you mean `{name}`?"));
            let message = format!("no action `{name}` in this rule to fall back to");
            problems.push(Diagnostic::error(codes::NAME, span, message).with_help_if(help));
            continue;
        };
        target.is_fallback = true;
        if target.fallback.is_some() || names.get(from).is_some_and(|own| **own == *name) {
            let message = format!("expected a fallback without a fallback of its own, found `{name}`");
            problems.push(Diagnostic::error(codes::NAME, span, message));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::ACTION_OPTIONS;

    fn read(options: &str) -> (Header, Vec<Diagnostic>) {
        let mut problems = Vec::new();
        let header = Header::parse(&format!("[[actions]]\nconnector = 'c'\n{options}"), 0, &mut problems);
        (header, problems)
    }

    #[test]
    fn what_a_publisher_waits_for_has_to_be_on_disk() {
        let mut problems = Vec::new();
        let mut parse = |text: &str| {
            let header = Header::parse(text, 0, &mut problems);
            (header.requires_buffered, problems.drain(..).map(|problem| problem.message).collect::<Vec<_>>())
        };
        let on_disk =
            "[[actions]]\nconnector = 'c'\nbuffer.kind = 'disk'\nfallback = 'f'\n[[actions]]\nconnector = 'f'\n";
        assert_eq!(parse(on_disk), (false, vec![]));
        assert_eq!(parse(&format!("require = 'buffered'\n{on_disk}")), (true, vec![]));
        let (_, told) = parse(&format!("require = 'buffered'\n{on_disk}[[actions]]\nname = 'm'\nconnector = 'c'"));
        assert_eq!(told, ["expected `buffer.kind = \"disk\"` in every action for `require`, found `memory` in `m`"]);
        let (_, told) = parse("require = 'buffered'");
        assert_eq!(told, ["expected an action whose buffer is on disk for `require`, found none"]);
        let (_, told) = parse(&format!("require = 'delivered'\n{on_disk}"));
        assert_eq!(told, ["expected one of `buffered` for `require`, found `delivered`"]);
    }

    #[test]
    fn the_declared_options_are_those_that_are_read_and_their_defaults_are_true() {
        for option in ACTION_OPTIONS.iter().filter(|option| !option.default.is_empty()) {
            let (header, problems) = read(&format!("{} = {}", option.name, option.default));
            assert!(problems.is_empty(), "{option:?}: {problems:?}");
            assert!(header.actions[0].options.is_empty(), "{option:?} went to the kind");
            assert_eq!(header.actions[0].buffer, BufferOptions::default(), "{option:?}");
        }
        let (header, problems) = read("name = 'n'\nbuffer.max_age = '1m'\nretry.attempts = 1\nrate_per_s = 9");
        assert!(problems.is_empty() && header.actions[0].options.is_empty(), "{problems:?}");
        assert_eq!(
            (header.actions[0].buffer.age_max_ms, header.actions[0].buffer.attempts_max),
            (Some(60_000), Some(1))
        );
    }

    #[test]
    fn every_key_of_a_table_of_options_is_declared() {
        for table in ["buffer", "batch", "retry", "breaker"] {
            let (_, problems) = read(&format!("{table}.zzzzzzzz = 1"));
            let help = problems[0].help.clone().unwrap_or_default();
            let mut known: Vec<&str> = help.split('`').skip(1).step_by(2).collect();
            let prefix = format!("{table}.");
            let mut declared: Vec<&str> =
                ACTION_OPTIONS.iter().filter_map(|option| option.name.strip_prefix(prefix.as_str())).collect();
            known.sort_unstable();
            declared.sort_unstable();
            assert_eq!(known, declared, "{help}");
        }
    }
}
