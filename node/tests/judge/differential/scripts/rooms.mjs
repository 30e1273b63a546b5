// Rooms and whole groups of sockets: features 1.4 and 2.8.

import { nsp, server, socket } from "../steps.mjs";

/** `a` in x, `b` in x and y, `c` in none. */
const three = async (t) => {
  const [a, b, c] = await t.clients("a", "b", "c");
  await a.do(socket.join("x"));
  await b.do(socket.join(["x", "y"]));
  return [a, b, c];
};

const roomsOf = async (t, label, ...clients) => {
  const rooms = {};
  for (const client of clients) [rooms[client.name]] = await client.do(socket.rooms);
  t.note(label, rooms);
};

export const scripts = {
  "own-room-first": async (t) => {
    const [a] = await t.clients("a");
    await roomsOf(t, "at first", a);
    t.note("joined", await a.do(socket.join("x"), socket.rooms, socket.join(["y", "z", "x"]), socket.rooms));
    t.note("left", await a.do(socket.leave("x"), socket.leave("never"), socket.rooms));
  },
  "leave-own-room": async (t) => {
    const [a, b] = await t.clients("a", "b");
    await a.do(socket.leave("$id"));
    await roomsOf(t, "rooms", a);
    await b.do(nsp.to(a.id).emit("note", 1), socket.broadcast.emit("note", 2), nsp.emit("note", 3));
    await t.fence(b, a);
  },
  "broadcast-from-outside-own-room-comes-back": async (t) => {
    const [a, b] = await t.clients("a", "b");
    await a.do(socket.leave("$id"), socket.broadcast.emit("note", 1));
    await t.fence(a, b);
  },
  "join-in-connect": async (t) => {
    await t.open(t.nsp, { connect: [socket.join(["x", "y"]), socket.rooms] });
    const [a, b] = await t.clients("a", "b");
    await a.do(socket.to("x").emit("note", 1), nsp.to("y").emit("note", 2));
    await roomsOf(t, "rooms", a, b);
    await t.fence(a, b);
  },
  "join-leave-join": async (t) => {
    const [a] = await t.clients("a");
    await a.do(
      socket.join("x"), nsp.to("x").emit("note", 1),
      socket.leave("x"), nsp.to("x").emit("note", 2),
      socket.join("x"), nsp.to("x").emit("note", 3),
    );
    await t.fence(a);
  },
  "events-of-rooms": async (t) => {
    const [a] = await t.clients("a");
    await a.do(nsp.watchRooms());
    const [b] = await t.clients("b");
    t.note("came", await a.do(nsp.roomEvents()));
    await b.do(socket.join(["x", "y"]), socket.join("x"), socket.leave("x"), socket.leave("never"));
    await a.do(nsp.in(b.id).socketsJoin("z"), socket.join("y"), socket.join(b.id));
    t.note("joined", await a.do(nsp.roomEvents()));
    await a.do(socket.leave("y"), socket.leave("$id"), socket.leave("$id"), socket.join("$id"));
    t.note("left", await a.do(nsp.roomEvents()));
    await a.do(nsp.in("z").disconnectSockets());
    t.note("gone", await a.do(nsp.roomEvents(), socket.leave(b.id), nsp.roomEvents()));
  },
  "strange-room-names": async (t) => {
    const [a] = await t.clients("a");
    for (const room of ["", " ", "é🎺", "__proto__", "constructor", "a.b*>", "x".repeat(300)]) {
      await a.do(socket.join(room), nsp.to(room).emit("note", room));
    }
    await roomsOf(t, "rooms", a);
    await t.fence(a);
  },
  "sockets-join": async (t) => {
    const [a, b, c] = await three(t);
    t.note("results", await c.do(nsp.in("x").socketsJoin("z"), nsp.to("z").emit("note", 1)));
    await roomsOf(t, "rooms", a, b, c);
    await t.fence(a, b, c);
  },
  "sockets-join-several-and-everybody": async (t) => {
    const [a, b, c] = await three(t);
    await c.do(nsp.socketsJoin(["z", "w"]), nsp.except("x").socketsJoin("alone"));
    await roomsOf(t, "rooms", a, b, c);
  },
  "sockets-leave": async (t) => {
    const [a, b, c] = await three(t);
    await c.do(nsp.in("y").socketsLeave("x"), nsp.to("x").emit("note", 1));
    await roomsOf(t, "rooms", a, b, c);
    await t.fence(a, b, c);
  },
  "socket-operator-joins-others": async (t) => {
    const [a, b, c] = await three(t);
    await a.do(socket.broadcast.socketsJoin("z"), socket.to("x").socketsLeave("x"));
    await roomsOf(t, "rooms", a, b, c);
  },
  "fetch-everybody": async (t) => {
    const [a, b, c] = await three(t);
    await b.do(socket.setData({ user: "b", n: [1] }));
    t.note("found", await c.do(nsp.fetchSockets()));
    void a;
  },
  "fetch-room-and-except": async (t) => {
    const [, , c] = await three(t);
    t.note("found", await c.do(nsp.in("x").fetchSockets(), nsp.in("x").except("y").fetchSockets(), nsp.in("nobody").fetchSockets()));
    t.note("others", await c.do(socket.broadcast.fetchSockets(), nsp.local.in("y").fetchSockets()));
  },
  "fetch-shows-auth": async (t) => {
    const a = await t.client("a", { auth: { token: "t", deep: { n: 1 } } });
    t.note("found", await a.do(nsp.fetchSockets()));
  },
  "disconnect-sockets-of-a-room": async (t) => {
    const [a, b, c] = await three(t);
    await c.do(nsp.in("y").disconnectSockets());
    await b.until("(disconnect)");
    await t.fence(a, c);
    t.note("left", await c.do(nsp.fetchSockets()));
    await t.seen([b.id]);
  },
  "disconnect-sockets-with-their-connections": async (t) => {
    const [a, b, c] = await three(t);
    const other = await t.open(t.space("other"));
    const d = await t.sibling("d", b, { namespace: other });
    await c.do(nsp.in("y").disconnectSockets(true));
    await Promise.all([b.until("(disconnect)"), d.until("(disconnect)")]);
    await t.fence(a, c);
    await t.seen([b.id]);
    await t.seen([d.id], { namespace: other, label: "other" });
  },
  "emit-before-disconnect-sockets-arrives": async (t) => {
    const [a, b] = await t.clients("a", "b");
    await b.do(socket.join("x"));
    await a.do(nsp.to("x").emit("note", "last"), nsp.in("x").disconnectSockets(), nsp.to("x").emit("note", "never"));
    await b.until("(disconnect)");
  },
  "rooms-are-gone-after-disconnect": async (t) => {
    const [a, b] = await three(t);
    b.close();
    await t.seen([b.id]);
    await a.do(nsp.to("y").emit("note", 1));
    t.note("found", await a.do(nsp.in("y").fetchSockets(), nsp.in("x").fetchSockets()));
    await t.fence(a);
  },
  "join-in-disconnecting-is-no-ghost": async (t) => {
    await t.open(t.nsp, { disconnecting: [socket.join("ghosts")], disconnect: [socket.join("ghosts"), socket.rooms, server.note("gone")] });
    const [a, b] = await t.clients("a", "b");
    b.close();
    await t.seen([b.id]);
    t.note("found", await a.do(nsp.in("ghosts").fetchSockets()));
  },
};
