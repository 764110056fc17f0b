//! The worker: takes files, has them analysed in lanes, stores what was found.
//!
//! Two front ends hand the same pipeline different ends: [`daemon`] (RabbitMQ to Redis) and [`local`] (folders to text).
//! Only they name adapters; nothing here knows how audio is analysed (that is the package `analysis`, in the lanes).

pub mod analyst;
pub mod asked;
pub mod breaker;
pub mod cache;
pub mod cli;
pub mod daemon;
pub mod descriptors;
pub mod exit;
pub mod gates;
pub mod health;
pub mod held;
pub mod lane_settings;
pub mod lanes;
pub mod local;
pub mod metrics;
pub mod pipeline;
pub mod read_ahead;
pub mod ready;
pub mod reaper;
pub mod scan_order;
pub mod settle;
pub mod sink;
pub mod source;
pub mod sparing;
pub mod starts;
pub mod stop;
pub mod task;
pub mod watchdog;
pub mod wedge;
