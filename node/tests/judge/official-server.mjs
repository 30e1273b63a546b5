// The contract server, on the official socket.io.
//
// It shows every line of the cheat sheet to clients, so that one and the same client script can judge the official
// server and Fanfare, which implements this contract too. It holds no test logic.
//
//   node official-server.mjs PORT [PING_INTERVAL_MS PING_TIMEOUT_MS [PATH]]
//
// Prints "listening PORT"; PORT 0 picks a free one. With a PATH that is where clients connect, the server sets its cookie
// (`cookie: true`) and lets pages of the origin http://page.test in (`cors`, with credentials).
//
// NAMESPACES. All have the same handlers.
//   /         no middleware
//   /custom   no middleware
//   /auth     admits auth {token: "secret"}; else CONNECT_ERROR {message: "not authorized", data: {reason: "token"}}
//   /slow     a middleware that accepts after 200 ms
//   /joiner   a middleware that joins the room "early" and emits ("from-middleware", "hello"), and then accepts, or,
//             when auth.reject is true, rejects with message "rejected" and without data
//   any other name is refused by the server itself: CONNECT_ERROR {message: "Invalid namespace"}
//
// ON CONNECTION the server emits ("welcome", socket id) to the new socket.
//
// EVENTS. "...args" is any number of values, bytes anywhere inside them. What is sent to clients is the event
// ("note", ...args) unless another is named. Every event may carry an ack; it is answered with nothing, after the
// action, unless "->" names an answer. `nsp` is the namespace in which the event arrived, `io` the server.
//
//   the cheat sheet
//   to-sender             ...args                 socket.emit
//   message               ...args                 socket.send(...args): the client receives ("message", ...args)
//   emit-named            name, ...args           socket.emit(name, ...args)          -> true, or false if emit refused
//                                                 the name because it is reserved
//   to-others             ...args                 socket.broadcast.emit
//   to-room               room, ...args           socket.to(room).emit
//   to-rooms              [room], ...args         socket.to([a, b]).emit
//   to-rooms-chained      [room], ...args         socket.to(a).to(b).emit
//   to-rooms-except       [room], [room], ...args socket.to([a, b]).except([c]).emit
//   to-others-except      [room], ...args         socket.broadcast.except([c]).emit
//   in-room               room, ...args           nsp.in(room).emit
//   in-rooms              [room], ...args         nsp.in([a, b]).emit
//   in-rooms-except       [room], [room], ...args nsp.in([a, b]).except([c]).emit
//   except                [room], ...args         nsp.except([c]).emit
//   everybody             ...args                 nsp.emit
//   local                 ...args                 nsp.local.emit
//   local-to-room         room, ...args           socket.local.to(room).emit
//   to-id                 id, ...args             nsp.to(id).emit
//   nsp-all               name, ...args           io.of(name).emit
//   nsp-room              name, room, ...args     io.of(name).to(room).emit
//   compress-false        ...args                 socket.compress(false).emit
//   compress-false-room   room, ...args           nsp.compress(false).to(room).emit
//   volatile              ...args                 socket.volatile.emit
//   volatile-burst        count, ...args          count times socket.volatile.emit("note", n, ...args), n from 0, in one loop
//   volatile-burst-room   room, count, ...args    the same with nsp.to(room).volatile.emit
//   volatile-after-emit                           socket.emit("note", "kept"), then socket.volatile.emit("note", "dropped")
//   kept-operator         a, b                    kept = nsp.to(a); wider = kept.to(b); narrower = kept.except(b);
//                                                 kept.emit("note", 1), wider.emit("note", 2),
//                                                 narrower.emit("note", 3), kept.emit("note", 4)
//   fence                 token                   for each namespace without middleware ("/", "/custom"):
//                                                 io.of(name).emit("fence", token)
//
//   acknowledgements
//   ack-me                ...args                 -> "acked", ...args
//   binary-echo           ...args                 socket.emit("note", ...args)        -> ...args
//   emit-with-ack         ...args                 socket.emit("question", ...args, callback)
//                                                                                     -> all arguments of the client's ack
//   emit-with-ack-timeout ms, ...args             socket.timeout(ms).emitWithAck("question", ...args)
//                                                 -> {timedOut: false, answer} or {timedOut: true}
//   room-with-ack         room, ms, ...args       nsp.to(room).timeout(ms).emit("question", ...args, callback)
//                                                 -> {timedOut, answers: [first ack argument of each client that answered]}
//
//   the socket
//   join                  room                    socket.join(room)
//   join-rooms            [room]                  socket.join([a, b])
//   leave                 room                    socket.leave(room)
//   rooms                                                                             -> [room]
//   data-set              value                   keeps the value with the socket (socket.data)
//   data-get                                                                          -> value, null if none
//   handshake                                     -> {query, auth, url, secure, xdomain, issued, time, address,
//                                                     headers: {"x-judge"}}; a missing header is left out
//   disconnect-me         close                   socket.disconnect(close); no ack
//   disconnect-then-emit                          socket.disconnect(); socket.join("ghosts"); socket.emit("note", "ghost");
//                                                 nsp.to(socket.id).emit("note", "ghost"); no ack
//   watch                                         socket.join("watchers"). The room "watchers" receives
//                                                 ("left", {phase: "disconnecting", id, reason, rooms: [room]}), then
//                                                 ("left", {phase: "disconnect", id, reason, rooms: []})
//                                                 for every socket of the namespace that ends
//   stream-start          ms                      until stream-stop or the end of the socket, every `ms` milliseconds:
//                                                 socket.emit("tick", n), socket.emit("tick", n + 1, <n + 1 as decimal
//                                                 text, in bytes>), n from 0 in steps of 2; at most 20000 ticks
//   stream-stop                                                                       -> number of ticks emitted
//   listen-any                                    socket.onAny: from now on the events of this socket are written down
//   heard-any                                                                         -> [[name, ...args]] of those before
//                                                 this one
//
//   many sockets at once
//   fetch-sockets         room                    nsp.in(room).fetchSockets()         -> [{id, rooms: [room], data}]
//                                                 data is the value of data-set, or null
//   sockets-join          from, room              nsp.in(from).socketsJoin(room)
//   sockets-leave         from, room              nsp.in(from).socketsLeave(room)
//   disconnect-sockets    room, close             nsp.in(room).disconnectSockets(close)
//
//   the relay (as the built-in app of the `fanfare` binary; join and leave above belong to it as well)
//   emit                  room, payload           nsp.in(room).emit("msg", payload)
//   broadcast             payload                 nsp.emit("msg", payload)
//   echo                  ...args                                                     -> ...args
//
//   events with unusual names (client/unusual-names.json)
//   each of them          ...args                                                     -> the name, ...args

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { Server } from "socket.io";

