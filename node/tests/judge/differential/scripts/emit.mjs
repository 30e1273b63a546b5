// Whom an emit reaches: features 1.4 and 2.8.

import { io, nsp, socket } from "../steps.mjs";

/** Three clients: `a` in room x, `b` in x and y, `c` in y; `a` has the server carry out the steps. */
const among = (...steps) => async (t) => {
  const [a, b, c] = await t.clients("a", "b", "c");
  await a.do(socket.join("x"));
  await b.do(socket.join(["x", "y"]));
  await c.do(socket.join("y"));
  t.note("results", await a.do(...steps));
  await t.fence(a, b, c);
};

export const scripts = {
  "to-sender": among(socket.emit("note", 1)),
  "several-arguments": among(socket.emit("note", 1, "two", [3], { four: 4 }, null, true)),
  "no-arguments": among(socket.emit("note")),
  "send-is-message": among(socket.send("hello", 1), nsp.send("all")),
  "write-is-message": among(socket.write("hello")),
  "everybody": among(nsp.emit("note", 1)),
  "broadcast-excludes-sender": among(socket.broadcast.emit("note", 1)),
  "room-excludes-sender": among(socket.to("x").emit("note", 1)),
  "room-of-namespace-includes-sender": among(nsp.to("x").emit("note", 1)),
  "in-is-to": among(nsp.in("x").emit("note", 1), socket.in("y").emit("note", 2)),
  "room-union-once": among(nsp.to("x").to("y").emit("note", 1)),
  "room-list-once": among(nsp.to(["x", "y"]).emit("note", 1)),
  "socket-room-union": among(socket.to("x").to("y").emit("note", 1)),
  "empty-room": among(nsp.to("nobody").emit("note", 1)),
  "except-room": among(nsp.except("x").emit("note", 1)),
  "except-list": among(nsp.except(["x", "y"]).emit("note", 1)),
  "except-wins": among(nsp.to("x").except("y").emit("note", 1)),
  "except-before-to": among(nsp.except("y").to(["x", "y"]).emit("note", 1)),
  "socket-except": among(socket.except("y").emit("note", 1)),
  "broadcast-except": among(socket.broadcast.except("y").emit("note", 1)),
  "own-id-from-socket-reaches-nobody": among(socket.to("$id").emit("note", 1)),
  "own-id-from-namespace": among(nsp.to("$id").emit("note", 1)),
  "except-own-id": among(nsp.except("$id").emit("note", 1)),
  "local": among(nsp.local.emit("note", 1), socket.local.emit("note", 2), nsp.local.to("y").emit("note", 3)),
  "compress-false": among(socket.compress(false).emit("note", 1), nsp.compress(false).to("y").emit("note", 2)),
  "order-of-many": among(...Array.from({ length: 20 }, (_, i) => (i % 3 ? nsp.emit("note", i) : socket.emit("note", i)))),
  "to-id-of-other": async (t) => {
    const [a, b, c] = await t.clients("a", "b", "c");
    await a.do(nsp.to(b.id).emit("note", 1), socket.to(c.id).emit("note", 2), nsp.to([b.id, c.id]).emit("note", 3));
    await t.fence(a, b, c);
  },
  "joining-another-ones-id": async (t) => {
    const [a, b, c] = await t.clients("a", "b", "c");
    await b.do(socket.join(c.id));
    await a.do(nsp.to(c.id).emit("note", 1));
    await c.do(socket.broadcast.emit("note", 2));
    await t.fence(a, b, c);
  },
  "other-namespace": async (t) => {
    const other = await t.open(t.space("other"));
    const [a, b] = await t.clients("a", "b");
    const c = await t.client("c", { namespace: other });
    await c.do(socket.join("x"));
    await a.do(io.of(other).emit("note", 1), io.of(other).to("x").emit("note", 2), socket.to("x").emit("note", 3));
    await t.fence(a, b);
    await t.fence(c);
  },
  "rooms-of-namespaces-are-apart": async (t) => {
    const other = await t.open(t.space("other"));
    const a = await t.client("a");
    const b = await t.sibling("b", a, { namespace: other });
    await a.do(socket.join("x"));
    await b.do(socket.join("x"), nsp.to("x").emit("note", 1));
    await t.fence(b);
    await t.fence(a);
    t.note("rooms", [await a.do(socket.rooms), await b.do(socket.rooms)]);
  },
  "reserved-names-fail": among(
    ...["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"].flatMap((name) => [
      socket.emit(name, 1),
      nsp.emit(name, 1),
      socket.broadcast.emit(name, 1),
    ]),
  ),
  "error-is-not-reserved": among(socket.emit("error", "mine")),
  "empty-event-name": among(socket.emit("", 1)),
  "strange-event-names": among(socket.emit("__proto__", 1), socket.emit("é🎺\u2028", 2), socket.emit('a"b\\', 3), socket.emit("constructor", 4)),
  "values": among(
    socket.emit("note", 0, -1, 1.5, 1e21, 1e-7, "", "é🎺\u2028\u0000", [], {}, [null], { a: { b: { c: [] } } }, false),
  ),
  "client-events-in-order": async (t) => {
    const [a] = await t.clients("a");
    for (let i = 0; i < 50; i++) a.emit("echo", i);
    await t.fence(a);
  },
  "emit-on-connect": async (t) => {
    await t.open(t.nsp, { connect: [socket.emit("welcome", "$id", 1), socket.join("x"), nsp.to("x").emit("joined", "$id")] });
    const [a, b] = await t.clients("a", "b");
    await t.fence(a, b);
  },
};
