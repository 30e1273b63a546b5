// Acknowledgements as the client's options know them: time limits, retries, and what becomes of them when the
// connection is lost.

import { assert, once, within } from "../support.mjs";
import { RETURNING, timersBelow } from "./stage.mjs";

const TIMED_OUT = "operation has timed out";
const DISCONNECTED = "socket has been disconnected";
// Long enough for a busy machine, where an answer is expected.
const PATIENT_MS = 60_000;

const failure = (promise) => promise.then(() => assert.fail("it was acknowledged"), (error) => error.message);

export const acknowledgements = (test, { mode }) => {
  test("a callback gets every argument of the ack, and is called once", async (stage) => {
    const { socket } = await stage.connect();
    let calls = 0;
    const answer = await new Promise((resolve) => socket.emit("ack-me", 1, null, "", [], (...args) => resolve([++calls, ...args])));
    assert.deepEqual(answer, [1, "acked", 1, null, "", []]);
    await socket.emitWithAck("echo");
    assert.equal(calls, 1);
  });

  test("emitWithAck gives the first argument of the ack, also when it is false", async (stage) => {
    const { socket } = await stage.connect();
    for (const value of [0, false, null, "", [], { deep: [Buffer.from("bytes")] }]) {
      assert.deepEqual(await socket.emitWithAck("echo", value, "second"), value);
    }
    assert.equal(await socket.emitWithAck("echo"), undefined);
  });

  test("emitWithAck before the connection waits for it", async (stage) => {
    const client = stage.start({ autoConnect: false });
    const answer = client.socket.emitWithAck("echo", "patient");
    client.socket.connect();
    assert.equal(await answer, "patient");
  });

  test("timeout() lets an answer in time through, with null in front", async (stage) => {
    const { socket } = await stage.connect();
    const args = await new Promise((resolve) => socket.timeout(PATIENT_MS).emit("ack-me", 7, (...args) => resolve(args)));
    assert.deepEqual(args, [null, "acked", 7]);
    assert.equal(await socket.timeout(PATIENT_MS).emitWithAck("echo", 8), 8);
  });

  test("timeout() fails what nobody answers, and only that", async (stage) => {
    const { socket } = await stage.connect();
    assert.equal(await failure(socket.timeout(10).emitWithAck("no such event")), TIMED_OUT);
    assert.equal(await socket.emitWithAck("echo", "after"), "after");
  });

  test("an ack that comes after its timeout is ignored", async (stage) => {
    const gate = await stage.gate();
    const { socket } = await stage.connect({ url: gate.url });
    await socket.emitWithAck("echo");
    gate.hold("down");
    let calls = 0;
    await new Promise((resolve) => socket.timeout(30).emit("echo", "late", (error) => resolve([++calls, error.message])));
    gate.release();
    assert.equal(await socket.emitWithAck("echo", "behind"), "behind");
    assert.equal(calls, 1);
  });

  test("what timed out before it could be sent is never sent", async (stage) => {
    const client = stage.start({ autoConnect: false });
    assert.equal(await failure(client.socket.timeout(10).emitWithAck("to-sender", "never")), TIMED_OUT);
    assert.equal(client.socket.sendBuffer.length, 0);
    client.socket.connect();
    await client.connected();
    await client.ask("echo", "behind");
    assert.deepEqual(client.take(), []);
  });

  test("ackTimeout is the limit of every emit, and timeout() overrides it", async (stage) => {
    const client = stage.keep((await stage.connect()).sibling("/custom", { ackTimeout: 30 }));
    await client.connected();
    assert.equal(await failure(client.socket.emitWithAck("no such event")), TIMED_OUT);
    assert.equal(await client.socket.timeout(PATIENT_MS).emitWithAck("echo", "in time"), "in time");
  });

  for (const [how, leave, options] of [
    ["the client leaves", (client) => client.socket.disconnect(), {}],
    ["the server ends the socket", (client) => client.socket.emit("disconnect-me", false), {}],
    ["the connection breaks", (client, gate) => gate.shut(), {}],
    ["the connection breaks, with reconnection", (client) => client.engine.close(), RETURNING],
  ]) {
    test(`open acks fail when ${how}`, async (stage) => {
      const gate = await stage.gate();
      const client = await stage.connect({ url: gate.url, ...options });
      const { socket } = client;
      let called = false;
      socket.emit("no such event", () => (called = true));
      const promise = failure(socket.emitWithAck("no such event"));
      const limited = failure(socket.timeout(PATIENT_MS).emitWithAck("no such event"));
      await client.ask("echo", "they are on their way");
      leave(client, gate);
      assert.deepEqual(await Promise.all([promise, limited]), [DISCONNECTED, DISCONNECTED]);
      assert.equal(called, false, "a callback without an error argument is forgotten");
    });
  }

  test("acks of what waits for the connection survive its loss", async (stage) => {
    const gate = await stage.gate();
    const client = await stage.connect({ url: gate.url, ...RETURNING });
    const left = once(client.socket, "disconnect");
    gate.shut();
    await left;
    const answer = client.socket.emitWithAck("echo", "kept");
    await once(client.socket.io, "reconnect_error");
    gate.reopen();
    assert.equal(await answer, "kept");
  });

  test("an ack that is lost with the connection does not turn up in the next one", async (stage) => {
    const gate = await stage.gate();
    const receiver = await stage.connect();
    const client = await stage.connect({ url: gate.url, ...RETURNING });
    gate.hold("down");
    const lost = failure(client.socket.emitWithAck("to-id", receiver.id, "handled"));
    await receiver.heard(([, text]) => text === "handled");
    gate.shut();
    assert.equal(await lost, DISCONNECTED);
    gate.release();
    const back = once(client.socket, "connect");
    gate.reopen();
    await back;
    assert.equal(await client.socket.emitWithAck("echo", "new"), "new");
  });

  // --------------------------------------------------------------------------------------------------------- retries

  test("with retries, emits are sent one at a time, each when the one before it is acknowledged", async (stage) => {
    const client = stage.keep((await stage.connect()).sibling("/custom", { retries: 3, ackTimeout: PATIENT_MS }));
    await client.connected();
    const story = [];
    client.socket.onAnyOutgoing((event, n) => story.push(`sent ${n}`));
    const acks = Array.from({ length: 5 }, (_, n) =>
      new Promise((resolve) => client.socket.emit("echo", n, (error, answer) => resolve(story.push(`acked ${answer}`)))),
    );
    await Promise.all(acks);
    assert.deepEqual(story, Array.from({ length: 5 }, (_, n) => [`sent ${n}`, `acked ${n}`]).flat());
  });

  test("with retries, what is emitted while away is sent in order afterwards", async (stage) => {
    const client = stage.keep((await stage.connect()).sibling("/custom", { retries: 3, ackTimeout: PATIENT_MS }));
    for (let n = 0; n < 5; n++) client.socket.emit("to-sender", n);
    await client.socket.emitWithAck("echo", "behind");
    assert.deepEqual(client.take(), Array.from({ length: 5 }, (_, n) => ["note", n]));
  });

  test("with retries, an emit without an answer is sent again until there is one", async (stage) => {
    const gate = await stage.gate();
    const client = stage.keep((await stage.connect({ url: gate.url })).sibling("/custom", { retries: 60, ackTimeout: 700 }));
    await client.connected();
    let sent = 0;
    const again = new Promise((resolve) => client.socket.onAnyOutgoing(() => ++sent === 3 && resolve()));
    gate.hold("down");
    let answers = 0;
    const answered = new Promise((resolve) => client.socket.emit("to-sender", "at least once", (error) => resolve([error, ++answers])));
    await again;
    gate.release();
    assert.deepEqual(await answered, [null, 1]);
    // The same event came more than once: that is what retries mean.
    await within(PATIENT_MS, client.heard(() => client.received.filter(([event]) => event === "note").length >= 3), "three notes");
    assert.ok(client.take().every(([, text]) => text === "at least once"));
    assert.equal(answers, 1);
  });

  test("with retries, an emit that is never answered fails after the last of them, and the next one has its turn", async (stage) => {
    const client = stage.keep((await stage.connect()).sibling("/custom", { retries: 2, ackTimeout: 20 }));
    await client.connected();
    const sent = [];
    client.socket.onAnyOutgoing((event) => sent.push(event));
    const error = await new Promise((resolve) => client.socket.emit("no such event", resolve));
    assert.equal(error.message, TIMED_OUT);
    assert.deepEqual(sent, ["no such event", "no such event", "no such event"]);
    assert.equal(await client.socket.timeout(PATIENT_MS).emitWithAck("echo", "next"), "next");
  });

  test("with retries, an emit whose ack was lost with the connection is sent again by itself", async (stage) => {
    const gate = await stage.gate();
    const receiver = await stage.connect({ namespace: "/custom" });
    const main = await stage.connect({ url: gate.url, ...RETURNING });
    const client = stage.keep(main.sibling("/custom", { retries: 100, ackTimeout: PATIENT_MS }));
    await client.connected();
    gate.hold("down");
    const answered = new Promise((resolve) => client.socket.emit("to-id", receiver.id, "insisting", (...args) => resolve(args)));
    await receiver.heard(([, text]) => text === "insisting");
    const left = once(client.socket, "disconnect");
    gate.shut();
    await left;
    gate.release();
    gate.reopen();
    assert.deepEqual(await answered, [null]);
    await receiver.ask("echo", "behind");
    assert.ok(receiver.take().filter(([, text]) => text === "insisting").length >= 2);
  });

  test("volatile emits are not retried", async (stage) => {
    const client = stage.keep((await stage.connect()).sibling("/custom", { retries: 3, ackTimeout: PATIENT_MS, autoConnect: false }));
    client.socket.volatile.emit("to-sender", "may be lost");
    assert.equal(client.socket._queue.length, 0);
    await client.connected();
    assert.equal(await client.socket.emitWithAck("echo", "behind"), "behind");
  });

  // ------------------------------------------------------------------------------------------- the server's questions

  test("a client may answer later, in another order than it was asked", async (stage) => {
    const client = await stage.connect();
    client.socket.off("question");
    const acks = [];
    client.socket.on("question", (n, ack) => {
      acks[n] = ack;
      if (acks.filter(Boolean).length === 3) for (const n of [2, 0, 1]) acks[n](`answer ${n}`);
    });
    const order = [];
    await Promise.all([0, 1, 2].map(async (n) => order.push(...await client.ask("emit-with-ack", n))));
    assert.deepEqual(order, ["answer 2", "answer 0", "answer 1"]);
  });

  test("a client answers a question once, whatever it tries", async (stage) => {
    const client = await stage.connect();
    client.socket.off("question");
    client.socket.on("question", (ack) => {
      ack("first");
      ack("second");
    });
    assert.deepEqual(await client.ask("emit-with-ack"), ["first"]);
    assert.deepEqual(await client.ask("emit-with-ack"), ["first"]);
  });

  test("answers of every kind reach the server", async (stage) => {
    const client = await stage.connect();
    for (const answer of [[], [null], [0, "", false], [undefined], [{ deep: [Buffer.from("b"), 1] }, Buffer.alloc(0)], ["漢字 🎉"]]) {
      client.answers = () => answer;
      assert.deepEqual(await client.ask("emit-with-ack"), answer.map((value) => value ?? null));
    }
  });

  test("an answer to a question of an earlier connection disturbs nothing", async (stage) => {
    const client = await stage.connect(RETURNING);
    client.socket.off("question");
    const asked = new Promise((resolve) => client.socket.once("question", resolve));
    client.socket.emit("emit-with-ack");
    const ack = await asked;
    const back = once(client.socket, "connect");
    client.engine.close();
    await back;
    ack("too late");
    assert.deepEqual(await client.ask("echo", "alive"), ["alive"]);
  });

  test("two hundred questions at once are each answered with their own", async (stage) => {
    const client = await stage.connect();
    client.answers = (n) => [n, n % 2 ? Buffer.from([n]) : "text"];
    const answers = await Promise.all(Array.from({ length: 200 }, (_, n) => client.ask("emit-with-ack", n)));
    assert.deepEqual(answers, Array.from({ length: 200 }, (_, n) => [n, n % 2 ? Buffer.from([n]) : "text"]));
  });

  if (mode === "polling") {
    test("acks that are ready together come in one answer and in order", async (stage) => {
      const client = await stage.connect();
      const order = [];
      await Promise.all(Array.from({ length: 50 }, (_, n) => client.ask("echo", n).then(([n]) => order.push(n))));
      await timersBelow(0);
      assert.deepEqual(order, Array.from({ length: 50 }, (_, n) => n));
    });
  }
};
