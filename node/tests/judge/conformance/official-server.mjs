// The reference server of the conformance judge: the official Socket.IO packages, in several profiles.
//
//   node conformance/official-server.mjs PORT       prints "listening PORT" when every profile accepts connections
//
// A profile is one independent server with its own options on its own port: PORT + offset. Take a PORT below the
// range of outgoing connections; PORT 0 picks a free range and prints its first port. A twin of this file in another language must offer the same profiles, the same
// namespaces and the same handlers, and must send nothing that is not described here.
//
// PROFILES. Options that are not named have the official default:
//   pingInterval 25000, pingTimeout 20000, upgradeTimeout 10000, connectTimeout 45000, maxHttpBufferSize 1e6,
//   path "/socket.io", transports polling + websocket, allowUpgrades true, httpCompression { threshold: 1024 },
//   no perMessageDeflate, no cookie, no cors, no EIO3, no connection state recovery, no client bundle served.
//
//   offset  name           options
//   +0      plain          maxHttpBufferSize 10000; allowRequest refuses a handshake that has the header
//                          "x-refuse: 1" (default message) or "x-refuse: why" (message "because");
//                          Fanfare only: the outbound queue of a connection is bounded to 1 MiB or less
//   +1      heartbeat      pingInterval 500, pingTimeout 2400
//   +2      hasty          upgradeTimeout 2000, connectTimeout 2000
//   +3      cookie         cookie true
//   +4      cors           cors { origin: ["https://one.example", "https://two.example"], methods: ["GET", "POST"],
//                          allowedHeaders: ["x-token"], exposedHeaders: ["x-extra"], credentials: true, maxAge: 600 };
//                          cookie { name: "sticky", path: "/app", maxAge: 86400, sameSite: "strict", secure: true }
//   +5      cors-any       cors { origin: "*" }
//   +6      polling-only   transports polling; httpCompression false
//   +7      websocket-only transports websocket
//   +8      no-upgrades    allowUpgrades false; path "/realtime/"; httpCompression { threshold: 200 }
//
// A request outside the path is answered 404 with the body "not found".
//
// NAMESPACES, the same in every profile. No other namespace exists.
//   /              no middleware
//   /custom        no middleware
//   /slow          a middleware that accepts after 200 ms
//   /reject        a middleware that refuses with message "not allowed" and data { code: 42, hint: "try later" }
//   /reject-plain  a middleware that refuses with message "no" and no data
//   /greet         emits "hello" with the argument "welcome" to a socket as soon as it has joined
//   /early         a middleware that emits "early" to the connecting socket and then accepts
//
// HANDLERS, the same in every namespace. An event that is not listed is received and ignored.
//   echo ...args           emits "echo" with the same arguments (a request for an ack is left unanswered)
//   ack ...args            acknowledges with the same arguments
//   quiet ...args          like echo, with the compress flag off
//   volatile count         in one go: `count` times emits volatile "echo" with 0, 1, 2..., then emits "done"
//   ask ...args            emits "question" with the arguments and an ack; the answer is emitted as "answer" ...answer
//   auth                   acknowledges with the CONNECT payload (an empty object when there was none)
//   flood count, size      `count` times emits "flood" with a string of `size` letters x
//   leave                  disconnects this socket from its namespace: disconnect()
//   bye                    emits "echo" "bye", then closes the whole connection: disconnect(true)

import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

export const PROFILES = [
  { name: "plain", options: { maxHttpBufferSize: 10_000, allowRequest } },
  { name: "heartbeat", options: { pingInterval: 500, pingTimeout: 2400 } },
  { name: "hasty", options: { upgradeTimeout: 2000, connectTimeout: 2000 } },
  { name: "cookie", options: { cookie: true } },
  {
    name: "cors",
    options: {
      cors: {
        origin: ["https://one.example", "https://two.example"],
        methods: ["GET", "POST"],
        allowedHeaders: ["x-token"],
        exposedHeaders: ["x-extra"],
        credentials: true,
        maxAge: 600,
      },
      cookie: { name: "sticky", path: "/app", maxAge: 86400, sameSite: "strict", secure: true },
    },
  },
  { name: "cors-any", options: { cors: { origin: "*" } } },
  { name: "polling-only", options: { transports: ["polling"], httpCompression: false } },
  { name: "websocket-only", options: { transports: ["websocket"] } },
  { name: "no-upgrades", options: { allowUpgrades: false, path: "/realtime/", httpCompression: { threshold: 200 } } },
];

function allowRequest(request, decide) {
  const refusal = request.headers["x-refuse"];
  if (refusal === undefined) decide(null, true);
  else decide(refusal === "why" ? "because" : null, false);
}

function addNamespaces(io) {
  for (const name of ["/", "/custom", "/slow", "/reject", "/reject-plain", "/greet", "/early"]) {
    io.of(name).on("connection", addHandlers);
  }
  io.of("/slow").use((_socket, next) => setTimeout(next, 200));
  io.of("/reject").use((_socket, next) => {
    next(Object.assign(new Error("not allowed"), { data: { code: 42, hint: "try later" } }));
  });
  io.of("/reject-plain").use((_socket, next) => next(new Error("no")));
  io.of("/greet").on("connection", (socket) => socket.emit("hello", "welcome"));
  io.of("/early").use((socket, next) => {
    socket.emit("early");
    next();
  });
}

function addHandlers(socket) {
  const withoutAck = (args) => args.filter((arg) => typeof arg !== "function");
  const acknowledge = (args, ...answer) => typeof args.at(-1) === "function" && args.at(-1)(...answer);

  socket.on("echo", (...args) => socket.emit("echo", ...withoutAck(args)));
  socket.on("ack", (...args) => acknowledge(args, ...withoutAck(args)));
  socket.on("quiet", (...args) => socket.compress(false).emit("echo", ...withoutAck(args)));
  socket.on("volatile", (count) => {
    for (let i = 0; i < count; i++) socket.volatile.emit("echo", i);
    socket.emit("done");
  });
  socket.on("ask", (...args) => {
    socket.emit("question", ...withoutAck(args), (...answer) => socket.emit("answer", ...answer));
  });
  socket.on("auth", (...args) => acknowledge(args, socket.handshake.auth));
  socket.on("flood", (count, size) => {
    for (let i = 0; i < count; i++) socket.emit("flood", "x".repeat(size));
  });
  socket.on("leave", () => socket.disconnect());
  socket.on("bye", () => {
    socket.emit("echo", "bye");
    socket.disconnect(true);
  });
}

/** Listens on `port` + offset for every profile; resolves to the HTTP servers, or rejects and holds no port. */
async function listen(Server, port) {
  const servers = [];
  try {
    for (const { options } of PROFILES) {
      const http = createServer((_request, response) => response.writeHead(404).end("not found"));
      addNamespaces(new Server(http, { ...options, serveClient: false }));
      await new Promise((resolve, reject) => {
        http.once("error", reject).listen(port === 0 ? 0 : port + servers.length, resolve);
      });
      port ||= http.address().port;
      servers.push(http);
    }
    return port;
  } catch (error) {
    servers.forEach((server) => server.close());
    throw error;
  }
}

async function main() {
  const { Server } = await import("socket.io");
  const wanted = Number(process.argv[2] ?? 0);
  for (let attempts = wanted === 0 ? 20 : 1; ; attempts--) {
    try {
      console.log(`listening ${await listen(Server, wanted)}`);
      return;
    } catch (error) {
      if (attempts === 1) throw error;
    }
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) await main();
