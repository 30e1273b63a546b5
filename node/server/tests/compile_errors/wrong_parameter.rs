//= a handler of this kind cannot take a `u64`
//= arguments of an event are taken as `Data<T>`

use fanfare::{Data, Io, Socket};

fn main() {
    let io = Io::new();
    #[cfg(wrong)]
    io.on("age", async |socket: Socket, age: u64| socket.emit("age", age));
    #[cfg(not(wrong))]
    io.on("age", async |socket: Socket, Data(age): Data<u64>| socket.emit("age", age));
}
