// The heartbeat as the client sees it, on a server whose heartbeats are short.

import { assert, once } from "../support.mjs";
import { expectedParting, parting } from "../lifecycle/watching.mjs";
import { chronicle, RETURNING } from "./stage.mjs";

export const heartbeat = (test) => {
  test("heartbeat: pings are told by the manager and the engine", async (stage) => {
    const client = await stage.connect();
    const { engine } = client;
    const story = [];
    client.socket.io.on("ping", () => story.push("manager ping"));
    for (const event of ["ping", "pong"]) engine.on(event, () => story.push(`engine ${event}`));
    while (story.length < 9) await once(engine, "pong");
    assert.deepEqual(story.slice(0, 9).filter((line) => line === "manager ping").length, 3);
    assert.deepEqual(await client.ask("echo", "alive"), ["alive"]);
  });

  test("heartbeat: a server that falls silent is left after the timeout, and found again", async (stage) => {
    const gate = await stage.gate();
    const client = await stage.connect({ url: gate.url, ...RETURNING });
    const story = chronicle(client, ["disconnect", "connect"]);
    const left = once(client.socket, "disconnect");
    gate.hold("down");
    assert.equal(await left, "ping timeout");
    gate.cut();
    const back = once(client.socket, "connect");
    gate.release();
    await back;
    assert.deepEqual(story, ["disconnect ping timeout", "connect"]);
    assert.deepEqual(await client.ask("echo", "back"), ["back"]);
  });

  test("heartbeat: a client whose pongs do not arrive is ended by the server, and comes back", async (stage) => {
    const gate = await stage.gate();
    const watcher = await stage.watch();
    const client = await stage.connect({ url: gate.url, ...RETURNING });
    const { id } = client;
    await client.ask("echo");
    const left = once(client.socket, "disconnect");
    gate.hold("up");
    assert.deepEqual(await parting(watcher, id), expectedParting("ping timeout", id));
    assert.match(await left, /^(transport close|transport error|ping timeout)$/);
    gate.cut();
    const back = once(client.socket, "connect");
    gate.release();
    await back;
    assert.notEqual(client.id, id);
    assert.deepEqual(await client.ask("echo", "back"), ["back"]);
  });

  test("heartbeat: a client that only talks and one that only listens both live on", async (stage) => {
    const [talker, listener] = await Promise.all([stage.connect(), stage.connect()]);
    let pings = 0;
    listener.socket.io.on("ping", () => pings++);
    for (let n = 0; pings < 4; n++) await talker.ask("to-id", listener.id, n);
    assert.deepEqual([talker.reasons, listener.reasons], [[], []]);
    const notes = listener.take();
    assert.deepEqual(notes, notes.map((_, n) => ["note", n]));
  });
};
