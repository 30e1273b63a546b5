//! Everything that needs a running server. The judges are outside: official clients, raw protocol scripts, a real
//! browser; they run against servers that the tests start in this process.

mod autobahn;
mod backlog;
mod borrowed;
mod bounds;
mod cluster;
mod compatibility;
mod compile_errors;
mod conformance;
mod differential;
mod disconnect;
mod draining;
mod examples;
mod extractors;
mod handlers;
mod hooks;
mod judges;
mod layers;
mod limits;
mod listening;
mod membership;
mod mounted;
mod namespaces;
mod old_clients;
mod operations;
mod order;
mod parsers;
mod polling;
mod prose;
mod proxies;
mod proxy_protocol;
mod reaping;
mod slow;
mod sockets;
mod supervision;
mod tls;

use fanfare_test_support::{self as support, client, contract};
