//! Templates of options: checked against the fields of the rule when they are read, rendered for an output.

use bytes::Bytes;
use engine::template::{MissingVariable, Part, Template, Variable};
use engine::{ActionSpec, ConfigError, Output, Placeholder, PreviewPart};
use events::{Map, Value};

/// A text with variables of the output: `/connack/${clientid}`.
#[derive(Debug)]
pub(crate) struct Text {
    template: Template,
    /// Every part on its own, so that values can be told from what stands around them.
    parts: Vec<TextPart>,
    uses_names: bool,
}

#[derive(Debug)]
enum TextPart {
    Literal(String),
    Variable(Template),
}

impl Text {
    /// Reads `text`, the option at `path`.
    pub(crate) fn compile(text: &str, path: &[&str], spec: &ActionSpec<'_>) -> Result<Text, Vec<ConfigError>> {
        let template = compile(text, path, spec)?;
        let mut parts = Vec::new();
        for part in template.parts() {
            parts.push(match part {
                Part::Text(text) => TextPart::Literal(text.clone()),
                Part::Variable(variable) => {
                    let alone = text.get(variable.span()).unwrap_or_default();
                    TextPart::Variable(compile(alone, path, spec)?)
                }
            });
        }
        let uses_names = uses_names(template.paths());
        Ok(Text { template, parts, uses_names })
    }

    /// The text for `output`. A variable that is NULL and has no default is refused.
    pub(crate) fn render(&self, output: &Output) -> Result<String, MissingVariable> {
        self.template.render(&output.row, &names(output, self.uses_names))
    }

    /// The bytes for `output`: NULL is `null`, bytes stay bytes.
    pub(crate) fn render_body(&self, output: &Output) -> Bytes {
        self.template.render_body(&output.row, &names(output, self.uses_names))
    }

    /// The text for `output`, in which `encode` appends every value. A variable that is NULL and has no default is
    /// refused.
    pub(crate) fn render_with(
        &self,
        output: &Output,
        encode: fn(&str, &mut String),
    ) -> Result<String, MissingVariable> {
        let names = names(output, self.uses_names);
        let mut out = String::new();
        for part in &self.parts {
            match part {
                TextPart::Literal(text) => out.push_str(text),
                TextPart::Variable(template) => encode(&template.render(&output.row, &names)?, &mut out),
            }
        }
        Ok(out)
    }

    /// The value for `output`: that of the variable where the text is nothing but one, else the rendered text.
    pub(crate) fn value(&self, output: &Output) -> Result<Value, MissingVariable> {
        let names = names(output, self.uses_names);
        match self.template.as_variable() {
            Some(variable) => Ok(variable.value(&output.row, &names)),
            None => self.template.render(&output.row, &names).map(Value::from),
        }
    }

    /// The whole as one template.
    pub(crate) const fn template(&self) -> &Template {
        &self.template
    }

    /// Its variables with what they are worth for `output`.
    pub(crate) fn placeholders(&self, output: &Output) -> Vec<Placeholder> {
        placeholders(self.template.paths(), output)
    }

    /// A part of a preview: `value`, which was made of this template.
    pub(crate) fn part(&self, name: impl Into<String>, value: impl Into<Value>, output: &Output) -> PreviewPart {
        PreviewPart { placeholders: self.placeholders(output), ..PreviewPart::constant(name, value) }
    }

    /// The text, where it is the same for every output.
    pub(crate) fn as_constant(&self) -> Option<&str> {
        self.template.as_constant()
    }

    /// The variable, where it is one and nothing else.
    pub(crate) fn as_variable(&self) -> Option<&Variable> {
        self.template.as_variable()
    }

    /// What stands around the variables.
    pub(crate) fn literals(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            TextPart::Literal(text) => Some(text.as_str()),
            TextPart::Variable(_) => None,
        })
    }
}

/// A text whose variables are not rendered into it but handed over beside it: a statement of SQL.
#[derive(Debug)]
pub(crate) struct Pieces {
    /// What stands around the variables, one more than there are of them.
    pub(crate) around: Vec<String>,
    /// The variables in order.
    pub(crate) variables: Vec<Variable>,
}

