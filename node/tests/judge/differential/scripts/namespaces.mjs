// Entering and leaving namespaces, and their middlewares: features 1.6 and 2.5.

import { nsp, server, socket } from "../steps.mjs";

export const scripts = {
  "unknown-is-refused": async (t) => {
    await t.attempt("a", { namespace: t.space("nowhere") });
  },
  "unknown-on-the-wire": async (t) => {
    const w = await t.wire();
    await w.join("/nowhere");
    await w.join("/nowhere?token=abc");
    await w.join("/");
    t.note("outcome", await w.outcome());
  },
  "connect-packet": async (t) => {
    await t.open(t.nsp);
    const w = await t.wire();
    await w.join("/");
    await w.join(t.nsp);
    t.note("outcome", await w.outcomeIn(t.nsp));
  },
  "connect-without-comma": async (t) => {
    await t.open(t.nsp);
    const w = await t.wire();
    await w.send(`40${t.nsp}`);
    t.note("answer", (await w.until(`40${t.nsp},`)).startsWith(`40${t.nsp},{"sid":"`));
    w.heard.length = 0;
  },
  "several-on-one-connection": async (t) => {
    const other = await t.open(t.space("other"));
    const a = await t.client("a");
    const b = await t.sibling("b", a, { namespace: other });
    a.emit("echo", "main");
    b.emit("echo", "other");
    await t.fence(a);
    await t.fence(b);
  },
  "leave-one-keep-other": async (t) => {
    const other = await t.open(t.space("other"));
    const a = await t.client("a");
    const b = await t.sibling("b", a, { namespace: other });
    const { id } = b;
    b.socket.disconnect();
    await t.seen([id], { namespace: other });
    a.emit("echo", "alive");
    await t.fence(a);
  },
  "leave-and-enter-again": async (t) => {
    const other = await t.open(t.space("other"));
    const a = await t.client("a");
    const b = await t.sibling("b", a, { namespace: other });
    const { id } = b;
    b.socket.disconnect();
    await t.seen([id], { namespace: other });
    b.socket.connect();
    await b.settled(t.mode);
    t.note("another id", b.id !== id);
    await t.fence(b);
  },
  "disconnect-packet-of-unjoined-closes": async (t) => {
    await t.open(t.nsp);
    const w = await t.wire();
    const sid = await w.join();
    t.note("outcome", await w.outcome(`41${t.nsp},`));
    await t.seen([sid], { namespace: "/" });
  },
  "event-for-unjoined-closes": async (t) => {
    await t.open(t.nsp);
    const w = await t.wire();
    const sid = await w.join();
    t.note("outcome", await w.outcome(`42${t.nsp},["echo"]`));
    await t.seen([sid], { namespace: "/" });
  },
  "ack-for-unjoined-closes": async (t) => {
    await t.open(t.nsp);
    const w = await t.wire();
    const sid = await w.join();
    t.note("outcome", await w.outcome(`43${t.nsp},1["x"]`));
    await t.seen([sid], { namespace: "/" });
  },
  "auth-reaches-the-server": async (t) => {
    const w = await t.wire();
    await w.join("/", { token: "é", deep: { n: [1] } });
    await w.send('421["do",["socket",["handshake"]]]');
    const answer = await w.until("431");
    w.heard.length = 0;
    t.note("auth", JSON.parse(answer.slice(3))[0].auth);
  },
  // Middlewares.
  "middleware-admits": async (t) => {
    await t.open(t.nsp, { use: [[server.note("first")], [server.note("second")]], connect: [server.note("in")] });
    const a = await t.client("a");
    await t.fence(a);
    await t.seen();
  },
  "middleware-refuses": async (t) => {
    await t.open(t.nsp, { use: [[server.refuse("not you")], [server.note("never")]] });
    await t.attempt("a");
    await t.seen();
  },
  "middleware-refuses-with-data": async (t) => {
    await t.open(t.nsp, { use: [[server.refuse("not you", { code: 42, deep: [null, "é"] })]] });
    await t.attempt("a");
  },
  "refusal-on-the-wire": async (t) => {
    await t.open(t.nsp, { use: [[server.refuse("no")]] });
    const other = await t.open(t.space("other"), { use: [[server.refuse("no", { hint: "later" })]] });
    const w = await t.wire();
    await w.join(t.nsp);
    await w.join(other);
    await w.join("/");
    t.note("outcome", await w.outcome());
  },
  "middlewares-of-main-are-its-own": async (t) => {
    const other = await t.open(t.space("other"));
    await t.open(t.nsp, { use: [[server.refuse("no")]] });
    const a = await t.client("a", { namespace: other });
    await t.sibling("b", a, { namespace: t.nsp });
    await t.fence(a);
  },
  "middleware-sees-auth": async (t) => {
    await t.open(t.nsp, { use: [[server.note("asked"), socket.emit("early", "$id")]] });
    const a = await t.client("a", { auth: { token: "t" } });
    await t.fence(a);
    await t.seen();
  },
  "middleware-emits-before-connect": async (t) => {
    await t.open(t.nsp, { use: [[socket.emit("early", 1)]], connect: [socket.emit("welcome", 2)] });
    const w = await t.wire();
    await w.join(t.nsp);
    await w.until(`42${t.nsp},["welcome"`);
  },
  "middleware-joins": async (t) => {
    await t.open(t.nsp, { use: [[socket.join("early")]], connect: [socket.rooms] });
    const [a, b] = await t.clients("a", "b");
    t.note("rooms", await a.do(socket.rooms));
    await a.do(socket.to("early").emit("note", 1));
    await t.fence(a, b);
  },
  "middleware-joins-and-refuses": async (t) => {
    const watching = await t.open(t.nsp, { use: [[socket.join("early"), server.wait(t.gate("late")), server.refuse("no")]] });
    const w = await t.wire();
    await w.send(`40${watching},`);
    await t.release("late");
    await w.until("44");
    const plain = await t.open(t.space("plain"));
    const b = await t.client("b", { namespace: plain });
    t.note("found", await b.do(nsp.fetchSockets()));
  },
  "middleware-data-stays": async (t) => {
    await t.open(t.nsp, { use: [[socket.setData({ user: 7 })]] });
    const [a] = await t.clients("a");
    t.note("data", await a.do(socket.data(), nsp.fetchSockets()));
  },
  "pending-is-reached-by-nobody": async (t) => {
    await t.open(t.nsp, { use: [[socket.join("x"), server.note("waits"), server.wait(t.gate("in"))]] });
    await t.release("in");
    const a = await t.client("a");
    const late = t.gate("late");
    const other = await t.open(t.space("other"), { use: [[socket.join("x"), server.note("waits"), server.wait(late)]] });
    const w = await t.wire();
    await w.send(`40${other},`);
    await t.eventually("the middleware to wait", async () => true);
    await t.release("late");
    await w.until(`40${other},`);
    await t.fence(a);
    w.heard.length = 0;
  },
  "event-while-pending-closes": async (t) => {
    await t.open(t.nsp, { use: [[server.wait(t.gate("never"))]] });
    const w = await t.wire();
    const sid = await w.join();
    t.note("outcome", await w.outcome(`40${t.nsp},`, `42${t.nsp},["echo",1]`));
    await t.seen([sid], { namespace: "/" });
    await t.release("never");
  },
  "two-connects-while-pending": async (t) => {
    await t.open(t.nsp, { use: [[server.wait(t.gate("late"))]] });
    const w = await t.wire();
    await w.join();
    await w.send(`40${t.nsp},`, `40${t.nsp},`);
    await w.outcome();
    await t.release("late");
    await w.until(`40${t.nsp},`);
    await w.outcome();
    t.note("sockets", w.heard.filter((packet) => packet.startsWith(`40${t.nsp},`)).length);
    w.heard.length = 0;
  },
};
