//! What the compositor tells of frames and buffers.

use std::time::Duration;

use wayland_client::protocol::wl_buffer::{self, WlBuffer};
use wayland_client::protocol::wl_callback::{self, WlCallback};
use wayland_client::{Connection, Dispatch, QueueHandle};
use wayland_protocols::wp::presentation_time::client::wp_presentation_feedback::{
    self as feedback, WpPresentationFeedback,
};

use super::super::buffers::Owner;
use super::super::stage::ParentFrame;
use super::Presenter;
use crate::clock::{self, Time};
use crate::frame::{Audience, Serial};

impl Dispatch<WlCallback, Serial> for Presenter {
    fn event(
        state: &mut Self,
        _: &WlCallback,
        event: wl_callback::Event,
        serial: &Serial,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        let wl_callback::Event::Done { .. } = event else { return };
        if state.globals.presentation(&state.told).is_none() {
            state.frames.cadence().seen(clock::now(), Duration::ZERO);
        }
        state.set_audience(Audience::Watching);
        if state.seen(*serial) {
            state.discard_retired();
            state.resample();
        }
    }
}

impl Dispatch<WlCallback, ParentFrame> for Presenter {
    fn event(
        state: &mut Self,
        _: &WlCallback,
        event: wl_callback::Event,
        _: &ParentFrame,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let wl_callback::Event::Done { .. } = event {
            state.shared.stage().parent_seen();
            state.shared.notify();
        }
    }
}

impl Dispatch<WlBuffer, Owner> for Presenter {
    fn event(
        state: &mut Self,
        buffer: &WlBuffer,
        event: wl_buffer::Event,
        owner: &Owner,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        let wl_buffer::Event::Release = event else { return };
        match *owner {
            Owner::Slot { generation, index } => state.copier.release(generation, index),
            Owner::Canvas { generation, index } => state.composer.release(generation, index),
            Owner::Import => {
                state.composer.release_buffer(buffer);
                state.bridge.release_buffer(buffer);
            }
        }
    }
}

impl Dispatch<WpPresentationFeedback, Time> for Presenter {
    fn event(
        state: &mut Self,
        _: &WpPresentationFeedback,
        event: feedback::Event,
        received: &Time,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        match event {
            feedback::Event::Presented { tv_sec_hi, tv_sec_lo, tv_nsec, refresh, flags, .. } => {
                let refresh = Duration::from_nanos(refresh.into());
                let told = Some(refresh).filter(|refresh| !refresh.is_zero());
                if std::mem::replace(&mut state.told.refresh, told) != told {
                    state.shared.facts().refresh = told;
                }
                if flags.into_result().is_ok_and(|flags| flags.contains(feedback::Kind::ZeroCopy)) {
                    state.stats.scanned_out();
                }
                let seconds = u64::from(tv_sec_hi) << 32 | u64::from(tv_sec_lo);
                let nanos = seconds.saturating_mul(1_000_000_000).saturating_add(u64::from(tv_nsec));
                state.stats.presented(*received, Time::from_nanos(nanos));
                state.frames.cadence().seen(Time::from_nanos(nanos), refresh);
            }
            feedback::Event::Discarded => state.stats.missed(),
            _ => {}
        }
    }
}