impl Pieces {
    /// Reads `text`, the option at `path`.
    pub(crate) fn compile(text: &str, path: &[&str], spec: &ActionSpec<'_>) -> Result<Pieces, Vec<ConfigError>> {
        let template = compile(text, path, spec)?;
        let (mut around, mut variables) = (Vec::new(), Vec::new());
        let mut literal = String::new();
        for part in template.parts() {
            match part {
                Part::Text(text) => literal.push_str(text),
                Part::Variable(variable) => {
                    around.push(std::mem::take(&mut literal));
                    variables.push(variable.clone());
                }
            }
        }
        around.push(literal);
        Ok(Pieces { around, variables })
    }
}

/// Variables with what they are worth for `output`.
pub(crate) fn placeholders<'v>(variables: impl Iterator<Item = &'v Variable>, output: &Output) -> Vec<Placeholder> {
    let names = names(output, true);
    let placeholder = |variable: &Variable| Placeholder {
        text: variable.text().to_owned(),
        root: variable.root().map(str::to_owned),
        value: variable.value(&output.row, &names),
    };
    variables.map(placeholder).collect()
}

/// The values of `variables` for `output`; NULL where there is nothing.
pub(crate) fn values(variables: &[Variable], output: &Output) -> Vec<Value> {
    let names = names(output, uses_names(variables.iter()));
    variables.iter().map(|variable| variable.value(&output.row, &names)).collect()
}

fn compile(text: &str, path: &[&str], spec: &ActionSpec<'_>) -> Result<Template, Vec<ConfigError>> {
    let template = Template::compile(text);
    let diagnostics = match &template {
        Ok(template) => template.check(spec.output_fields, &Output::NAMES),
        Err(diagnostics) => diagnostics.clone(),
    };
    match template {
        Ok(template) if diagnostics.is_empty() => Ok(template),
        Ok(_) | Err(_) => Err(diagnostics.into_iter().map(|wrong| ConfigError::of_template(path, wrong)).collect()),
    }
}

fn uses_names<'a>(mut variables: impl Iterator<Item = &'a Variable>) -> bool {
    variables.any(|variable| variable.root().is_some_and(|root| Output::NAMES.contains(&root)))
}

/// The names that every template may use, where one does: `output_id` costs a hash.
fn names(output: &Output, wanted: bool) -> Map {
    if !wanted {
        return Map::new();
    }
    Output::NAMES.iter().filter_map(|name| Some(((*name).into(), output.variable(name)?))).collect()
}

#[cfg(test)]
mod tests {
    use events::Type;

    use super::*;
    use crate::test_output::{output, spec};

    fn text(text: &str) -> Text {
        Text::compile(text, &["topic"], &spec(&toml::Table::new())).unwrap()
    }

    #[test]
    fn values_are_told_from_what_stands_around_them() {
        let output = output(r#"{"a":"x/y","n":null,"t":[1,2]}"#);
        let brackets = |value: &str, out: &mut String| out.extend(["[", value, "]"]);
        assert_eq!(text("p/${a}/${n:-none}").render_with(&output, brackets).unwrap(), "p/[x/y]/[none]");
        assert_eq!(text("${t}").value(&output).unwrap(), Value::from(vec![Value::Int(1), Value::Int(2)]));
        assert_eq!(text("${a}!").value(&output).unwrap(), Value::from("x/y!"));
        assert_eq!(text("${n}").value(&output).unwrap(), Value::Null);
        assert!(text("${n}").render(&output).is_err());
        assert_eq!(text("${rule_id}").render(&output).unwrap(), "connack");
        assert_eq!(&*text("{\"n\":${n}}").render_body(&output), b"{\"n\":null}");
    }

    #[test]
    fn a_variable_that_the_rule_does_not_select_is_refused_where_it_stands() {
        let options = toml::Table::new();
        let fields = [("clientid".into(), Type::Text)];
        let spec = ActionSpec { output_fields: Some(&fields), ..spec(&options) };
        let errors = Text::compile("a/${clientd}/${output_id}", &["topic"], &spec).unwrap_err();
        assert_eq!(errors.len(), 1);
        assert_eq!(
            (errors[0].within.clone(), errors[0].help.as_deref()),
            (Some(2..12), Some("did you mean `clientid`?"))
        );
        let pieces = Pieces::compile("f(${clientid}, ${event_id})", &["sql"], &spec).unwrap();
        assert_eq!((pieces.around, pieces.variables.len()), (vec!["f(".into(), ", ".into(), ")".into()], 2));
    }
}
