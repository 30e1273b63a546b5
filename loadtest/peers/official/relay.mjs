// The relay contract on the official Socket.IO server.
// Usage: npm install && node relay.mjs [PORT=3200]
import { Server } from "socket.io";

const port = Number(process.argv[2] ?? 3200);
const io = new Server(port);

io.on("connection", (socket) => {
  socket.on("join", (room, ack) => {
    socket.join(room);
    ack?.();
  });
  socket.on("leave", (room, ack) => {
    socket.leave(room);
    ack?.();
  });
  socket.on("emit", (room, payload, ack) => {
    io.in(room).emit("msg", payload);
    ack?.();
  });
  socket.on("broadcast", (payload, ack) => {
    io.emit("msg", payload);
    ack?.();
  });
  socket.on("echo", (...payload) => {
    const ack = payload.pop();
    if (typeof ack === "function") ack(...payload);
  });
});

io.httpServer.on("listening", () => {
  console.log(`socket.io listens on ${port} with process id ${process.pid}`);
});
