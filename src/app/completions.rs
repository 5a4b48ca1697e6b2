//! `oriel completions`: what a shell needs to complete Oriel's command line.

use clap::CommandFactory;
use clap_complete::Shell;

use super::cli::Cli;
use super::exit::{Exit, Failure};
use super::list::print;

pub(super) fn run(shell: Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "oriel", &mut script);
    print(&script)?;
    Ok(Exit::Done)
}
