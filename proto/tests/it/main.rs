//! Promises of the crate to programs that are not recompiled with it.

mod documentation;
mod golden;
mod layers;
