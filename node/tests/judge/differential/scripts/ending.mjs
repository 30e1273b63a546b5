// How sockets and connections end, and what the server says about it: features 1.5, 2.8 and 2.10.

import { nsp, server, socket } from "../steps.mjs";

const inRooms = async (t, name) => {
  const client = await t.client(name);
  await client.do(socket.join(["x", "y"]));
  return client;
};

export const scripts = {
  "client-leaves": async (t) => {
    const a = await inRooms(t, "a");
    const { id } = a;
    a.socket.disconnect();
    await t.seen([id]);
  },
  "server-disconnects": async (t) => {
    const a = await inRooms(t, "a");
    const { id } = a;
    a.start(socket.disconnect());
    await a.until("(disconnect)");
    await t.seen([id]);
  },
  "server-disconnects-keeps-connection": async (t) => {
    const other = await t.open(t.space("other"));
    const a = await t.client("a");
    const b = await t.sibling("b", a, { namespace: other });
    const { id } = a;
    a.start(socket.disconnect());
    await a.until("(disconnect)");
    await t.seen([id]);
    b.emit("echo", "alive");
    await t.fence(b);
  },
  "server-disconnects-connection": async (t) => {
    const other = await t.open(t.space("other"));
    const a = await t.client("a");
    const b = await t.sibling("b", a, { namespace: other });
    const ids = [a.id, b.id];
    a.start(socket.emit("note", "last"), socket.disconnect(true));
    await Promise.all([a.until("(disconnect)"), b.until("(disconnect)")]);
    await t.seen([ids[0]]);
    await t.seen([ids[1]], { namespace: other, label: "other" });
  },
  "emit-before-disconnect-arrives": async (t) => {
    const [a, b] = await t.clients("a", "b");
    a.start(socket.emit("note", 1), nsp.emit("note", 2), socket.disconnect(), nsp.emit("note", 3));
    await a.until("(disconnect)");
    await t.fence(b);
  },
  "connection-cut": {
    on: ["websocket", "upgrade"],
    run: async (t) => {
      const a = await inRooms(t, "a");
      const { id } = a;
      a.cut();
      await t.seen([id]);
    },
  },
  "engine-closed-by-client": async (t) => {
    const a = await inRooms(t, "a");
    const { id } = a;
    a.engine.close();
    await t.seen([id]);
  },
  "rooms-in-both-events": async (t) => {
    await t.open(t.nsp, { disconnecting: [socket.rooms, server.note("disconnecting")], disconnect: [server.note("disconnect")] });
    const a = await inRooms(t, "a");
    const { id } = a;
    a.socket.disconnect();
    await t.seen([id]);
  },
  "others-are-told-while-disconnecting": async (t) => {
    await t.open(t.nsp, { disconnecting: [socket.to("x").emit("leaving", "$id"), nsp.emit("leaves", "$id")], disconnect: [nsp.emit("left", "$id")] });
    const [a, b] = await t.clients("a", "b");
    await a.do(socket.join("x"));
    await b.do(socket.join("x"));
    const { id } = a;
    a.socket.disconnect();
    await t.seen([id]);
    await b.until("left");
    await t.fence(b);
  },
  "wire-disconnect": async (t) => {
    await t.open(t.nsp);
    const w = await t.wire();
    await w.join();
    const sid = await w.join(t.nsp);
    await w.send(`41${t.nsp},`);
    await t.seen([sid]);
    t.note("outcome", await w.outcome());
  },
  "wire-server-disconnect": async (t) => {
    await t.open(t.nsp);
    const w = await t.wire();
    await w.join();
    const sid = await w.join(t.nsp);
    await w.send(`42${t.nsp},["do",["socket",["disconnect"]]]`);
    await w.until(`41${t.nsp},`);
    await t.seen([sid]);
    t.note("outcome", await w.outcome());
  },
  "wire-server-disconnect-all": async (t) => {
    await t.open(t.nsp);
    const w = await t.wire();
    const main = await w.join();
    const sid = await w.join(t.nsp);
    await w.send(`42${t.nsp},["do",["socket",["emit","note",1]],["socket",["disconnect",true]]]`);
    await w.ended();
    await t.seen([sid]);
    await t.seen([main], { namespace: "/", label: "main" });
    // In which order the namespaces are told to leave is of no matter.
    w.heard = [{ unordered: w.heard.splice(0).filter((packet) => packet.startsWith("41")) }, ...w.heard];
  },
  "wire-close-code-of-client": {
    on: ["websocket", "upgrade"],
    run: async (t) => {
      const w = await t.wire();
      const sid = await w.join();
      w.ws.close(1000);
      await w.ended();
      await t.seen([sid], { namespace: "/" });
    },
  },
  "wire-close-packet": async (t) => {
    const w = await t.wire();
    const sid = await w.join();
    if (t.mode !== "polling") return t.note("outcome", await w.outcome("1"));
    await w.send("1");
    await t.seen([sid], { namespace: "/" });
    await w.ended();
  },
  "invalid-engine-packet": async (t) => {
    const w = await t.wire();
    const sid = await w.join();
    t.note("outcome", await w.outcome("x"));
    await t.seen([sid], { namespace: "/" });
  },
  "engine-ping-of-client": async (t) => {
    const w = await t.wire();
    const sid = await w.join();
    t.note("outcome", await w.outcome("2"));
    await t.seen([sid], { namespace: "/" });
  },
  "ack-after-disconnect-with-timeout": async (t) => {
    await t.open(t.nsp, { disconnect: [server.note("gone")] });
    const [a, b] = await t.clients("a", "b");
    a.start(socket.timeout(5_000).emitWithAck("question"), server.note("settled"));
    await a.until("question");
    const { id } = a;
    a.close();
    await t.seen([id], { until: "settled" });
    t.note("alive", await b.ask("ack", 1));
  },
};
for (const name of ["server-closes-polling", "server-closes-websocket", "server-closes-upgrade"]) {
  const on = name.replace("server-closes-", "");
  scripts[name] = {
    on: [on],
    profile: `closing-${on}`,
    run: async (t) => {
      const [a, b] = await t.clients("a", "b");
      const ids = [a.id, b.id];
      await a.do(socket.join("x"));
      await t.closeServer();
      await Promise.all([a.until("(disconnect)"), b.until("(disconnect)")]);
      await t.seen(ids);
      // A client between two polls finds nobody; one whose poll waits is told.
      if (on === "polling") for (const client of [a, b]) client.heard.length = 0;
    },
  };
}
