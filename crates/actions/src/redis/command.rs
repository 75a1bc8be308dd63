//! The commands of an action: a name and templates of arguments.

use bytes::Bytes;
use engine::{ActionSpec, ConfigError, Output, Preview, PreviewPart};
use events::Value;

use crate::template::Text;

/// The commands for one output, executed one after the other.
#[derive(Debug)]
pub(super) struct Commands(Vec<Command>);

/// A command with its arguments.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) name: String,
    arguments: Vec<Text>,
}

/// A command for one output: its name and what follows it.
pub(super) type Rendered = Vec<Bytes>;

/// What the list of the function `map_to_redis_hset_args` begins with.
const SPREAD: &str = "map_to_redis_hset_args";

/// Commands that would change the connection, which other actions use too, or end the transaction of the batch.
const REFUSED: [&str; 17] = [
    "ASKING",
    "AUTH",
    "CLIENT",
    "DISCARD",
    "EXEC",
    "HELLO",
    "MONITOR",
    "MULTI",
    "PSUBSCRIBE",
    "QUIT",
    "READONLY",
    "RESET",
    "SELECT",
    "SHUTDOWN",
    "SSUBSCRIBE",
    "SUBSCRIBE",
    "WATCH",
];

const HELP: &str = "write `command = [\"HSET\", \"device:${clientid}\", \"last\", \"${timestamp}\"]`";

impl Commands {
    /// Reads the option `command`: one command, or a list of them.
    pub(super) fn new(option: &[toml::Value], spec: &ActionSpec<'_>) -> Result<Commands, Vec<ConfigError>> {
        let is_list = option.first().is_some_and(toml::Value::is_array);
        if !is_list {
            return Ok(Commands(vec![Command::new(option, &["command"], spec)?]));
        }
        let mut commands = Vec::with_capacity(option.len());
        let mut errors = Vec::new();
        for (at, command) in option.iter().enumerate() {
            let at = at.to_string();
            let read = match command.as_array() {
                Some(parts) => Command::new(parts, &["command", &at], spec),
                None => {
                    let message = format!("`command`: expected a list of lists, found {} in it", command.type_str());
                    Err(vec![ConfigError::at(&["command", &at], message).with_help(HELP)])
                }
            };
            read.map_or_else(|wrong| errors.extend(wrong), |command| commands.push(command));
        }
        if errors.is_empty() { Ok(Commands(commands)) } else { Err(errors) }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Command> {
        self.0.iter()
    }

    /// The commands for `output`, or why there are none.
    pub(super) fn render(&self, output: &Output) -> Result<Vec<Rendered>, String> {
        self.0.iter().map(|command| command.render(output)).collect()
    }

    /// Every command with what its variables are worth.
    pub(super) fn preview(&self, output: &Output) -> Preview {
        let rendered = match self.render(output) {
            Ok(rendered) => rendered,
            Err(reason) => return Preview { parts: Vec::new(), rejected: Some(reason) },
        };
        let part = |(command, rendered): (&Command, Rendered)| PreviewPart {
            name: "command".to_owned(),
            value: rendered.into_iter().map(Value::from_bytes).collect::<Vec<_>>().into(),
            placeholders: command.arguments.iter().flat_map(|argument| argument.placeholders(output)).collect(),
        };
        Preview { parts: self.0.iter().zip(rendered).map(part).collect(), rejected: None }
    }
}

impl Command {
    fn new(parts: &[toml::Value], path: &[&str], spec: &ActionSpec<'_>) -> Result<Command, Vec<ConfigError>> {
        let at = |number: usize| number.to_string();
        let Some((name, rest)) = parts.split_first() else {
            return Err(vec![ConfigError::at(path, "`command`: expected the name of a command").with_help(HELP)]);
        };
        let name = name_of(name).map_err(|error| {
            let path = path.iter().map(|&step| step.to_owned()).chain([at(0)]).collect();
            vec![ConfigError { path, ..error }]
        })?;
        let mut arguments = Vec::with_capacity(rest.len());
        let mut errors = Vec::new();
        for (number, part) in (1..).zip(rest) {
            let number = at(number);
            let path: Vec<&str> = path.iter().copied().chain([number.as_str()]).collect();
            let text = match part {
                toml::Value::String(text) => text.clone(),
                toml::Value::Integer(_) | toml::Value::Float(_) | toml::Value::Boolean(_) => part.to_string(),
                toml::Value::Datetime(_) | toml::Value::Array(_) | toml::Value::Table(_) => {
                    let message = format!("`command`: expected a template or a number, found {}", part.type_str());
                    errors.push(ConfigError::at(&path, message));
                    continue;
                }
            };
            match Text::compile(&text, &path, spec) {
                Ok(text) => arguments.push(text),
                Err(wrong) => errors.extend(wrong),
            }
        }
        if errors.is_empty() { Ok(Command { name, arguments }) } else { Err(errors) }
    }

    /// How many arguments it has, its name included; `None` where a list may become several.
    pub(super) fn len(&self) -> Option<usize> {
        let may_spread = self.arguments.iter().any(|argument| argument.as_variable().is_some());
        (!may_spread).then_some(self.arguments.len() + 1)
    }

