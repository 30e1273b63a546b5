// The relay contract on uWebSockets: Bun's server and its pub/sub, with Engine.IO and Socket.IO by hand. What the fastest
// WebSocket server costs without what a Socket.IO server does besides: WebSocket and the main namespace alone, no
// attachments, and clients that fall silent are noticed by the kernel at best.
// Usage: npm install && node_modules/.bin/bun relay.js [PORT=3220]
const port = Number(process.argv[2] ?? 3220);
const pingInterval = 25_000;
const everybody = "everybody";
const topic = (room) => `room ${room}`;
const message = (payload) => `42${JSON.stringify(["msg", payload])}`;
const open = () => {
  const handshake = { sid: crypto.randomUUID(), upgrades: [], pingInterval, pingTimeout: 20_000, maxPayload: 1_000_000 };
  return `0${JSON.stringify(handshake)}`;
};

// What each event does, and the arguments of its acknowledgement.
const handlers = {
  join: (client, room) => void client.subscribe(topic(room)),
  leave: (client, room) => void client.unsubscribe(topic(room)),
  emit: (_, room, payload) => void server.publish(topic(room), message(payload)),
  broadcast: (_, payload) => void server.publish(everybody, message(payload)),
  echo: (_, ...payload) => payload,
};

function receive(client, packet) {
  if (packet.startsWith("42")) {
    const data = packet.indexOf("[");
    const [event, ...payload] = JSON.parse(packet.slice(data));
    const answer = handlers[event]?.(client, ...payload) ?? [];
    if (data > 2) client.send(`43${packet.slice(2, data)}${JSON.stringify(answer)}`);
  } else if (packet.startsWith("40")) {
    client.subscribe(everybody);
    client.send(`40${JSON.stringify({ sid: crypto.randomUUID() })}`);
  } else if (packet === "1" || packet === "41") {
    client.close();
  }
}

const server = Bun.serve({
  port,
  hostname: "127.0.0.1",
  fetch: (request, server) => (server.upgrade(request) ? undefined : new Response("WebSocket only", { status: 400 })),
  websocket: {
    open: (client) => void client.send(open()),
    message: receive,
    idleTimeout: 2 * (pingInterval / 1000),
    sendPings: false,
    maxPayloadLength: 1_000_000,
  },
});
setInterval(() => server.publish(everybody, "2"), pingInterval);
console.log(`uWebSockets listens on ${port} with process id ${process.pid}`);
