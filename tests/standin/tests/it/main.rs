//! The stand-in, driven by a plain zbus viewer.

mod support;

mod bus;
mod input;
mod messages;
mod objects;
mod program;
mod qmp;
mod register;
mod scenarios;
