//! `loadtest components`: what each part of the road can do alone. The in-process queue, the messages, the broker, Redis:
//! operations a second and processor time of an operation, each in several rounds.
//!
//! The parts are the product's own code against a real RabbitMQ and a real Redis. Nothing is analysed but one sample, whose
//! report is what gets stored.

mod arguments;
mod broker;
mod local;
mod part;
mod run;
mod samples;
mod store;

pub(crate) use arguments::Components;
pub(crate) use run::run;
