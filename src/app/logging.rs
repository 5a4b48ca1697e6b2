//! Where the program's words about itself go: to standard error, as loud as asked.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts logging. `RUST_LOG`, where set, says more exactly than `-v` what to log.
pub(super) fn start(verbose: u8) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level(verbose)));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(verbose > 1);
    if subscriber.try_init().is_err() {
        tracing::debug!("logging had been started before");
    }
}

/// What each `-v` adds: how things went, how they were done, every message.
fn level(verbose: u8) -> &'static str {
    match verbose {
        0 => "warn",
        1 => "warn,oriel=info",
        2 => "info,oriel=debug",
        _ => "debug,oriel=trace",
    }
}
