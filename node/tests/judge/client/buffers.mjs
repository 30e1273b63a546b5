// What waits where: emits before and between connections, events before CONNECT is answered, and volatile emits, which
// do not wait.

import { assert, once, within } from "../support.mjs";
import { RETURNING } from "./stage.mjs";

export const buffers = (test, { mode }) => {
  test("emits before the connection wait in order and go out before the connect event", async (stage) => {
    const client = stage.start({ autoConnect: false });
    const { socket } = client;
    for (let n = 0; n < 10; n++) socket.emit("to-sender", n, Buffer.from([n]));
    assert.equal(socket.sendBuffer.length, 10);
    socket.on("connect", () => {
      assert.equal(socket.sendBuffer.length, 0);
      socket.emit("to-sender", "from the handler");
    });
    socket.connect();
    await client.connected();
    await client.ask("echo", "behind");
    const expected = Array.from({ length: 10 }, (_, n) => ["note", n, Buffer.from([n])]);
    assert.deepEqual(client.take(), [...expected, ["note", "from the handler"]]);
  });

  test("emits while away wait, and are sent to the new socket", async (stage) => {
    const gate = await stage.gate();
    const client = await stage.connect({ url: gate.url, ...RETURNING });
    const left = once(client.socket, "disconnect");
    gate.shut();
    await left;
    client.take();
    client.socket.emit("to-sender", 1);
    client.socket.emit("to-sender", 2, Buffer.from("two"));
    assert.equal(client.socket.sendBuffer.length, 2);
    const back = once(client.socket, "connect");
    gate.reopen();
    await back;
    await client.ask("echo", "behind");
    assert.deepEqual(client.take(), [["note", 1], ["note", 2, Buffer.from("two")]]);
  });

  test("a program may throw away what waits", async (stage) => {
    const client = await stage.connect();
    client.socket.disconnect();
    client.take();
    client.socket.emit("to-sender", "never");
    client.socket.sendBuffer = [];
    client.socket.connect();
    await client.connected();
    await client.ask("echo", "behind");
    assert.deepEqual(client.take(), []);
  });

  test("an emit waits for its namespace when the connection stands already", async (stage) => {
    const main = await stage.connect();
    const slow = stage.keep(main.sibling("/slow"));
    slow.socket.emit("to-sender", "early");
    assert.equal(slow.socket.sendBuffer.length, 1);
    assert.deepEqual(await main.ask("echo", "not held up"), ["not held up"]);
    await slow.connected();
    await slow.ask("echo", "behind");
    assert.deepEqual(slow.take(), [["note", "early"]]);
  });

  test("events that come before CONNECT are delivered before the connect event", async (stage) => {
    const client = stage.start({ namespace: "/joiner" });
    client.socket.on("connect", () => client.received.push(["(connect)"]));
    await client.connected();
    await client.heard(([event]) => event === "welcome");
    assert.deepEqual(client.received, [["from-middleware", "hello"], ["(connect)"], ["welcome", client.id]]);
    assert.deepEqual(client.socket.receiveBuffer, []);
  });

  test("what a server emits in its connection handler comes behind the connect event", async (stage) => {
    const client = stage.start();
    client.socket.on("connect", () => client.received.push(["(connect)"]));
    await client.heard(([event]) => event === "welcome");
    assert.deepEqual(client.received, [["(connect)"], ["welcome", client.id]]);
  });

  test("volatile emits before the connection are thrown away", async (stage) => {
    const client = stage.start({ autoConnect: false });
    client.socket.volatile.emit("to-sender", "never");
    assert.equal(client.socket.sendBuffer.length, 0);
    client.socket.emit("to-sender", "kept");
    client.socket.connect();
    await client.connected();
    await client.ask("echo", "behind");
    assert.deepEqual(client.take(), [["note", "kept"]]);
  });

  test("a volatile emit on an idle connection arrives, text, binary and with an ack", async (stage) => {
    const client = await stage.connect();
    // Until the transport has nothing under way: in polling, until the last POST is answered.
    const idle = async () => {
      while (!client.engine.transport.writable || client.engine.writeBuffer.length > 0) await new Promise(setImmediate);
    };
    await client.ask("echo");
    for (const value of ["text", { n: 1 }]) {
      await idle();
      client.socket.volatile.emit("to-sender", value);
      await within(60_000, client.heard(([event, arg]) => event === "note" && typeof arg === typeof value), "the volatile event");
    }
    await idle();
    const answer = await new Promise((resolve) => client.socket.volatile.emit("echo", "asked", resolve));
    assert.equal(answer, "asked");
  });

  test("a volatile emit behind another emit is thrown away, and its flag with it", async (stage) => {
    const client = await stage.connect();
    await client.ask("echo");
    client.socket.emit("to-sender", "first");
    client.socket.volatile.emit("to-sender", "never");
    client.socket.emit("to-sender", "second");
    await client.ask("echo", "behind");
    assert.deepEqual(client.take(), [["note", "first"], ["note", "second"]]);
  });

  test("five hundred emits in one go arrive in order, text and binary by turns", async (stage) => {
    const client = await stage.connect();
    const payload = (n) => (n % 5 === 0 ? { n, bytes: Buffer.from(String(n)) } : { n });
    for (let n = 0; n < 500; n++) client.socket.emit("to-sender", payload(n));
    await client.ask("echo", "behind");
    assert.deepEqual(client.take(), Array.from({ length: 500 }, (_, n) => ["note", payload(n)]));
  });

  test("the engine tells when everything is on its way", async (stage) => {
    const client = await stage.connect();
    const drained = once(client.engine, "drain");
    for (let n = 0; n < 20; n++) client.socket.emit("to-sender", n);
    assert.ok(client.engine.writeBuffer.length > 0);
    await drained;
    assert.equal(client.engine.writeBuffer.length, 0);
  });

  if (mode === "upgrade") {
    test("emits from before, during and after an upgrade arrive once and in order", async (stage) => {
      const client = stage.start();
      let n = 0;
      const emit = (count) => {
        for (let i = 0; i < count; i++) client.socket.emit("to-sender", n++);
      };
      emit(20);
      client.socket.on("connect", () => emit(20));
      client.engine.on("upgrading", () => emit(20));
      client.engine.on("upgrade", () => emit(20));
      await client.settled(mode);
      emit(20);
      await client.ask("echo", "behind");
      assert.deepEqual(client.take(), Array.from({ length: 100 }, (_, n) => ["note", n]));
    });
  }
};
