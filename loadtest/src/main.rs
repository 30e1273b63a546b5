//! `loadtest`: load tester for Socket.IO servers.

fn main() {}
