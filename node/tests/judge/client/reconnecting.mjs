// Coming back: what the manager tells and in which order, how often it tries, and when it does not.

import { assert, once } from "../support.mjs";
import { parting } from "../lifecycle/watching.mjs";
import { chronicle, RETURNING, timersBelow } from "./stage.mjs";
import { response } from "./gate.mjs";

export const reconnecting = (test, { mode }) => {
  const LOST = { polling: "transport error", websocket: "transport close", upgrade: "transport close" }[mode];
  const FAILURE = mode === "websocket" ? "websocket error" : "xhr poll error";

  // A client whose server has just gone away, and who has noticed; its story begins behind that.
  const abandoned = async (stage, options = {}) => {
    const gate = await stage.gate();
    const client = await stage.connect({ url: gate.url, ...RETURNING, ...options });
    const story = chronicle(client);
    const left = once(client.socket, "disconnect");
    gate.shut();
    await left;
    const loss = story.splice(0);
    return { gate, client, story, loss };
  };

  test("a lost connection is told to the socket and the manager, in polling as an error", async (stage) => {
    const { loss } = await abandoned(stage);
    const error = mode === "polling" ? ["manager error xhr poll error"] : [];
    assert.deepEqual(loss, [...error, `disconnect ${LOST}`, `manager close ${LOST}`]);
  });

  test("the events of a return come in order", async (stage) => {
    const gate = await stage.gate();
    const client = await stage.connect({ url: gate.url, ...RETURNING });
    const story = chronicle(client);
    const back = once(client.socket, "connect");
    client.engine.close();
    await back;
    assert.deepEqual(story, [
      "disconnect forced close",
      "manager close forced close",
      "manager reconnect_attempt 1",
      "manager open",
      "manager reconnect 1",
      "connect",
    ]);
  });

  test("a server that comes back is found, after as many attempts as it took", async (stage) => {
    const { gate, client, story } = await abandoned(stage);
    while (story.filter((line) => line.startsWith("manager reconnect_error")).length < 3) await timersBelow(5);
    const back = once(client.socket, "connect");
    gate.reopen();
    await back;
    const attempts = story.filter((line) => line.startsWith("manager reconnect_attempt"));
    assert.ok(attempts.length >= 4);
    assert.deepEqual(attempts, attempts.map((_, n) => `manager reconnect_attempt ${n + 1}`));
    assert.equal(story.at(-2), `manager reconnect ${attempts.length}`);
    assert.deepEqual(await client.ask("rooms"), [[client.id]]);
  });

  test("a failed attempt is told to the socket, the manager, and as such", async (stage) => {
    const { client, story } = await abandoned(stage);
    await once(client.socket.io, "reconnect_error");
    assert.deepEqual(story, [
      "manager reconnect_attempt 1",
      `connect_error ${FAILURE}`,
      `manager error ${FAILURE}`,
      `manager reconnect_error ${FAILURE}`,
    ]);
  });

  test("after reconnectionAttempts the manager gives up", async (stage) => {
    const { client, story } = await abandoned(stage, { reconnectionAttempts: 3 });
    await once(client.socket.io, "reconnect_failed");
    // The last failure is told behind the surrender.
    await timersBelow(100);
    const count = (what) => story.filter((line) => line.startsWith(what)).length;
    assert.equal(count("manager reconnect_attempt"), 3);
    assert.equal(count("manager reconnect_error"), 3);
    assert.equal(count("connect_error"), 3);
    assert.equal(count("manager reconnect_failed"), 1);
    assert.equal(client.socket.active, true);
  });

  test("who gave up may be told to connect once more", async (stage) => {
    const { gate, client } = await abandoned(stage, { reconnectionAttempts: 1 });
    await once(client.socket.io, "reconnect_failed");
    gate.reopen();
    client.socket.connect();
    await client.settled(mode);
    assert.deepEqual(await client.ask("echo", "back"), ["back"]);
  });

  test("a first connection that fails is tried again as well", async (stage) => {
    const gate = await stage.gate();
    gate.shut();
    const client = stage.start({ url: gate.url, ...RETURNING });
    const story = chronicle(client);
    await once(client.socket.io, "reconnect_error");
    const connected = once(client.socket, "connect");
    gate.reopen();
    await connected;
    assert.deepEqual(story.slice(0, 3), [`connect_error ${FAILURE}`, `manager error ${FAILURE}`, "manager reconnect_attempt 1"]);
    assert.match(story.at(-2), /^manager reconnect \d+$/);
  });

  test("an error page does not keep a client from coming back", async (stage) => {
    const { gate, client } = await abandoned(stage);
    gate.rule = () => response(502);
    gate.reopen();
    assert.equal((await once(client.socket.io, "reconnect_error")).message, FAILURE);
    gate.rule = () => undefined;
    await client.settled(mode);
    assert.deepEqual(await client.ask("echo", "back"), ["back"]);
  });

  test("with reconnection off a lost connection stays lost, until connect()", async (stage) => {
    const { gate, client, story } = await abandoned(stage, { reconnection: false });
    gate.reopen();
    await timersBelow(200);
    assert.deepEqual(story, []);
    assert.equal(client.socket.active, true);
    client.socket.connect();
    await client.settled(mode);
    assert.deepEqual(story, ["manager open", "connect"]);
  });

  test("with reconnection off a first failure is the last", async (stage) => {
    const gate = await stage.gate();
    gate.shut();
    const client = stage.start({ url: gate.url });
    const story = chronicle(client);
    await once(client.socket, "connect_error");
    await timersBelow(200);
    assert.deepEqual(story, [`connect_error ${FAILURE}`, `manager error ${FAILURE}`]);
  });

  test("disconnect() while the manager waits for its next attempt ends the attempts", async (stage) => {
    const { gate, client, story } = await abandoned(stage);
    client.socket.disconnect();
    gate.reopen();
    await timersBelow(200);
    assert.equal(story.filter((line) => line.startsWith("manager reconnect")).length, 0);
    assert.equal(gate.handshakes.length, 1);
    assert.equal(client.socket.active, false);
  });

  test("disconnect() from inside an attempt ends it", async (stage) => {
    const { gate, client, story } = await abandoned(stage);
    client.socket.io.once("reconnect_attempt", () => client.socket.disconnect());
    gate.reopen();
    await once(client.socket.io, "reconnect_attempt");
    await timersBelow(200);
    assert.equal(story.filter((line) => line.startsWith("manager reconnect_attempt")).length, 1);
    assert.equal(story.includes("connect"), false);
  });

  test("turning reconnection off ends the attempts", async (stage) => {
    const { gate, client } = await abandoned(stage);
    client.socket.io.reconnection(false);
    gate.reopen();
    await timersBelow(200);
    assert.equal(client.socket.connected, false);
  });

  test("nobody comes back from io client disconnect", async (stage) => {
    const client = await stage.connect(RETURNING);
    const story = chronicle(client);
    client.socket.disconnect();
    await timersBelow(200);
    assert.deepEqual(story, ["manager close forced close", "disconnect io client disconnect"]);
  });

  test("nobody comes back from io server disconnect, unless the program says so", async (stage) => {
    const client = await stage.connect(RETURNING);
    const story = chronicle(client, ["reconnect_attempt", "connect", "disconnect"]);
    client.socket.emit("disconnect-me", false);
    assert.equal(await client.ended(), "io server disconnect");
    await timersBelow(200);
    assert.deepEqual(story, ["disconnect io server disconnect"]);
    client.socket.connect();
    await client.settled(mode);
    assert.deepEqual(story.slice(1), ["connect"]);
  });

  test("connect() in the handler of a disconnection by the server brings the client back", async (stage) => {
    const client = await stage.connect(RETURNING);
    client.socket.on("disconnect", (reason) => reason === "io server disconnect" && client.socket.connect());
    for (const close of [false, true, true]) {
      const { id } = client;
      const back = once(client.socket, "connect");
      client.socket.emit("disconnect-me", close);
      await back;
      assert.notEqual(client.id, id);
      assert.deepEqual(await client.ask("rooms"), [[client.id]]);
    }
  });

  test("the delays grow from the first to the largest", async (stage) => {
    const { client } = await abandoned(stage, { reconnectionDelay: 20, reconnectionDelayMax: 50, randomizationFactor: 0 });
    // From the failure of an attempt to the next one; timers may be late and are never early (by more than rounding).
    const delays = [];
    let failed;
    client.socket.io.on("error", () => (failed = performance.now()));
    await new Promise((resolve) =>
      client.socket.io.on("reconnect_attempt", (n) => {
        if (n > 1) delays.push(performance.now() - failed);
        if (n === 5) resolve();
      }),
    );
    for (const [n, least] of [40, 50, 50, 50].entries()) assert.ok(delays[n] >= least - 2, `${delays}`);
  });

  test("the manager's options can be read and changed", async (stage) => {
    const { socket } = stage.start({ autoConnect: false, ...RETURNING, reconnectionAttempts: 7, randomizationFactor: 0.2, timeout: 9_000 });
    const names = ["reconnection", "reconnectionAttempts", "reconnectionDelay", "reconnectionDelayMax", "randomizationFactor", "timeout"];
    assert.deepEqual(names.map((name) => socket.io[name]()), [true, 7, 10, 30, 0.2, 9_000]);
    for (const name of names.slice(1)) assert.equal(socket.io[name](0.5), socket.io);
    assert.deepEqual(names.slice(1).map((name) => socket.io[name]()), [0.5, 0.5, 0.5, 0.5, 0.5]);
  });

  test("a connection that breaks ten times comes back ten times, as ten different sockets", async (stage) => {
    const gate = await stage.gate();
    const watcher = await stage.watch();
    const client = await stage.connect({ url: gate.url, ...RETURNING });
    const ids = [client.id];
    for (let n = 0; n < 10; n++) {
      const back = once(client.socket, "connect");
      client.engine.close();
      await back;
      ids.push(client.id);
      assert.deepEqual(await client.ask("echo", n), [n]);
    }
    assert.equal(new Set(ids).size, 11);
    for (const id of ids.slice(0, -1)) await parting(watcher, id);
  });

  test("twenty clients come back together", async (stage) => {
    const gate = await stage.gate();
    const clients = await Promise.all(Array.from({ length: 20 }, () => stage.connect({ url: gate.url, ...RETURNING })));
    const left = clients.map(({ socket }) => once(socket, "disconnect"));
    gate.shut();
    await Promise.all(left);
    const back = clients.map(({ socket }) => once(socket, "connect"));
    gate.reopen();
    await Promise.all(back);
    for (const [n, client] of clients.entries()) assert.deepEqual(await client.ask("echo", n), [n]);
  });
};
