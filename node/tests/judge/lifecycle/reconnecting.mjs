// Coming back: by itself after a cut, never by itself after a goodbye.

import { assert, connect, once, roomName, test } from "../support.mjs";
import { parting, watch } from "./watching.mjs";

const RECONNECTING = { reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 50 };

export const reconnecting = async ({ url, mode }) => {
  const watcher = await watch(url, mode);
  const room = roomName("reconnecting");

  await test("after a cut the client comes back by itself as a new socket, in no room", async () => {
    const client = await connect({ url, mode, ...RECONNECTING });
    const { id } = client;
    await client.ask("join", room);
    const back = once(client.socket, "connect");
    await client.cut();
    await back;
    assert.notEqual(client.id, id);
    assert.ok(!client.socket.recovered);
    assert.deepEqual(await client.ask("rooms"), [[client.id]]);
    await parting(watcher, id);
    assert.deepEqual(await watcher.ask("fetch-sockets", room), [[]]);
    client.close();
  });

  await test("after a cut every namespace comes back, with its auth", async () => {
    const main = await connect({ url, mode, ...RECONNECTING });
    const guarded = await main.sibling("/auth", { auth: { token: "secret" } }).connected();
    const back = Promise.all([once(main.socket, "connect"), once(guarded.socket, "connect")]);
    await main.cut();
    await back;
    assert.deepEqual(await main.ask("echo", 1), [1]);
    assert.deepEqual(await guarded.ask("echo", 2), [2]);
    main.close();
  });

  await test("what is emitted while away arrives after the return, in order", async () => {
    const client = await connect({ url, mode, ...RECONNECTING });
    const back = once(client.socket, "connect");
    const away = once(client.socket, "disconnect");
    await client.cut();
    await away;
    client.take();
    const notes = Array.from({ length: 20 }, (_, n) => ["note", n]);
    for (const [, n] of notes) client.socket.emit("to-sender", n);
    await back;
    await client.ask("echo", "behind");
    assert.deepEqual(client.take(), notes);
    client.close();
  });

  await test("a client can be cut ten times in a row", async () => {
    const client = await connect({ url, mode, ...RECONNECTING });
    const ids = new Set([client.id]);
    for (let n = 0; n < 10; n++) {
      const back = once(client.socket, "connect");
      await client.cut();
      await back;
      // A cut in the middle of an upgrade is only noticed by the heartbeat: the official client has stopped polling.
      await client.settled(mode);
      ids.add(client.id);
      assert.deepEqual(await client.ask("echo", n), [n]);
    }
    assert.equal(ids.size, 11);
    client.close();
  });

  await test("after disconnect(true) by the server the client stays away until it is told to connect", async () => {
    const client = await connect({ url, mode, ...RECONNECTING });
    const { id } = client;
    client.socket.emit("disconnect-me", true);
    assert.equal(await client.ended(), "io server disconnect");
    assert.equal(client.socket.active, false);
    client.socket.connect();
    await client.connected();
    assert.notEqual(client.id, id);
    assert.deepEqual(await client.ask("echo", "back"), ["back"]);
    client.close();
  });

  await test("after its own disconnect a client may connect again, and what it emitted meanwhile arrives", async () => {
    const client = await connect({ url, mode });
    const { id } = client;
    client.socket.disconnect();
    client.take();
    client.socket.emit("to-sender", "meanwhile");
    assert.equal(client.socket.connected, false);
    client.socket.connect();
    await client.connected();
    await client.ask("echo", "behind");
    assert.notEqual(client.id, id);
    assert.deepEqual(client.take(), [["note", "meanwhile"]]);
    client.close();
  });

  watcher.close();
};
