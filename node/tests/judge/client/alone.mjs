// What concerns every client of the process: played one after the other, with nobody else there.

import { assert, once } from "../support.mjs";
import { expectedParting, parting } from "../lifecycle/watching.mjs";
import { chronicle, RETURNING } from "./stage.mjs";

export const alone = (test, { mode }) => {
  if (mode === "upgrade") {
    test("rememberUpgrade begins with the WebSocket that the last connection ended with", async (stage) => {
      const gate = await stage.gate();
      await stage.connect({ url: gate.url });
      const forgetful = await stage.connect({ url: gate.url });
      assert.deepEqual(gate.handshakes.map(({ query }) => query.transport), ["polling", "polling"]);
      const mindful = stage.start({ url: gate.url, rememberUpgrade: true });
      await mindful.connected();
      assert.equal(gate.handshakes[2].query.transport, "websocket");
      for (const client of [forgetful, mindful]) assert.deepEqual(await client.ask("echo", "on"), ["on"]);
    });

    test("rememberUpgrade forgets a WebSocket that failed", async (stage) => {
      const gate = await stage.gate();
      await stage.connect({ url: gate.url });
      gate.rule = ({ query }) => (query.transport === "websocket" ? "destroy" : undefined);
      const client = stage.start({ url: gate.url, rememberUpgrade: true, ...RETURNING });
      await once(client.socket, "connect");
      assert.deepEqual(gate.handshakes.map(({ query }) => query.transport), ["polling", "websocket", "polling"]);
      assert.equal(client.engine.transport.name, "polling");
    });
  }

  test("closeOnBeforeunload closes without a word to the page, and the server sees a transport close", async (stage) => {
    const watcher = await stage.watch();
    const closing = await stage.connect({ closeOnBeforeunload: true });
    const staying = await stage.connect();
    const { id } = closing;
    const story = chronicle(closing);
    dispatchEvent(new Event("beforeunload"));
    assert.deepEqual(await parting(watcher, id), expectedParting("transport close", id));
    assert.deepEqual(story, []);
    closing.socket.emit("to-sender", "into the void");
    assert.deepEqual(await staying.ask("echo", "unharmed"), ["unharmed"]);
    assert.deepEqual(staying.reasons, []);
  });

  test("a page that goes offline loses its connections, and they come back", async (stage) => {
    const client = await stage.connect(RETURNING);
    const { id } = client;
    const end = new Promise((resolve) => client.socket.once("disconnect", (...args) => resolve(args)));
    const back = once(client.socket, "connect");
    // More than once: the client's library skips every second connection.
    while (client.reasons.length === 0) {
      dispatchEvent(new Event("offline"));
      await new Promise(setImmediate);
    }
    assert.deepEqual(await end, ["transport close", { description: "network connection lost" }]);
    await back;
    assert.notEqual(client.id, id);
    assert.deepEqual(await client.ask("echo", "online"), ["online"]);
  });
};

export const frozen = (test) => {
  test("heartbeat: a page that was frozen notices at its first emit, comes back, and the emit arrives", async (stage) => {
    const client = await stage.connect(RETURNING);
    const { pingInterval, pingTimeout } = { pingInterval: client.engine._pingInterval, pingTimeout: client.engine._pingTimeout };
    const story = chronicle(client, ["disconnect", "connect"]);
    const back = once(client.socket, "connect");
    await client.ask("echo");
    // The whole process sleeps, as a laptop does.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pingInterval + pingTimeout + 50);
    client.take();
    client.socket.emit("to-sender", "from the sleep");
    assert.equal(client.socket.sendBuffer.length, 1);
    await back;
    await client.ask("echo", "behind");
    assert.deepEqual(story, ["disconnect ping timeout", "connect"]);
    assert.deepEqual(client.take(), [["note", "from the sleep"]]);
  });
};
