//= this is not a handler
//= it can have up to eight parameters, with their types written out

use fanfare::{Io, SocketId as Id};

fn main() {
    let io = Io::new();
    #[cfg(wrong)]
    io.on("many", |_: Id, _: Id, _: Id, _: Id, _: Id, _: Id, _: Id, _: Id, _: Id| {});
    #[cfg(not(wrong))]
    io.on("many", |_: Id, _: Id, _: Id, _: Id, _: Id, _: Id, _: Id, _: Id| {});
}
