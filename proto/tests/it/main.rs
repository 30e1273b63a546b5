//! What the crate promises to those who cannot be recompiled with it.

mod documentation;
mod golden;
mod layers;
