// Listeners and middlewares of one socket: features 1.5 and 1.6.

import { nsp, server, socket } from "../steps.mjs";

/**
 * One client; `steps` declare listeners, then the client emits each of the events, one after the other: of events that wait
 * behind each other the official server calls all middlewares first.
 */
const asked = (steps, ...events) => async (t) => {
  const [a] = await t.clients("a");
  await a.do(...steps);
  for (const event of events) {
    a.emit(...event);
    await a.ask("ack");
  }
  await a.do(server.note("end"));
  await t.seen();
};

export const scripts = {
  "once": asked([socket.once("talk", "once"), socket.on("talk", "on")], ["talk", 1], ["talk", 2]),
  "once-twice-declared": asked([socket.once("talk", "first"), socket.once("talk", "second")], ["talk", 1], ["talk", 2]),
  "off-removes-once-too": asked([socket.once("talk", "once"), socket.off("talk")], ["talk", 1]),
  "off-of-unknown-event": asked([socket.off("never"), socket.on("talk", "on")], ["talk", 1]),
  "any-and-off-any": asked([socket.onAny("any"), socket.onAny("other"), socket.offAny(), socket.on("talk", "on")], ["talk", 1]),
  "prepend-any": asked([socket.onAny("second"), socket.prependAny("first")], ["talk", 1], ["walk", 2]),
  "any-hears-binary": asked([socket.onAny("any")], ["talk", Buffer.from([1, 2]), { deep: Buffer.from([3]) }]),
  "error-event-of-client": asked([socket.on("error", "error")], ["error", { message: "mine" }]),
  "strange-names": asked([socket.on("__proto__", "proto"), socket.on("constructor", "constructor"), socket.on("", "empty")], ["__proto__", 1], ["constructor", 2], ["", 3]),
  // Middlewares of events.
  "middleware-sees-events": asked([socket.use({ tag: "first" }), socket.use({ tag: "second" }), socket.on("talk", "on")], ["talk", 1, [2]], ["unheard", 3]),
  "middleware-comes-before-any": asked([socket.onAny("any"), socket.use({ tag: "use" }), socket.on("talk", "on")], ["talk", 1]),
  "middleware-refuses": asked(
    [socket.use({ tag: "use", refuse: "talk", message: "no" }), socket.on("talk", "on"), socket.on("walk", "on"), socket.onError("error")],
    ["talk", 1], ["walk", 2],
  ),
  "middleware-refuses-before-the-next": asked(
    [socket.use({ tag: "first", refuse: "talk", message: "no" }), socket.use({ tag: "second" }), socket.onError("error")],
    ["talk", 1], ["walk", 2],
  ),
  "refused-event-with-ack": async (t) => {
    const [a] = await t.clients("a");
    await a.do(socket.use({ tag: "use", refuse: "talk", message: "no" }), socket.onError("error"));
    let answer = "(none)";
    a.socket.emit("talk", 1, (...args) => (answer = args));
    await a.ask("ack");
    await t.fence(a);
    t.note("answer", answer);
  },
  "refused-on-the-wire": async (t) => {
    const w = await t.joined();
    await w.send('421["do",["socket",["use",{"tag":"use","refuse":"talk","message":"no"}]]]');
    await w.until("431");
    t.note("outcome", await w.outcome('42["talk",1]', '42["echo",2]'));
  },
  "middleware-that-waits": async (t) => {
    const [a, b] = await t.clients("a", "b");
    await a.do(socket.use({ tag: "use", gate: { event: "talk", name: t.gate("late") } }), socket.on("talk", "on"));
    const answer = a.ask("talk", 1);
    await b.ask("ack", 1);
    await t.release("late");
    t.note("answer", await answer);
    await t.seen();
  },
  "middleware-with-bytes": asked([socket.use({ tag: "use" }), socket.on("talk", "on")], ["talk", Buffer.from([1]), 2]),
  "invalid-packet-is-an-error": async (t) => {
    await t.open(t.nsp, { connect: [socket.onError("error")] });
    const w = await t.wire();
    const sid = await w.join(t.nsp);
    await w.send("42[]");
    await w.ended();
    await t.seen([sid]);
  },
  // What is sent.
  "outgoing-hears-emits": async (t) => {
    const [a, b] = await t.clients("a", "b");
    await a.do(socket.onAnyOutgoing("out"), socket.join("x"));
    await a.do(socket.emit("one", 1, [2]), nsp.emit("two"), nsp.to("x").emit("three", { a: 1 }), socket.broadcast.emit("four"), nsp.to("y").emit("five"));
    await t.fence(a, b);
    await a.do(server.note("end"));
    await t.seen();
  },
  "outgoing-hears-no-acks": async (t) => {
    const [a] = await t.clients("a");
    a.answers.question = [1];
    await a.do(socket.onAnyOutgoing("out"));
    await a.ask("ack", 1);
    await a.do(socket.emitWithAck("question", 2));
    await a.do(server.note("end"));
    await t.seen();
  },
  "outgoing-with-bytes": async (t) => {
    const [a] = await t.clients("a");
    await a.do(socket.onAnyOutgoing("out"), socket.emit("one", Buffer.from([1, 2]), [Buffer.from([3])]), nsp.emit("two", Buffer.from([4])));
    await t.fence(a);
    await a.do(server.note("end"));
    await t.seen();
  },
  "outgoing-off": async (t) => {
    const [a] = await t.clients("a");
    await a.do(socket.onAnyOutgoing("out"), socket.offAnyOutgoing(), socket.emit("one", 1));
    await t.fence(a);
    await a.do(server.note("end"));
    await t.seen();
  },
  // The connection below.
  "protocol": async (t) => {
    const [a] = await t.clients("a");
    t.note("protocol", await a.do(socket.protocol()));
  },
  "upgrade-event": {
    on: ["upgrade"],
    run: async (t) => {
      await t.open(t.nsp, { connect: [socket.onUpgrade("up")] });
      const [a] = await t.clients("a");
      await t.fence(a);
      await t.eventually("the upgrade to be told", async () => (await t.log()).some(({ what }) => what === "upgrade"));
      t.note("told", (await t.log()).filter(({ what }) => what === "upgrade").map(({ tag, transport }) => [tag, transport]));
      t.note("transport", await a.do(socket.transport()));
    },
  },
  "connection-closed-by-server": async (t) => {
    const [a, b] = await t.clients("a", "b");
    const { id } = a;
    a.start(socket.closeConn());
    await a.until("(disconnect)");
    await t.seen([id]);
    t.note("alive", await b.ask("ack", 1));
  },
};
