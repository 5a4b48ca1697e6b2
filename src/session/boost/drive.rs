//! Does what the boost says: watches a console's pictures, and kicks.

use std::pin::pin;

use futures_util::future;
use zruntime::SharedRuntime;

use super::{Answer, Boost, Plan, Policy, View};
use crate::clock;
use crate::frame::Mailbox;
use crate::source::{RefreshError, Refresher};
use crate::stats::Stats;

/// A way to have QEMU look at one display.
pub(in crate::session) trait Kick {
    /// Completes when QEMU has looked, or will not.
    async fn kick(&self) -> Answer;
}

/// A monitor, and whom it is to look at: a device's id and head, or else the first console.
#[derive(Debug)]
pub(in crate::session) struct Monitor<'a> {
    pub(in crate::session) refresher: Refresher<'a>,
    pub(in crate::session) device: Option<(String, u32)>,
}

impl Kick for Monitor<'_> {
    async fn kick(&self) -> Answer {
        let device = self.device.as_ref().map(|(id, head)| (id.as_str(), *head));
        match self.refresher.refresh(device).await {
            Ok(refreshed) => Answer::Looked(refreshed),
            Err(error @ RefreshError::Gone(_)) => {
                tracing::debug!(%error, "no more refreshes are asked for");
                Answer::Refused
            }
            Err(error) => {
                tracing::info!(%error, "QEMU shows no more frames than it does by itself");
                Answer::Refused
            }
        }
    }
}

/// Watches a console as long as it is polled, or for ever once QEMU refuses: then there is nothing
/// more to do.
pub(in crate::session) async fn drive(kick: impl Kick, policy: Policy, frames: &Mailbox, stats: &Stats) {
    let Ok(runtime) = SharedRuntime::current() else { return };
    let (tell, told) = async_channel::bounded(1);
    frames.watch(move || _ = tell.try_send(()));
    let _watched = Watched { frames, stats };
    let mut boost = Boost::new(policy);
    loop {
        boost.look(View { beat: frames.cadence().last(), pulse: frames.pulse() }, clock::now());
        stats.boost(boost.told());
        let now = clock::now();
        let until = match boost.plan(now) {
            Plan::Kick(at) if at <= now => {
                stats.kicked();
                boost.kicked(at, now);
                let answer = kick.kick().await;
                boost.answered(answer, clock::now());
                continue;
            }
            Plan::Kick(at) | Plan::Wait(at) => Some(at.since(now)),
            Plan::Sleep => None,
            Plan::Over => {
                frames.stop_watching();
                return future::pending().await;
            }
        };
        let due = async {
            match until {
                Some(span) => runtime.sleep(span).await,
                None => future::pending().await,
            }
        };
        future::select(pin!(told.recv()), pin!(due)).await;
    }
}

/// Takes back what was asked for.
struct Watched<'a> {
    frames: &'a Mailbox,
    stats: &'a Stats,
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.frames.stop_watching();
        self.stats.boost(crate::stats::Boost::None);
    }
}