    fn render(&self, output: &Output) -> Result<Rendered, String> {
        let mut rendered = vec![Bytes::from(self.name.clone().into_bytes())];
        for argument in &self.arguments {
            let missing = |missing| format!("command: {missing}");
            match argument.value(output).map_err(missing)? {
                Value::Bytes(bytes) => rendered.push(bytes),
                Value::Text(text) => rendered.push(text.into_bytes()),
                Value::List(items) if items.first().and_then(Value::as_text) == Some(SPREAD) => {
                    if items.len() == 1 {
                        return Err(format!("command: `{SPREAD}` found no members"));
                    }
                    rendered.extend(items.iter().skip(1).map(|item| Bytes::from(text_of(item))));
                }
                Value::Null
                | Value::Bool(_)
                | Value::Int(_)
                | Value::BigInt(_)
                | Value::Float(_)
                | Value::List(_)
                | Value::Map(_) => rendered.push(argument.render(output).map_err(missing)?.into()),
            }
        }
        Ok(rendered)
    }
}

/// A value decides what is written, never which command it is: a client must not be able to choose one.
fn name_of(name: &toml::Value) -> Result<String, ConfigError> {
    let Some(name) = name.as_str() else {
        let message = format!("`command`: expected the name of a command, found {}", name.type_str());
        return Err(ConfigError::at(&[], message).with_help(HELP));
    };
    if name.contains("${") {
        return Err(ConfigError::at(&[], "`command`: the name of the command can hold no variable"));
    }
    if name.is_empty() || name.contains(char::is_whitespace) {
        let message = format!("`command`: expected the name of a command, found `{name}`");
        return Err(ConfigError::at(&[], message).with_help(HELP));
    }
    let upper = name.to_ascii_uppercase();
    if REFUSED.contains(&upper.as_str()) {
        let message = format!("`command`: `{upper}` is of the connection, which the connector keeps");
        return Err(ConfigError::at(&[], message));
    }
    Ok(upper)
}

fn text_of(value: &Value) -> String {
    value.as_text().map_or_else(|| value.to_json(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_output::{output, spec};

    fn commands(options: &str) -> Result<Commands, Vec<ConfigError>> {
        let options: toml::Table = options.parse().unwrap();
        Commands::new(options["command"].as_array().unwrap(), &spec(&options))
    }

    fn rendered(options: &str, row: &str) -> Result<Vec<Vec<String>>, String> {
        let commands = commands(options).unwrap().render(&output(row))?;
        let text = |bytes: Bytes| String::from_utf8(bytes.into()).unwrap();
        Ok(commands.into_iter().map(|command| command.into_iter().map(text).collect()).collect())
    }

    #[test]
    fn an_argument_stays_one_whatever_a_value_holds() {
        let row = r#"{"clientid":"a b\r\nFLUSHALL","n":5,"map":{"x":[1]}}"#;
        let expected = [
            vec!["HSET", "device:a b\r\nFLUSHALL", "n", "5", "map", r#"{"x":[1]}"#],
            vec!["EXPIRE", "device:a b\r\nFLUSHALL", "3600"],
        ];
        assert_eq!(
            rendered(
                "command = [['hset', 'device:${clientid}', 'n', '${n}', 'map', '${map}'], ['EXPIRE', 'device:${clientid}', 3600]]",
                row
            ),
            Ok(expected.map(|command| command.into_iter().map(str::to_owned).collect()).into())
        );
    }

    #[test]
    fn the_arguments_of_hset_are_spread() {
        let options = "command = ['HSET', 'k', '${args}']";
        let row = r#"{"args":["map_to_redis_hset_args","b","x","a","1"]}"#;
        let expected = ["HSET", "k", "b", "x", "a", "1"].map(str::to_owned).to_vec();
        assert_eq!(rendered(options, row), Ok(vec![expected]));
        let none = rendered(options, r#"{"args":["map_to_redis_hset_args"]}"#);
        assert_eq!(none, Err("command: `map_to_redis_hset_args` found no members".to_owned()));
        let null = rendered(options, "{}");
        assert_eq!(null, Err("command: `${args}` is NULL; `${args:-...}` would give it a default".to_owned()));
    }

    #[test]
    fn what_is_no_command_is_refused_where_it_stands() {
        for (options, message, path) in [
            ("command = []", "`command`: expected the name of a command", &["command"][..]),
            ("command = ['${a}', 'x']", "`command`: the name of the command can hold no variable", &["command", "0"]),
            (
                "command = ['HSET k v']",
                "`command`: expected the name of a command, found `HSET k v`",
                &["command", "0"],
            ),
            ("command = [['multi']]", "`command`: `MULTI` is of the connection", &["command", "0", "0"]),
            ("command = ['SET', {}]", "`command`: expected a template or a number, found table", &["command", "1"]),
            ("command = [['SET'], 'x']", "`command`: expected a list of lists, found string in it", &["command", "1"]),
            ("command = ['SET', '${a']", "expected `}`", &["command", "1"]),
        ] {
            let errors = commands(options).unwrap_err();
            assert!(errors[0].message.starts_with(message), "{options}: {errors:?}");
            assert_eq!(errors[0].path, path, "{options}");
        }
    }
}
