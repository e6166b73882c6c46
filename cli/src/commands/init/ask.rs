//! Answers: from options, variables, a file of secrets, a person, or a default.

use std::collections::BTreeMap;
use std::path::Path;

use crate::commands::ask;
use crate::failure::usage;

/// A question and where its answer may come from, in this order: the option, the variable, a
/// person, the default.
pub(super) struct Question<'a> {
    option: &'a str,
    words: &'a str,
    given: Option<&'a str>,
    variable: Option<&'a str>,
    default: Option<&'a str>,
    is_secret: bool,
    /// Says what is wrong with an answer, so that a person is asked again. Other answers are
    /// checked with the files.
    check: fn(&str) -> Result<(), String>,
}

impl<'a> Question<'a> {
    pub(super) fn new(option: &'a str, words: &'a str) -> Self {
        Self {
            option,
            words,
            given: None,
            variable: None,
            default: None,
            is_secret: false,
            check: |_| Ok(()),
        }
    }

    pub(super) fn checked(self, check: fn(&str) -> Result<(), String>) -> Self {
        Self { check, ..self }
    }

    /// A secret, which has a variable and no option.
    pub(super) fn secret(variable: &'a str, words: &'a str) -> Self {
        Self {
            variable: Some(variable),
            is_secret: true,
            ..Self::new(variable, words)
        }
    }

    pub(super) fn given(self, given: Option<&'a str>) -> Self {
        Self { given, ..self }
    }

    pub(super) fn variable(self, name: &'a str) -> Self {
        Self {
            variable: Some(name),
            ..self
        }
    }

    pub(super) fn default(self, default: impl Into<Option<&'a str>>) -> Self {
        Self {
            default: default.into(),
            ..self
        }
    }

    pub(super) fn hidden(self) -> Self {
        Self {
            is_secret: true,
            ..self
        }
    }
}

/// Asks, and collects which answers are missing, so that all of them are named at once.
pub(super) struct Asker {
    is_asking: bool,
    takes_defaults: bool,
    secrets: BTreeMap<String, String>,
    missing: Vec<String>,
}

impl Asker {
    pub(super) fn new(takes_defaults: bool, secrets: Option<&Path>) -> anyhow::Result<Self> {
        Ok(Self {
            is_asking: ask::is_possible() && !takes_defaults,
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
    pub(super) async fn ask(&mut self, question: Question<'_>) -> anyhow::Result<String> {
        let known = question
            .given
            .map(str::to_owned)
            .or_else(|| self.variable(question.variable?));
        if let Some(answer) = known {
            return Ok(answer);
        }
        if self.is_asking {
            return prompt(&question).await;
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

async fn prompt(question: &Question<'_>) -> anyhow::Result<String> {
    let default = question.default.map(|it| format!(" [{it}]"));
    let words = format!("{}{}:", question.words, default.unwrap_or_default());
    loop {
        let answer = if question.is_secret {
            ask::secret(words.clone()).await?
        } else {
            ask::line(words.clone()).await?
        };
        match (answer.as_str(), question.default) {
            ("", Some(default)) => return Ok(default.to_owned()),
            ("", None) => note!("An answer is needed; Ctrl-C stops."),
            _ => match (question.check)(&answer) {
                Ok(()) => return Ok(answer),
                Err(why) => note!("{why}"),
            },
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
