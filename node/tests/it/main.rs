//! Everything that needs a running server. The judges are outside: official clients, raw protocol scripts, a real
//! browser; they run against servers that the tests start in this process.

mod borrowed;
mod bounds;
mod browser;
mod client;
mod cluster;
mod cluster_script;
mod commands;
mod config;
mod conformance;
mod contract;
mod deploy;
mod disconnect;
mod draining;
mod examples;
mod handlers;
mod judges;
mod layers;
mod limits;
mod membership;
mod messages;
mod nats;
mod operations;
mod order;
mod polling;
mod proxies;
mod reaping;
mod rolling;
mod slow;
mod supervision;
mod support;
