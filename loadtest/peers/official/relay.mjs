// The relay contract on the official Socket.IO server, alone or as a node of a cluster.
// Usage: npm install && node relay.mjs [PORT=3200] [redis://HOST:PORT | nats://HOST:PORT]
import { createServer } from "node:http";
import { Server } from "socket.io";

const port = Number(process.argv[2] ?? 3200);
const broker = process.argv[3];

// The adapters are optional dependencies: a server alone does without them.
async function adapterFor(broker) {
  if (broker.startsWith("redis://")) {
    const { createAdapter } = await import("@socket.io/redis-adapter");
    const { createClient } = await import("redis");
    const publisher = createClient({ url: broker });
    const subscriber = publisher.duplicate();
    await Promise.all([publisher.connect(), subscriber.connect()]);
    return createAdapter(publisher, subscriber);
  }
  const { default: nats } = await import("nats");
  const { createAdapter } = (await import("@mickl/socket.io-nats-adapter")).default;
  return createAdapter(await nats.connect({ servers: broker }));
}

const http = createServer();
const io = new Server(http, broker ? { adapter: await adapterFor(broker) } : {});

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

http.listen(port, "127.0.0.1", () => {
  console.log(`socket.io listens on ${port} with process id ${process.pid}`);
});