const [port = "0", pingInterval = "25000", pingTimeout = "20000", path] = process.argv.slice(2);
const httpServer = createServer();
const io = new Server(httpServer, {
  pingInterval: Number(pingInterval),
  pingTimeout: Number(pingTimeout),
  allowEIO3: true,
  ...(path && { path, cookie: true, cors: { origin: "http://page.test", credentials: true } }),
});

const OPEN_NAMESPACES = ["/", "/custom"];

const UNUSUAL = JSON.parse(await readFile(new URL("client/unusual-names.json", import.meta.url)));

// Each handler returns the arguments of the ack as an array, or nothing for an empty ack.
const handlers = (socket, nsp) => {
  let stream = { count: 0, timer: undefined };
  const stopStream = () => clearInterval(stream.timer);
  socket.on("disconnect", stopStream);
  const heard = [];

  return {
    // the cheat sheet
    "to-sender": (...args) => void socket.emit("note", ...args),
    "message": (...args) => void socket.send(...args),
    "emit-named": (name, ...args) => {
      try {
        socket.emit(name, ...args);
        return [true];
      } catch {
        return [false];
      }
    },
    "to-others": (...args) => void socket.broadcast.emit("note", ...args),
    "to-room": (room, ...args) => void socket.to(room).emit("note", ...args),
    "to-rooms": (rooms, ...args) => void socket.to(rooms).emit("note", ...args),
    "to-rooms-chained": ([a, b], ...args) => void socket.to(a).to(b).emit("note", ...args),
    "to-rooms-except": (rooms, except, ...args) => void socket.to(rooms).except(except).emit("note", ...args),
    "to-others-except": (except, ...args) => void socket.broadcast.except(except).emit("note", ...args),
    "in-room": (room, ...args) => void nsp.in(room).emit("note", ...args),
    "in-rooms": (rooms, ...args) => void nsp.in(rooms).emit("note", ...args),
    "in-rooms-except": (rooms, except, ...args) => void nsp.in(rooms).except(except).emit("note", ...args),
    "except": (except, ...args) => void nsp.except(except).emit("note", ...args),
    "everybody": (...args) => void nsp.emit("note", ...args),
    "local": (...args) => void nsp.local.emit("note", ...args),
    "local-to-room": (room, ...args) => void socket.local.to(room).emit("note", ...args),
    "to-id": (id, ...args) => void nsp.to(id).emit("note", ...args),
    "nsp-all": (name, ...args) => void io.of(name).emit("note", ...args),
    "nsp-room": (name, room, ...args) => void io.of(name).to(room).emit("note", ...args),
    "compress-false": (...args) => void socket.compress(false).emit("note", ...args),
    "compress-false-room": (room, ...args) => void nsp.compress(false).to(room).emit("note", ...args),
    "volatile": (...args) => void socket.volatile.emit("note", ...args),
    "volatile-burst": (count, ...args) => {
      for (let n = 0; n < count; n++) socket.volatile.emit("note", n, ...args);
    },
    "volatile-burst-room": (room, count, ...args) => {
      for (let n = 0; n < count; n++) nsp.to(room).volatile.emit("note", n, ...args);
    },
    "volatile-after-emit": () => {
      socket.emit("note", "kept");
      socket.volatile.emit("note", "dropped");
    },
    "kept-operator": (a, b) => {
      const kept = nsp.to(a);
      const wider = kept.to(b);
      const narrower = kept.except(b);
      kept.emit("note", 1);
      wider.emit("note", 2);
      narrower.emit("note", 3);
      kept.emit("note", 4);
    },
    "fence": (token) => {
      for (const name of OPEN_NAMESPACES) io.of(name).emit("fence", token);
    },

    // acknowledgements
    "ack-me": (...args) => ["acked", ...args],
    "binary-echo": (...args) => {
      socket.emit("note", ...args);
      return args;
    },
    "emit-with-ack": (...args) =>
      new Promise((answered) => socket.emit("question", ...args, (...answers) => answered(answers))),
    "emit-with-ack-timeout": async (ms, ...args) => {
      try {
        return [{ timedOut: false, answer: await socket.timeout(ms).emitWithAck("question", ...args) }];
      } catch {
        return [{ timedOut: true }];
      }
    },
    "room-with-ack": (room, ms, ...args) =>
      new Promise((answered) =>
        nsp.to(room).timeout(ms).emit("question", ...args, (error, answers) =>
          answered([{ timedOut: Boolean(error), answers }]),
        ),
      ),

    // the socket
    "join": async (room) => void (await socket.join(room)),
    "join-rooms": async (rooms) => void (await socket.join(rooms)),
    "leave": async (room) => void (await socket.leave(room)),
    "rooms": () => [[...socket.rooms]],
    "data-set": (value) => void (socket.data.value = value),
    "data-get": () => [socket.data.value ?? null],
    "handshake": () => {
      const { query, auth, url, secure, xdomain, issued, time, address, headers } = socket.handshake;
      return [{ query, auth, url, secure, xdomain, issued, time, address, headers: { "x-judge": headers["x-judge"] } }];
    },
    "disconnect-me": (close) => void socket.disconnect(close),
    "disconnect-then-emit": () => {
      socket.disconnect();
      socket.join("ghosts");
      socket.emit("note", "ghost");
      nsp.to(socket.id).emit("note", "ghost");
    },
    "watch": async () => void (await socket.join("watchers")),
    "stream-start": (ms) => {
      stopStream();
      stream = { count: 0, timer: undefined };
      stream.timer = setInterval(() => {
        if (stream.count >= 20000) return stopStream();
        socket.emit("tick", stream.count++);
        const n = stream.count++;
        socket.emit("tick", n, Buffer.from(String(n)));
      }, ms);
    },
    "stream-stop": () => {
      stopStream();
      return [stream.count];
    },
    "listen-any": () => {
      socket.onAny((name, ...args) => heard.push([name, ...args.filter((arg) => typeof arg !== "function")]));
    },
    "heard-any": () => [heard.slice(0, -1)],

    // many sockets at once
    "fetch-sockets": async (room) => {
      const sockets = await nsp.in(room).fetchSockets();
      return [sockets.map(({ id, rooms, data }) => ({ id, rooms: [...rooms], data: data.value ?? null }))];
    },
    "sockets-join": async (from, room) => void (await nsp.in(from).socketsJoin(room)),
    "sockets-leave": async (from, room) => void (await nsp.in(from).socketsLeave(room)),
    "disconnect-sockets": (room, close) => void nsp.in(room).disconnectSockets(close),

    // the relay
    "emit": (room, payload) => void nsp.in(room).emit("msg", payload),
    "broadcast": (payload) => void nsp.emit("msg", payload),
    "echo": (...args) => args,
  };
};

