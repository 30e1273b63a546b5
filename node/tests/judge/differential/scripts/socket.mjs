// One socket: its attributes, listeners and flags: features 1.5, 2.6 and 2.7.

import { nsp, server, socket } from "../steps.mjs";

export const scripts = {
  "attributes": async (t) => {
    const [a] = await t.clients("a");
    t.note("attributes", await a.do(socket.id, socket.connected, socket.disconnected, socket.transport()));
    t.note("same id", (await a.do(socket.id))[0] === a.id);
  },
  "data": async (t) => {
    const [a, b] = await t.clients("a", "b");
    t.note("at first", await a.do(socket.data()));
    await a.do(socket.setData({ user: { name: "é" }, list: [1, null] }));
    t.note("then", [await a.do(socket.data()), await b.do(socket.data())]);
  },
  "handshake": async (t) => {
    const a = await t.client("a", {
      auth: { token: "secret", deep: [1] },
      query: { room: "x y", "a&b": "=" },
      extraHeaders: { "x-judge": "yes", Origin: "http://page.example" },
    });
    const [handshake] = await a.do(socket.handshake());
    const { query, auth, secure, xdomain, address, issued, time, url, headers } = handshake;
    const { EIO, transport, room, "a&b": odd } = query;
    t.note("handshake", { EIO, transport, room, odd, auth, secure, xdomain, address, judge: headers["x-judge"] });
    t.note("types", [typeof issued, typeof time, Math.abs(Date.now() - issued) < 60_000, url.startsWith("/socket.io/?")]);
  },
  "handshake-without-auth": async (t) => {
    const [a] = await t.clients("a");
    const [{ auth, xdomain, secure }] = await a.do(socket.handshake());
    t.note("handshake", { auth, xdomain, secure });
  },
  "handshake-is-shared-by-namespaces": async (t) => {
    const other = await t.open(t.space("other"));
    const a = await t.client("a", { auth: { n: 1 }, query: { room: "x" } });
    const b = await t.sibling("b", a, { namespace: other, auth: { n: 2 } });
    const [[first], [second]] = [await a.do(socket.handshake()), await b.do(socket.handshake())];
    t.note("auth", [first.auth, second.auth]);
    t.note("same", [first.url === second.url, first.query.room === second.query.room]);
  },
  "ids-differ-by-namespace": async (t) => {
    const other = await t.open(t.space("other"));
    const a = await t.client("a");
    const b = await t.sibling("b", a, { namespace: other });
    t.note("apart", [a.id === b.id, a.id === a.engine.id, a.id.length, a.engine.id.length]);
  },
  "own-listener": async (t) => {
    const [a, b] = await t.clients("a", "b");
    await a.do(socket.on("talk", "first"), socket.on("talk", "second"));
    t.note("answers", await a.ask("talk", 1, { two: 2 }));
    b.emit("talk", "nobody");
    await t.fence(b, a);
    await t.seen();
  },
  "own-listener-with-bytes": async (t) => {
    const [a] = await t.clients("a");
    await a.do(socket.on("talk", "one"));
    a.emit("talk", Buffer.from([1, 2]), { deep: Buffer.from([3]) });
    await t.fence(a);
    await t.seen();
  },
  "off": async (t) => {
    const [a] = await t.clients("a");
    await a.do(socket.on("talk", "one"), socket.on("walk", "two"), socket.off("talk"));
    a.emit("talk", 1);
    a.emit("walk", 2);
    await t.fence(a);
    await t.seen();
  },
  "on-any-comes-before-listeners": async (t) => {
    const [a] = await t.clients("a");
    await a.do(socket.on("talk", "listener"), socket.onAny("any"));
    // One after the other: the official server tells listeners of any event of those that wait behind.
    t.note("first", await a.ask("talk", 1));
    a.emit("unheard", 2, [3]);
    await t.fence(a);
    t.note("second", await a.ask("talk", 3));
    await a.do(server.note("end"));
    await t.seen();
  },
  "event-without-listener": async (t) => {
    const [a] = await t.clients("a");
    a.emit("nobody", 1);
    a.socket.emit("nobody", 2, () => {});
    t.note("alive", await a.ask("ack", 1));
  },
  "order-of-listeners-and-acks": async (t) => {
    const [a] = await t.clients("a");
    await a.do(socket.on("talk", "one"));
    const order = await Promise.all([1, 2, 3].map((n) => a.ask("talk", n)));
    t.note("order", order);
    await t.seen();
  },
  "volatile-behind-an-emit-is-dropped": {
    on: ["websocket", "upgrade"],
    run: async (t) => {
      const [a] = await t.clients("a");
      await a.do(socket.emit("note", "kept"), socket.volatile.emit("note", "dropped"));
      await t.fence(a);
    },
  },
  "volatile-to-nobody-ready-over-polling": {
    on: ["polling"],
    run: async (t) => {
      // Without a GET that waits a polling client is not ready.
      const w = await t.joined("w");
      const [a] = await t.clients("a");
      void a;
      t.note("answer", await w.outcome('42["do",["socket",["volatile"],["emit","note","dropped"]],["socket",["emit","note","kept"]]]'));
    },
  },
  "volatile-alone-arrives": async (t) => {
    const [a] = await t.clients("a");
    // Tried until the client was ready.
    await t.eventually("a volatile emit to arrive", async () => {
      await a.do(socket.volatile.emit("note", 1));
      return a.heard.length > 0;
    });
    await t.fence(a);
    t.note("heard", a.heard.splice(0)[0]);
  },
  "flags-do-not-stay": async (t) => {
    const [a, b] = await t.clients("a", "b");
    await a.do(socket.broadcast.emit("note", 1), socket.emit("note", 2), socket.to("nobody").emit("note", 3), nsp.emit("note", 4));
    await t.fence(a, b);
  },
};
