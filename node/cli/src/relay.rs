//! The app that is built into the binary: clients join rooms, emit to them, and measure their round trip.
//!
//! It lets anybody say anything to anybody: good for a first look and for load tests, not for the open internet.

use fanfare::{Ack, Arguments, Data, EmitError, Io, Namespace, Socket};

/// Declares the relay's events on the main namespace.
///
/// | client sends | node does |
/// |---|---|
/// | `join`, room | the socket joins the room; if it may not, the acknowledgement says why |
/// | `leave`, room | the socket leaves the room |
/// | `emit`, room, payload | everybody in the room gets `msg`, payload; the sender too if it is a member |
/// | `broadcast`, payload | everybody gets `msg`, payload |
/// | `echo`, payload… | the acknowledgement carries the payload back |
///
/// Every event can be acknowledged.
pub fn install(io: &Io) {
    io.on("join", async |socket: Socket, Data(room): Data<String>, ack: Ack| match socket.join(room).await {
        // A forbidden action is reported to the client, and is not a failure of this program.
        Err(error @ (EmitError::TooManyRooms(_) | EmitError::RoomNameTooLong(_))) => {
            ack.send(error.to_string())
        }
        joined => joined.and_then(|()| ack.send(())),
    });
    io.on("leave", async |socket: Socket, Data(room): Data<String>, ack: Ack| {
        socket.leave(room).await?;
        ack.send(())
    });
    // The payload is handed on as it came, without being read.
    io.on("emit", async |namespace: Namespace, Data(room): Data<String>, arguments: Arguments, ack: Ack| {
        namespace.within(room).emit("msg", (arguments.raw(1),))?;
        ack.send(())
    });
    io.on("broadcast", async |namespace: Namespace, arguments: Arguments, ack: Ack| {
        namespace.emit("msg", (arguments.raw(0),))?;
        ack.send(())
    });
    io.on("echo", async |arguments: Arguments, ack: Ack| -> Result<(), EmitError> { ack.send(&arguments) });
}