const serve = (name) => {
  const nsp = io.of(name);
  nsp.on("connection", (socket) => {
    const unusual = UNUSUAL.map((name) => [name, (...args) => [name, ...args]]);
    for (const [event, handler] of [...Object.entries(handlers(socket, nsp)), ...unusual]) {
      socket.on(event, async (...args) => {
        const ack = typeof args.at(-1) === "function" ? args.pop() : () => {};
        // A handler that does not await must run to its ack in this tick: only then is "volatile" judged as written.
        const answer = handler(...args);
        ack(...((answer instanceof Promise ? await answer : answer) ?? []));
      });
    }
    for (const phase of ["disconnecting", "disconnect"]) {
      socket.on(phase, (reason) => {
        nsp.to("watchers").emit("left", { phase, id: socket.id, reason, rooms: [...socket.rooms] });
      });
    }
    socket.emit("welcome", socket.id);
  });
  return nsp;
};

for (const name of OPEN_NAMESPACES) serve(name);

serve("/auth").use((socket, next) => {
  if (socket.handshake.auth.token === "secret") return next();
  next(Object.assign(new Error("not authorized"), { data: { reason: "token" } }));
});

serve("/slow").use((_socket, next) => {
  setTimeout(next, 200);
});

serve("/joiner").use(async (socket, next) => {
  await socket.join("early");
  socket.emit("from-middleware", "hello");
  next(socket.handshake.auth.reject ? new Error("rejected") : undefined);
});

httpServer.listen(Number(port), "127.0.0.1", () => console.log(`listening ${httpServer.address().port}`));
