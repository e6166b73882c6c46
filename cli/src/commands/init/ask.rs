//! Answers: from options, variables, a file of secrets, a person, or a default.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::Path;

use console::Term;

use crate::failure::usage;

/// A question and where its answer may come from, in this order: the option, the variable, a
/// person, the default.
pub(super) struct Question<'a> {
    pub(super) option: &'a str,
    pub(super) given: Option<&'a str>,
    pub(super) variable: Option<&'a str>,
    pub(super) words: &'a str,
    pub(super) default: Option<&'a str>,
    pub(super) is_secret: bool,
}

/// Asks, and collects which answers are missing, so that all of them are named at once.
pub(super) struct Asker {
    terminal: Option<Term>,
    takes_defaults: bool,
    secrets: BTreeMap<String, String>,
    missing: Vec<String>,
}

impl Asker {
    pub(super) fn new(takes_defaults: bool, secrets: Option<&Path>) -> anyhow::Result<Self> {
        let is_terminal = std::io::stdin().is_terminal() && !takes_defaults;
        Ok(Self {
            terminal: is_terminal.then(Term::stderr),
            takes_defaults,
            secrets: secrets.map_or_else(|| Ok(BTreeMap::new()), read_variables)?,
            missing: Vec::new(),
        })
    }

    /// A variable of the file of secrets or of the environment.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        let value = self.secrets.get(name).cloned();
        value
            .or_else(|| std::env::var(name).ok())
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    }

    /// The answer; empty if it is missing, which [`Asker::finish`] reports.
    pub(super) fn ask(&mut self, question: &Question<'_>) -> anyhow::Result<String> {
        let known = question
            .given
            .map(str::to_owned)
            .or_else(|| self.variable(question.variable?));
        if let Some(answer) = known {
            return Ok(answer);
        }
        if let Some(terminal) = &self.terminal {
            return prompt(terminal, question);
        }
        match question.default {
            Some(default) if self.takes_defaults => Ok(default.to_owned()),
            _ => {
                let source = match question.variable {
                    Some(name) if question.is_secret => {
                        format!("{name} (in the environment or in --secrets)")
                    }
                    _ => question.option.to_owned(),
                };
                self.missing.push(source);
                Ok(String::new())
            }
        }
    }

    /// Fails if answers are missing.
    pub(super) fn finish(&self) -> anyhow::Result<()> {
        if self.missing.is_empty() {
            return Ok(());
        }
        let advice = if self.takes_defaults {
            ""
        } else {
            "; --yes takes the default of what has one"
        };
        Err(usage(format!(
            "standard input is no terminal, so nothing can be asked: give {}{advice}",
            self.missing.join(", ")
        )))
    }
}

fn prompt(terminal: &Term, question: &Question<'_>) -> anyhow::Result<String> {
    loop {
        let default = question
            .default
            .map(|it| format!(" [{it}]"))
            .unwrap_or_default();
        terminal.write_str(&format!("{}{default}: ", question.words))?;
        let line = if question.is_secret {
            terminal.read_secure_line()?
        } else {
            terminal.read_line()?
        };
        match (line.trim(), question.default) {
            ("", Some(default)) => return Ok(default.to_owned()),
            ("", None) => terminal.write_line("An answer is needed; Ctrl-C stops.")?,
            (answer, _) => return Ok(answer.to_owned()),
        }
    }
}

/// The variables of an env file.
pub(super) fn read_variables(file: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let refuse = |error: dotenvy::Error| match error {
        // The line may hold a secret.
        dotenvy::Error::LineParse(..) => usage(format!(
            "{} has a line that is not NAME=value",
            file.display()
        )),
        error => usage(format!("{}: {error}", file.display())),
    };
    let lines = dotenvy::from_path_iter(file).map_err(refuse)?;
    lines.map(|line| line.map_err(refuse)).collect()
}
