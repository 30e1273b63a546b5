// Going: the reason that each side is told, and what is left behind.

import { assert, connect, fence, roomName, test } from "../support.mjs";
import { RawPolling } from "../raw.mjs";
import { expectedParting, parting, watch } from "./watching.mjs";

export const ending = async ({ url, mode, target }) => {
  const polls = mode === "polling";
  const watcher = await watch(url, mode);
  const customWatcher = await watch(url, mode, "/custom");
  const room = roomName("ending");

  // A client in `room` of "/", with a sibling in "/custom".
  const couple = async () => {
    const main = await connect({ url, mode });
    await main.ask("join", room);
    const custom = await main.sibling("/custom").connected();
    return { main, custom, id: main.id, customId: custom.id };
  };

  await test("client.disconnect() is told to the server, which still sees the rooms", async () => {
    const { main, custom, id } = await couple();
    main.socket.disconnect();
    assert.equal(await main.ended(), "io client disconnect");
    assert.deepEqual(await parting(watcher, id), expectedParting("client namespace disconnect", id, [room]));
    assert.deepEqual(await custom.ask("echo", "alive"), ["alive"]);
    custom.close();
  });

  await test("client.disconnect() in the only namespace ends the connection and is told as such", async () => {
    const main = await connect({ url, mode });
    const { id } = main;
    main.socket.disconnect();
    assert.deepEqual(await parting(watcher, id), expectedParting("client namespace disconnect", id));
  });

  await test("socket.disconnect() on the server ends the namespace and not the connection", async () => {
    const { main, custom, id } = await couple();
    main.socket.emit("disconnect-me", false);
    assert.equal(await main.ended(), "io server disconnect");
    assert.equal(main.socket.active, false);
    assert.deepEqual(await parting(watcher, id), expectedParting("server namespace disconnect", id, [room]));
    assert.deepEqual(await custom.ask("echo", "alive"), ["alive"]);
    // The client may come back on the same connection, as somebody new.
    main.socket.connect();
    await main.connected();
    assert.notEqual(main.id, id);
    assert.deepEqual((await main.ask("rooms"))[0], [main.id]);
    custom.close();
  });

  await test("socket.disconnect(true) on the server ends every namespace and the connection", async () => {
    const { main, custom, id, customId } = await couple();
    const { engine } = main;
    const closed = new Promise((resolve) => engine.once("close", resolve));
    main.socket.emit("disconnect-me", true);
    assert.equal(await main.ended(), "io server disconnect");
    assert.equal(await custom.ended(), "io server disconnect");
    assert.deepEqual(await parting(watcher, id), expectedParting("server namespace disconnect", id, [room]));
    assert.deepEqual(await parting(customWatcher, customId), expectedParting("server namespace disconnect", customId));
    await closed;
  });

  await test("the client closing its engine ends every namespace with a transport close", async () => {
    const { main, custom, id, customId } = await couple();
    main.engine.close();
    assert.equal(await main.ended(), "forced close");
    assert.equal(await custom.ended(), "forced close");
    assert.deepEqual(await parting(watcher, id), expectedParting("transport close", id, [room]));
    assert.deepEqual(await parting(customWatcher, customId), expectedParting("transport close", customId));
  });

  await test("a cut connection ends every namespace", async () => {
    const { main, custom, id, customId } = await couple();
    await main.cut();
    const reason = polls ? "transport error" : "transport close";
    assert.equal(await main.ended(), reason);
    assert.equal(await custom.ended(), reason);
    assert.deepEqual(await parting(watcher, id), expectedParting(reason, id, [room]));
    assert.deepEqual(await parting(customWatcher, customId), expectedParting(reason, customId));
  });

  await test("what the server does with a socket after its end reaches nobody and leaves nothing behind", async () => {
    const { main, custom, id } = await couple();
    main.take();
    main.socket.emit("disconnect-then-emit");
    assert.equal(await main.ended(), "io server disconnect");
    await parting(watcher, id);
    // Behind whatever was written for the socket that ended, on the same connection.
    await fence(watcher, [custom, watcher]);
    assert.deepEqual(main.take(), []);
    assert.deepEqual(await watcher.ask("fetch-sockets", "ghosts"), [[]]);
    custom.close();
  });

  await test("the emits before a disconnect arrive before it", async () => {
    const { main, custom } = await couple();
    main.take();
    for (let n = 0; n < 50; n++) main.socket.emit("to-sender", n, Buffer.from([n]));
    main.socket.emit("disconnect-me", true);
    await main.ended();
    assert.deepEqual(main.take(), Array.from({ length: 50 }, (_, n) => ["note", n, Buffer.from([n])]));
    custom.close();
  });

  await test("the events before the client's disconnect are all handled", async () => {
    const { main, custom, id } = await couple();
    watcher.take();
    for (let n = 0; n < 50; n++) main.socket.emit("to-id", watcher.id, n);
    main.socket.disconnect();
    await parting(watcher, id);
    const notes = watcher.take().filter(([event]) => event === "note");
    // The official server handles a DISCONNECT two ticks before the events that were read together with it, and then
    // drops those: it gives a beginning of the series. Fanfare handles everything in the order of arrival.
    const handled = target === "official" ? notes.length : 50;
    assert.deepEqual(notes, Array.from({ length: handled }, (_, n) => ["note", n]));
    custom.close();
  });

  await test("a close packet on polling is a transport close", async () => {
    const raw = await RawPolling.open(url);
    await raw.post("40");
    const heard = await raw.until((packet) => packet.startsWith("40"));
    const { sid } = JSON.parse(heard.find((packet) => packet.startsWith("40")).slice(2));
    await raw.post("1");
    assert.deepEqual(await parting(watcher, sid), expectedParting("transport close", sid));
  });

  await test("sixty clients end at once, each in its own way, and no room keeps any of them", async () => {
    const crowd = roomName("crowd");
    const clients = await Promise.all(Array.from({ length: 60 }, () => connect({ url, mode })));
    await Promise.all(clients.map((client) => client.ask("join", crowd)));
    assert.equal((await watcher.ask("fetch-sockets", crowd))[0].length, 60);
    const ids = clients.map(({ id }) => id);
    const ways = [
      (client) => client.socket.disconnect(),
      (client) => client.engine.close(),
      (client) => client.cut(),
      (client) => client.socket.emit("disconnect-me", true),
    ];
    await Promise.all(clients.map((client, n) => ways[n % ways.length](client)));
    for (const id of ids) {
      const [disconnecting, disconnect, ...more] = await parting(watcher, id);
      assert.deepEqual(disconnecting.rooms, [id, crowd].sort());
      assert.deepEqual(disconnect.rooms, []);
      assert.equal(disconnect.reason, disconnecting.reason);
      assert.deepEqual(more, []);
    }
    assert.deepEqual(await watcher.ask("fetch-sockets", crowd), [[]]);
  });

  watcher.close();
  customWatcher.close();
};
