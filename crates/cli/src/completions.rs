//! `wsbeat completions` and `wsbeat man`: files for shells and for man, made from the definition of
//! the arguments.

use clap_complete::Shell;

use crate::usage::UsageError;

/// Print a completion script for a shell
///
/// For this shell only: source <(wsbeat completions bash)
///
/// For each bash of this user:
///
///   mkdir -p ~/.local/share/bash-completion/completions
///   wsbeat completions bash >~/.local/share/bash-completion/completions/wsbeat
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Print the manual page
///
/// To read it: wsbeat man connect | man -l -
///
/// To install it for this user:
///
///   mkdir -p ~/.local/share/man/man1
///   wsbeat man connect >~/.local/share/man/man1/wsbeat-connect.1
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ManArgs {
    /// The command that the page describes; without it, the page describes wsbeat
    command: Option<String>,
}

impl CompletionsArgs {
    pub(crate) fn text(&self, mut definition: clap::Command) -> Vec<u8> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut definition, "wsbeat", &mut text);
        text
    }
}

impl ManArgs {
    /// An error is the name of an unknown command.
    pub(crate) fn text(&self, mut definition: clap::Command) -> Result<Vec<u8>, UsageError> {
        definition.build();
        let page = match &self.command {
            None => definition,
            Some(name) => definition
                .find_subcommand(name)
                .cloned()
                .ok_or_else(|| UsageError::new("the command is unknown; see wsbeat --help"))?,
        };
        let mut text = Vec::new();
        clap_mangen::Man::new(page)
            .render(&mut text)
            .map_err(|error| UsageError::new(error.to_string()))?;
        Ok(text)
    }
}
