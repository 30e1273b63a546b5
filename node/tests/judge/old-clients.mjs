// Clients of Socket.IO 1 and 2, which speak Engine.IO 3, beside one of Socket.IO 4.
//
//   node old-clients.mjs URL [polling|websocket|upgrade] --client socket.io-client-2 [--target official|fanfare]
//
// The server is the contract server, which serves such clients (`allow_eio3`), and pings of theirs are due often.

import { createRequire } from "node:module";
import { io as connectNew } from "socket.io-client";
import { assert, commandLine, finish, test } from "./support.mjs";

const require = createRequire(import.meta.url);
const { url, mode, flags } = commandLine({
  deadlineSeconds: 200,
  flags: { client: { type: "string" }, target: { type: "string", default: "fanfare" } },
});
const connectOld = require(flags.client);
const is1 = flags.client.endsWith("-1");
const isOfficial = flags.target === "official";
const transports = { polling: ["polling"], websocket: ["websocket"], upgrade: ["polling", "websocket"] }[mode];
const open = [];
const old = (path = "/", options = {}) => {
  const socket = connectOld(`${url}${path}`, { transports, forceNew: true, ...options });
  open.push(socket);
  return socket;
};
const next = (emitter, event) => new Promise((resolve) => emitter.once(event, (...args) => resolve(args)));
const ask = (socket, ...args) => new Promise((resolve) => socket.emit(...args, (...answer) => resolve(answer)));
// The engine tells of an upgrade; what was sent before and after it arrives.
const connected = async (socket, upgrades = mode === "upgrade") => {
  if (!socket.connected) await next(socket, "connect");
  const { engine } = socket.io;
  if (upgrades && engine.transport.name !== "websocket") await next(engine, "upgrade");
  return socket;
};
// Socket.IO 1 asks for base64 over polling in Node.js, and then encodes its text twice: no server can tell.
const euro = is1 && mode === "polling" ? "euro" : "\u20ac \u{1f600}";
const bytes = (data) => [...new Uint8Array(data)];

await test("a client enters the main namespace unasked, and knows its id", async () => {
  const socket = old();
  const [welcome] = await next(socket, "welcome");
  await connected(socket);
  assert.equal(socket.id, welcome);
  assert.equal(socket.io.engine.transport.name, mode === "polling" ? "polling" : "websocket");
});

await test("text of every kind goes both ways", async () => {
  const socket = await connected(old());
  for (const text of ["", "a", "é€", "\u{1f600}", "line\nline\\n\u2028", "1:2", "x".repeat(70_000)]) {
    const note = next(socket, "note");
    const answer = ask(socket, "to-sender", text, { text });
    assert.deepEqual(await note, [text, { text }]);
    await answer;
  }
});

await test("bytes go both ways", async () => {
  const socket = await connected(old());
  for (const length of [0, 1, 3, 255, 70_000]) {
    const data = Buffer.from(Array.from({ length }, (_, index) => index % 256));
    const note = next(socket, "note");
    socket.emit("to-sender", data, { more: [data] }, () => {});
    const [first, { more }] = await note;
    assert.deepEqual(bytes(first), [...data]);
    assert.deepEqual(bytes(more[0]), [...data]);
  }
});

await test("old and new clients share one room, with text and with bytes", async () => {
  const clients = [await connected(old()), await connected(old())];
  const fresh = connectNew(url, { transports: ["websocket"], forceNew: true });
  open.push(fresh);
  await next(fresh, "connect");
  const everybody = [...clients, fresh];
  const counts = everybody.map(() => 0);
  everybody.forEach((socket, index) => socket.on("note", () => counts[index]++));
  for (const sender of everybody) {
    const notes = everybody.map((socket) => next(socket, "note"));
    sender.emit("everybody", euro, Buffer.from([4, 0, 255]), () => {});
    for (const [text, data] of await Promise.all(notes)) {
      assert.equal(text, euro);
      assert.deepEqual(bytes(data), [4, 0, 255]);
    }
  }
  assert.deepEqual(counts, everybody.map(() => everybody.length));
});

