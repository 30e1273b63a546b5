//! The bus against real NATS servers.

mod barrier;
mod cluster;
mod conformance;
mod distance;
mod faults;
mod hostile;
mod layers;
mod leaving;
mod log;
mod login;
mod outage;
mod overrun;
mod peer;
mod proxy;
mod returning;
mod server;
mod size;
