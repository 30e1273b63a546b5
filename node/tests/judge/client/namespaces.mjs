// Several namespaces over one connection: they share its fate and nothing else.

import { assert, once } from "../support.mjs";
import { expectedParting, parting } from "../lifecycle/watching.mjs";
import { chronicle, RETURNING, timersBelow } from "./stage.mjs";

const SECRET = { auth: { token: "secret" } };

export const namespaces = (test, { target }) => {
  // A client in "/" with siblings in four other namespaces, all connected.
  const family = async (stage, options = {}) => {
    const main = await stage.connect(options);
    const others = ["/custom", "/auth", "/slow", "/joiner"].map((name) => stage.keep(main.sibling(name, SECRET)));
    await Promise.all(others.map((client) => client.connected()));
    return [main, ...others];
  };

  test("five namespaces are one session", async (stage) => {
    const gate = await stage.gate();
    const clients = await family(stage, { url: gate.url });
    assert.equal(gate.handshakes.length, 1);
    assert.equal(new Set(clients.map(({ id }) => id)).size, 5);
    for (const [n, client] of clients.entries()) assert.deepEqual(await client.ask("echo", n), [n]);
  });

  test("a manager has one socket for a namespace, and connects it again when asked for it", async (stage) => {
    const main = await stage.connect();
    const custom = await stage.keep(main.sibling("/custom")).connected();
    assert.equal(main.socket.io.socket("/custom"), custom.socket);
    custom.socket.disconnect();
    assert.equal(custom.socket.active, false);
    await main.ask("echo", "behind");
    assert.equal(main.socket.io.socket("/custom"), custom.socket);
    await custom.connected();
    assert.deepEqual(await custom.ask("echo", "again"), ["again"]);
  });

  test("a namespace that is left and entered in one breath is entered (official: by a new connection)", async (stage) => {
    const main = await stage.connect(RETURNING);
    const custom = await stage.keep(main.sibling("/custom")).connected();
    const { id } = custom;
    const story = chronicle(main, ["disconnect"]);
    custom.socket.disconnect().connect();
    await custom.connected();
    assert.notEqual(custom.id, id);
    assert.deepEqual(await custom.ask("echo", "again"), ["again"]);
    await main.connected();
    assert.deepEqual(await main.ask("echo", "here"), ["here"]);
    if (target === "fanfare") assert.deepEqual(story, []);
  });

  test("equal ack ids in several namespaces are not mixed up", async (stage) => {
    const clients = await family(stage);
    const rounds = Array.from({ length: 10 }, (_, n) => n);
    const asked = clients.flatMap((client, who) => rounds.map((n) => client.ask("echo", who, n, Buffer.from([who, n]))));
    const expected = clients.flatMap((_, who) => rounds.map((n) => [who, n, Buffer.from([who, n])]));
    assert.deepEqual(await Promise.all(asked), expected);
  });

  test("the connection lives until the last namespace is left", async (stage) => {
    const clients = await family(stage);
    const [{ engine }] = clients;
    const closed = once(engine, "close");
    for (const client of clients) {
      assert.equal(engine.readyState, "open");
      client.socket.disconnect();
    }
    assert.equal(await closed, "forced close");
  });

  test("namespaces leave and come at the same time without disturbing each other", async (stage) => {
    const [main, custom, auth, slow] = await family(stage);
    custom.socket.disconnect();
    await auth.ask("echo", "between");
    slow.socket.disconnect();
    custom.socket.connect();
    await custom.connected();
    slow.socket.connect();
    await slow.connected();
    for (const client of [main, custom, auth, slow]) assert.deepEqual(await client.ask("rooms"), [[client.id]]);
  });

  test("when the connection comes back, so do the namespaces that were not left, and no others", async (stage) => {
    const [main, custom, auth, slow, joiner] = await family(stage, RETURNING);
    const ids = [main, auth, joiner].map(({ id }) => id);
    custom.socket.disconnect();
    slow.socket.emit("disconnect-me", false);
    assert.equal(await slow.ended(), "io server disconnect");
    const back = Promise.all([main, auth, joiner].map(({ socket }) => once(socket, "connect")));
    main.engine.close();
    await back;
    for (const client of [main, auth, joiner]) assert.ok(!ids.includes(client.id));
    await main.ask("echo", "behind");
    assert.deepEqual([custom.socket.connected, slow.socket.connected], [false, false]);
  });

  test("a namespace that was refused is not tried again when the connection comes back", async (stage) => {
    const main = await stage.connect(RETURNING);
    const refused = stage.keep(main.sibling("/auth"));
    const story = chronicle(refused, ["connect", "connect_error"]);
    await once(refused.socket, "connect_error");
    const back = once(main.socket, "connect");
    main.engine.close();
    await back;
    await main.ask("echo", "behind");
    assert.deepEqual(story, ["connect_error not authorized"]);
  });

  test("disconnect(true) in one namespace ends all of them for good", async (stage) => {
    const [main, ...others] = await family(stage, RETURNING);
    const story = chronicle(main, ["reconnect_attempt"]);
    others[0].socket.emit("disconnect-me", true);
    for (const client of [main, ...others]) assert.equal(await client.ended(), "io server disconnect");
    await timersBelow(200);
    assert.deepEqual(story, []);
    assert.ok([main, ...others].every(({ socket }) => !socket.active));
  });

  test("the manager's disconnect() ends every namespace, and the server sees the transport close", async (stage) => {
    const watcher = await stage.watch();
    const [main, custom] = await family(stage, RETURNING);
    const { id } = main;
    const story = chronicle(main, ["reconnect_attempt"]);
    main.socket.io.disconnect();
    assert.equal(await main.ended(), "forced close");
    assert.equal(await custom.ended(), "forced close");
    assert.deepEqual(await parting(watcher, id), expectedParting("transport close", id));
    await timersBelow(200);
    assert.deepEqual(story, []);
  });
};
