// Going: what each way of ending tells the client, down to the details, and what the server is told.

import { assert, once } from "../support.mjs";
import { expectedParting, parting } from "../lifecycle/watching.mjs";
import { chronicle } from "./stage.mjs";

export const ending = (test, { mode }) => {
  const polls = mode === "polling";

  // How the client's socket ends: [reason, details].
  const parted = (client) => new Promise((resolve) => client.socket.once("disconnect", (...args) => resolve(args)));

  test("the client's own disconnect() has a reason and no details", async (stage) => {
    const client = await stage.connect();
    const story = chronicle(client);
    const end = parted(client);
    assert.equal(client.socket.disconnect(), client.socket);
    assert.deepEqual(await end, ["io client disconnect", undefined]);
    assert.deepEqual(story, ["manager close forced close", "disconnect io client disconnect"]);
    client.socket.disconnect();
    assert.deepEqual(client.reasons, ["io client disconnect"], "once is enough");
  });

  for (const close of [false, true]) {
    test(`disconnect(${close}) by the server has a reason and no details, and closes the engine of the only namespace`, async (stage) => {
      const watcher = await stage.watch();
      const client = await stage.connect();
      const { id, engine } = client;
      const end = parted(client);
      const closed = once(engine, "close");
      client.socket.emit("disconnect-me", close);
      assert.deepEqual(await end, ["io server disconnect", undefined]);
      await closed;
      assert.deepEqual(await parting(watcher, id), expectedParting("server namespace disconnect", id));
    });
  }

  test("a line that is cut is told with its details", async (stage) => {
    const gate = await stage.gate();
    const client = await stage.connect({ url: gate.url });
    const end = parted(client);
    gate.shut();
    const [reason, details] = await end;
    if (polls) {
      assert.equal(reason, "transport error");
      assert.deepEqual([details.message, details.type, details.description], ["xhr poll error", "TransportError", 0]);
    } else {
      assert.equal(reason, "transport close");
      assert.deepEqual([details.description, details.context.code, details.context.wasClean], ["websocket connection closed", 1006, false]);
    }
  });

  test("the engine closed by hand is a forced close here and a transport close there", async (stage) => {
    const watcher = await stage.watch();
    const client = await stage.connect();
    const { id } = client;
    const end = parted(client);
    client.engine.close();
    assert.deepEqual(await end, ["forced close", undefined]);
    assert.deepEqual(await parting(watcher, id), expectedParting("transport close", id));
  });

  if (polls) {
    test("a session that the server no longer knows is a transport error that says so", async (stage) => {
      const client = await stage.connect();
      // A broken client, or a balancer that mixes sessions up: somebody else says goodbye in its name.
      const url = `${stage.url}/socket.io/?EIO=4&transport=polling&sid=${client.engine.id}`;
      const end = new Promise((resolve) => {
        client.socket.once("disconnect", (reason, { message, description, context }) =>
          resolve([reason, message ?? description, message && description, context?.responseText]));
      });
      assert.equal((await fetch(url, { method: "POST", body: "1" })).status, 200);
      const [reason, what, status, body] = await end;
      // By the answer to its pending poll, or by the answer to the next one.
      if (reason === "transport close") return assert.equal(what, "transport closed by the server");
      assert.deepEqual([reason, what, status], ["transport error", "xhr poll error", 400]);
      assert.deepEqual(JSON.parse(body), { code: 1, message: "Session ID unknown" });
    });
  }

  test("what is emitted before disconnect() in the same breath is handed to the transport before it closes", async (stage) => {
    const watcher = await stage.watch();
    const client = await stage.connect();
    const other = stage.keep(client.sibling("/custom"));
    await other.connected();
    // The other namespace keeps the connection: see lifecycle/ending for what servers make of the last events.
    const { id } = client;
    for (let n = 0; n < 20; n++) other.socket.emit("to-sender", n);
    client.socket.disconnect();
    for (let n = 20; n < 40; n++) other.socket.emit("to-sender", n);
    await parting(watcher, id);
    await other.ask("echo", "behind");
    assert.deepEqual(other.take(), Array.from({ length: 40 }, (_, n) => ["note", n]));
  });

  test("a large emit before disconnect(true) by the server arrives whole", async (stage) => {
    const client = await stage.connect();
    await client.ask("data-set", "x".repeat(900_000));
    const answer = client.ask("data-get");
    const end = parted(client);
    client.socket.emit("disconnect-me", true);
    assert.equal((await answer)[0].length, 900_000);
    assert.deepEqual(await end, ["io server disconnect", undefined]);
  });

  test("an end in the middle of emits in both directions leaves the server in order", async (stage) => {
    const watcher = await stage.watch();
    const clients = await Promise.all(Array.from({ length: 10 }, () => stage.connect()));
    const ids = clients.map(({ id }) => id);
    for (const client of clients) {
      for (let n = 0; n < 50; n++) client.socket.emit("to-sender", n, Buffer.alloc(100, n));
    }
    await Promise.all(clients.map((client) => client.heard(([event, n]) => event === "note" && n === 10)));
    for (const client of clients) client.engine.close();
    for (const id of ids) assert.deepEqual(await parting(watcher, id), expectedParting("transport close", id));
    assert.deepEqual(await watcher.ask("echo", "alive"), ["alive"]);
  });

  if (mode === "upgrade") {
    for (const step of ["upgrading", "upgrade"]) {
      test(`disconnect() on "${step}" ends the socket on both sides`, async (stage) => {
        const watcher = await stage.watch();
        const client = stage.start();
        const left = new Promise((resolve) => {
          client.engine.once(step, () => {
            const { id } = client;
            client.socket.disconnect();
            resolve(id);
          });
        });
        const id = await left;
        // The engine may be quicker than the namespace: then there is nobody to take leave of.
        if (id) assert.match((await parting(watcher, id))[0].reason, /^(client namespace disconnect|transport close)$/);
        assert.equal(client.socket.active, false);
      });
    }
  }
};
