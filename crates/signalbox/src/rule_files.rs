//! Rule files read and checked without a broker: for `rules check|test`, `config check` and `connectors test`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use actions::{Connectors, Console, Registry};
use anyhow::Context as _;
use engine::{ActionFactory as _, CheckedRule, MadeObjects, PublishRefused, PublishRequest, Publisher, RuleSource};
use sql::Diagnostic;

use crate::config::Config;
use crate::jq;
use crate::outcome::Stop;

/// A publisher for rules that are only checked.
#[derive(Debug)]
struct Nowhere;

impl Publisher for Nowhere {
    fn publish(&self, _message: PublishRequest) -> Result<(), PublishRefused> {
        Err(PublishRefused::Rejected { reason: "no broker runs here".to_owned() })
    }
}

/// A rule file that is refused.
#[derive(Debug)]
pub(crate) struct RefusedRule {
    /// The file.
    pub(crate) source: RuleSource,
    /// What is wrong with it.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// What came of checking files.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// The rules that can run.
    pub(crate) rules: Vec<CheckedRule>,
    /// Those that cannot.
    pub(crate) refused: Vec<RefusedRule>,
}

/// Reads and checks the files at `paths`, or those of the configured directory where `paths` is empty.
pub(crate) fn check(config: &Config, paths: &[PathBuf]) -> Result<Checked, Stop> {
    let connectors = config.connectors()?;
    let listening = config.sources(&connectors)?;
    let registry = registry(connectors).with_secrets(config.secrets()).with_sources(listening);
    let jq = jq::of_config(&config.jq);
    take_made_connectors(config, &registry)?;
    let mut checked = Checked::default();
    for source in sources(config, paths, &mut checked.refused)? {
        match CheckedRule::check(source.clone(), &registry, jq.clone()) {
            Ok(rule) => checked.rules.push(rule),
            Err(diagnostics) => checked.refused.push(RefusedRule { source, diagnostics }),
        }
    }
    engine::warn_of_loops(&mut checked.rules);
    Ok(checked)
}

/// The directory of the rules, if there is one. A broker without rules is a broker too, but a directory that somebody
/// has named has to be there.
pub(crate) fn directory(config: &Config) -> Option<&Path> {
    let configured = config.root.rules_dir.as_path();
    (configured.exists() || config.is_set("rules_dir")).then_some(configured)
}

/// Actions that are built and never used, of these connectors.
pub(crate) fn registry(connectors: Connectors) -> Registry {
    Registry::new(connectors, Arc::new(Nowhere), Console::new(std::io::sink()))
}

/// Rules in files may use connectors that were made over the API, too. One that cannot be used any more is told when the
/// broker starts.
fn take_made_connectors(config: &Config, registry: &Registry) -> Result<(), Stop> {
    let made = MadeObjects::read(config.root.data_dir.as_path()).context("reading what was made over the API")?;
    let declared = registry.connectors();
    for (name, connector) in &made.connectors {
        if !declared.iter().any(|(other, _)| other == name) {
            drop(registry.put_connector(name, &connector.object.options));
        }
    }
    Ok(())
}

impl Checked {
    /// The diagnostics of all files, refused ones first said; the warnings of the others too.
    pub(crate) fn rendered(&self) -> Vec<String> {
        let warnings = self
            .rules
            .iter()
            .filter(|rule| !rule.warnings().is_empty())
            .map(|rule| rule.source().render(rule.warnings()));
        let refused = self.refused.iter().map(|rule| rule.source.render(&rule.diagnostics));
        refused.chain(warnings).map(|text| text.trim_end().to_owned()).collect()
    }

    /// Stops where a file was refused.
    pub(crate) fn or_refuse(self) -> Result<Vec<CheckedRule>, Stop> {
        if self.refused.is_empty() { Ok(self.rules) } else { Err(Stop::BadInput(self.rendered().join("\n\n"))) }
    }
}

fn read(file: &Path) -> Result<RuleSource, Stop> {
    let text = fs::read(file).map_err(|cause| {
        Stop::bad_input(format_args!("the rule file `{}` cannot be read: {cause}", file.display()), None)
    })?;
    let text = String::from_utf8(text)
        .map_err(|_| Stop::bad_input(format_args!("the rule file `{}` is not UTF-8 text", file.display()), None))?;
    let id = file.file_stem().unwrap_or_default().to_string_lossy();
    Ok(RuleSource { id: id.as_ref().into(), file: file.to_path_buf(), text: text.into() })
}

fn sources(config: &Config, paths: &[PathBuf], refused: &mut Vec<RefusedRule>) -> Result<Vec<RuleSource>, Stop> {
    if paths.is_empty() {
        return directory(config).map_or(Ok(Vec::new()), |directory| in_directory(directory, refused));
    }
    let mut sources = Vec::new();
    for path in paths {
        if path.is_dir() {
            sources.extend(in_directory(path, refused)?);
        } else {
            sources.push(read(path)?);
        }
    }
    Ok(sources)
}

/// What stands in a directory. Files that cannot be read at all are refused like those that are wrong.
fn in_directory(directory: &Path, refused: &mut Vec<RefusedRule>) -> Result<Vec<RuleSource>, Stop> {
    let (sources, unreadable) = engine::read_rules(directory).map_err(|cause| {
        Stop::bad_input(
            format_args!("the rules in `{}` cannot be read: {cause}", directory.display()),
            Some("name another directory with `--rules DIR`"),
        )
    })?;
    refused.extend(unreadable.into_iter().map(|file| RefusedRule {
        source: RuleSource { id: file.id, file: file.file, text: "".into() },
        diagnostics: file.diagnostics,
    }));
    Ok(sources)
}
