//! Ctrl+C, a closed terminal, and whoever else wants us to end: told once, then it ends us at once.

use std::io;
use std::thread;

use async_channel::Receiver;
use zruntime::LocalRuntime;
use zruntime::signal::{Signal, Signals};

/// Becomes readable when somebody wants us to end.
pub(super) fn arrivals() -> io::Result<Receiver<()>> {
    let (tell, told) = async_channel::bounded(1);
    thread::Builder::new().name("oriel-signals".into()).spawn(move || {
        let heard = LocalRuntime::new().and_then(|runtime| {
            let wanted = [Signal::Interrupt, Signal::Terminate, Signal::Hangup];
            runtime.block_on(async { Signals::new(&runtime, wanted)?.recv().await })
        });
        match heard {
            Ok(signal) => {
                tracing::info!(?signal, "closing");
                // Nobody listens any more once the window is closed.
                let _ = tell.try_send(());
            }
            Err(error) => tracing::warn!(%error, "signals end the program at once"),
        }
    })?;
    Ok(told)
}
