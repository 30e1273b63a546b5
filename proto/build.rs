//! Compiles the schema. `protox` stands in for `protoc`, so that cargo is enough.

use std::io::Result;

const SCHEMA: &str = "proto/fanfare/v1/envelope.proto";

fn main() -> Result<()> {
    println!("cargo:rerun-if-changed={SCHEMA}");
    let schema = protox::compile([SCHEMA], ["proto"]).map_err(std::io::Error::other)?;
    prost_build::Config::new().bytes(["."]).compile_fds(schema)
}