await test("another namespace is entered, left and entered again, and its socket reached by the client's own id", async () => {
  const main = await connected(old("/"));
  const socket = main.io.socket("/custom");
  for (let round = 0; round < 3; round++) {
    await next(socket, "connect");
    assert.equal(socket.id, is1 ? main.id : `/custom#${main.id}`);
    const note = next(socket, "note");
    // The official server gives all of them the name that Socket.IO 2 knows.
    const id = isOfficial ? `/custom#${main.id}` : socket.id;
    main.emit("nsp-room", "/custom", id, "psst");
    assert.deepEqual(await note, ["psst"]);
    if (round === 2) break;
    socket.disconnect();
    socket.connect();
  }
});

await test("the query of a namespace is what new clients send as auth", async () => {
  const socket = old("/auth?token=secret");
  await next(socket, "connect");
  const note = next(socket, "note");
  socket.emit("to-sender", "in", () => {});
  assert.deepEqual(await note, ["in"]);
});

await test("a refusal is an error: the data of the program, or the message as a string", async () => {
  const refused = old("/auth");
  assert.deepEqual(await next(refused, "error"), [{ reason: "token" }]);
  const unknown = old("/no-such-namespace");
  // A string with the servers of that time, and with the official one of today an object for this error alone.
  assert.deepEqual(await next(unknown, "error"), [isOfficial ? { message: "Invalid namespace" } : "Invalid namespace"]);
});

await test("the client pings and the server answers, also after an upgrade", async () => {
  const socket = await connected(old());
  const manager = socket.io;
  const pongs = is1 ? manager.engine : manager;
  for (let count = 0; count < 3; count++) await next(pongs, "pong");
  assert.ok(socket.connected);
});

await test("a client whose connection is lost comes back, and tells of it in its order", async () => {
  const socket = old("/", { autoConnect: false, reconnectionDelay: 10 });
  const events = [];
  for (const event of ["connecting", "connect", "disconnect", "reconnecting", "reconnect"]) {
    socket.on(event, () => events.push(event));
  }
  const first = next(socket, "connect");
  socket.open();
  await first;
  await connected(socket);
  const back = next(socket, "reconnect");
  const again = next(socket, "connect");
  socket.io.engine.close();
  await back;
  await again;
  assert.deepEqual(events, ["connecting", "connect", "disconnect", "reconnecting", "reconnect", "connect"]);
  const note = next(socket, "note");
  await ask(socket, "to-sender", "here again");
  assert.deepEqual(await note, ["here again"]);
});

await test("pages that cannot do otherwise poll by scripts and forms", async () => {
  const base = `${url}/socket.io/?EIO=3&transport=polling&j=7`;
  const call = async (target, options) => {
    const response = await fetch(target, options);
    assert.equal(response.status, 200);
    return response;
  };
  const script = async (target) => {
    const response = await call(target);
    assert.match(response.headers.get("content-type"), isOfficial ? /^text\/plain/ : /^text\/javascript/);
    let payload;
    new Function("___eio", await response.text())({ 7: (data) => (payload = data) });
    return payload;
  };
  const opened = await script(base);
  const { sid } = JSON.parse(opened.slice(opened.indexOf("{"), opened.lastIndexOf("}") + 1));
  const session = `${base}&sid=${sid}`;
  let received = await script(session);
  assert.match(received, /^2:40/);
  const event = `4${'2["to-sender","a\\nb \u{1f600}"]'}`;
  const body = new URLSearchParams({ d: `${event.length}:${event}`.replaceAll("\\n", "\\\n").replaceAll("\n", "\\n") });
  assert.equal(await (await call(session, { method: "POST", body })).text(), "ok");
  while (!received.includes('["note"')) received = await script(session);
  assert.ok(received.includes('42["note","a\\nb \u{1f600}"]'), received);
});

await test("a session belongs to the protocol of its handshake", async () => {
  const socket = await connected(old("/", { transports: ["polling"] }), false);
  const { id } = socket.io.engine;
  const response = await fetch(`${url}/socket.io/?EIO=4&transport=polling&sid=${id}`);
  assert.equal(response.status, 400);
  assert.equal((await response.json()).code, 3);
});

for (const socket of open) socket.close();
finish();
