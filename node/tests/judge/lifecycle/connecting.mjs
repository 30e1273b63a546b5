// Coming in: identity, authentication, middleware, refusal, and several namespaces on one connection.

import { assert, connect, fence, once, roomName, start, test } from "../support.mjs";

// The error that refuses `client`.
const refusal = async (client) => {
  const error = await once(client.socket, "connect_error");
  return { message: error.message, data: error.data, connected: client.socket.connected, active: client.socket.active };
};

export const connecting = async ({ url, mode }) => {
  const on = (namespace, options = {}) => connect({ url, mode, namespace, ...options });

  await test("a socket has its own id: not the engine's, and another in each namespace", async () => {
    const main = await on("/");
    const custom = await main.sibling("/custom").connected();
    assert.match(main.id, /^[A-Za-z0-9_-]{20}$/);
    assert.match(custom.id, /^[A-Za-z0-9_-]{20}$/);
    assert.equal(new Set([main.id, custom.id, main.engine.id]).size, 3);
    assert.ok(!main.socket.recovered);
    main.close();
  });

  await test("the connection ends up on the transport that was asked for", async () => {
    const client = await on("/");
    assert.equal(client.engine.transport.name, mode === "polling" ? "polling" : "websocket");
    assert.deepEqual(await client.ask("echo", "after"), ["after"]);
    client.close();
  });

  await test("the server's first event arrives after CONNECT, with the socket's id", async () => {
    const client = await on("/");
    const [, id] = await client.heard(([event]) => event === "welcome");
    assert.equal(id, client.id);
    client.close();
  });

  await test("the handshake shows query, auth, headers and address to the server", async () => {
    const client = await on("/", {
      query: { room: "lobby", "ü &=": "ü &=" },
      auth: { token: "t", deep: { list: [1] } },
      extraHeaders: { "x-judge": "header", origin: "http://elsewhere.example" },
    });
    const [handshake] = await client.ask("handshake");
    assert.equal(handshake.query.room, "lobby");
    assert.equal(handshake.query["ü &="], "ü &=");
    assert.equal(handshake.query.EIO, "4");
    assert.equal(handshake.query.transport, mode === "websocket" ? "websocket" : "polling");
    assert.deepEqual(handshake.auth, { token: "t", deep: { list: [1] } });
    assert.equal(handshake.headers["x-judge"], "header");
    assert.match(handshake.url, /^\/socket\.io\/\?/);
    assert.equal(handshake.secure, /^(https|wss):/.test(url));
    assert.equal(handshake.xdomain, true);
    assert.match(handshake.address, /127\.0\.0\.1$|^::1$/);
    assert.ok(Math.abs(Date.now() - handshake.issued) < 60_000);
    assert.ok(Math.abs(Date.now() - Date.parse(handshake.time)) < 60_000);
    client.close();
  });

  await test("without auth, origin and header the handshake says so", async () => {
    const client = await on("/");
    const [handshake] = await client.ask("handshake");
    assert.deepEqual(handshake.auth, {});
    assert.deepEqual(handshake.headers, {});
    assert.equal(handshake.xdomain, false);
    client.close();
  });

  await test("each namespace has its own auth and the connection's query", async () => {
    const main = await on("/", { query: { shared: "yes" }, auth: { for: "main" } });
    const custom = await main.sibling("/custom", { auth: { for: "custom" } }).connected();
    assert.deepEqual((await main.ask("handshake"))[0].auth, { for: "main" });
    assert.deepEqual((await custom.ask("handshake"))[0].auth, { for: "custom" });
    assert.equal((await custom.ask("handshake"))[0].query.shared, "yes");
    main.close();
  });

  await test("the right token is admitted", async () => {
    const client = await on("/auth", { auth: { token: "secret" } });
    assert.deepEqual(await client.ask("echo", "in"), ["in"]);
    client.close();
  });

  await test("an auth function is asked for the token", async () => {
    const client = await on("/auth", { auth: (give) => give({ token: "secret" }) });
    assert.deepEqual(await client.ask("echo", "in"), ["in"]);
    client.close();
  });

  for (const auth of [undefined, {}, { token: "wrong" }, { token: 1 }]) {
    await test(`auth ${JSON.stringify(auth)} is refused with message and data`, async () => {
      const client = start({ url, mode, namespace: "/auth", auth });
      const expected = { message: "not authorized", data: { reason: "token" }, connected: false, active: false };
      assert.deepEqual(await refusal(client), expected);
      client.close();
    });
  }

  await test("who was refused may try again with the right token, on the same connection", async () => {
    const main = await on("/");
    const engineId = main.engine.id;
    const client = main.sibling("/auth", { auth: { token: "wrong" } });
    await refusal(client);
    client.socket.auth = { token: "secret" };
    client.socket.connect();
    await client.connected();
    assert.equal(client.engine.id, engineId);
    assert.deepEqual(await client.ask("echo", "in"), ["in"]);
    main.close();
  });

  await test("a refusal without data has no data", async () => {
    const client = start({ url, mode, namespace: "/joiner", auth: { reject: true } });
    assert.deepEqual(await refusal(client), { message: "rejected", data: undefined, connected: false, active: false });
    client.close();
  });

  await test("an unknown namespace is refused as invalid", async () => {
    const client = start({ url, mode, namespace: "/unknown" });
    const expected = { message: "Invalid namespace", data: undefined, connected: false, active: false };
    assert.deepEqual(await refusal(client), expected);
    client.close();
  });

  await test("a refused namespace does not disturb the others on the same connection", async () => {
    const main = await on("/");
    for (const [namespace, message] of [["/unknown", "Invalid namespace"], ["/auth", "not authorized"]]) {
      const refused = main.sibling(namespace);
      assert.equal((await refusal(refused)).message, message);
      assert.deepEqual(await main.ask("echo", "unharmed"), ["unharmed"]);
    }
    assert.equal(main.socket.connected, true);
    main.close();
  });

  await test("several namespaces share one connection and keep their events and acks apart", async () => {
    const main = await on("/");
    const siblings = [
      main,
      await main.sibling("/custom").connected(),
      await main.sibling("/auth", { auth: { token: "secret" } }).connected(),
      await main.sibling("/slow").connected(),
      await main.sibling("/joiner").connected(),
    ];
    for (const client of siblings) client.take();
    const bytes = Buffer.from([1, 2, 3]);
    await Promise.all(
      siblings.flatMap((client, n) => [
        client.ask("to-sender", n, bytes),
        client.ask("echo", n, bytes).then((answer) => assert.deepEqual(answer, [n, bytes])),
      ]),
    );
    siblings.forEach((client, n) => {
      assert.deepEqual(client.take().filter(([event]) => event === "note"), [["note", n, bytes]]);
      assert.equal(client.engine, main.engine);
    });
    main.close();
  });

  await test("leaving one namespace leaves the others alone", async () => {
    const main = await on("/");
    const custom = await main.sibling("/custom").connected();
    custom.socket.disconnect();
    assert.equal(await custom.ended(), "io client disconnect");
    assert.deepEqual(await main.ask("echo", "here"), ["here"]);
    custom.socket.connect();
    await custom.connected();
    assert.deepEqual(await custom.ask("echo", "back"), ["back"]);
    main.close();
  });

  await test("a middleware may join and emit, and the client hears it", async () => {
    const client = await on("/joiner");
    assert.deepEqual(await client.heard(([event]) => event === "from-middleware"), ["from-middleware", "hello"]);
    assert.deepEqual((await client.ask("rooms"))[0].sort(), [client.id, "early"].sort());
    client.take();
    await client.ask("in-room", "early", "member");
    assert.deepEqual(client.take(), [["note", "member"]]);
    client.close();
  });

  await test("who a middleware joined to a room and then rejected is not left behind in it", async () => {
    const member = await on("/joiner");
    const stranger = start({ url, mode, namespace: "/joiner", auth: { reject: true } });
    assert.equal((await refusal(stranger)).message, "rejected");
    // Members of earlier cases may still be on their way out.
    let found;
    do [found] = await member.ask("fetch-sockets", "early");
    while (found.length > 1);
    assert.deepEqual(found.map(({ id }) => id), [member.id]);
    stranger.close();
    member.close();
  });

  await test("who waits in a middleware is not reached by broadcasts", async () => {
    const speaker = await on("/slow");
    for (;;) {
      const begun = Date.now();
      const waiting = start({ url, mode, namespace: "/slow" });
      await once(waiting.socket.io, "open");
      await speaker.ask("everybody", "too early");
      // The middleware takes 200 ms from the arrival of CONNECT: within 150 ms of its sending it cannot be over.
      const early = Date.now() - begun < 150;
      await waiting.connected();
      await waiting.ask("to-sender", "in");
      const notes = waiting.take().filter(([event]) => event === "note");
      waiting.close();
      if (!early) continue; // the machine was busy; once more
      assert.deepEqual(notes, [["note", "in"]]);
      break;
    }
    speaker.close();
  });

  await test("what a client emits before it is admitted arrives afterwards, in order", async () => {
    const client = start({ url, mode, namespace: "/slow" });
    const notes = Array.from({ length: 20 }, (_, n) => ["note", n, Buffer.from([n])]);
    const acks = Promise.all(notes.map(([, ...args]) => client.ask("to-sender", ...args)));
    await client.connected();
    await acks;
    assert.deepEqual(client.take(), notes);
    client.close();
  });

  await test("a hundred clients come at once and all are served", async () => {
    const clients = await Promise.all(Array.from({ length: 100 }, () => on("/")));
    const room = roomName("crowd");
    await Promise.all(clients.map((client) => client.ask("join", room)));
    for (const client of clients) client.take();
    await clients[0].ask("in-room", room, "all");
    await fence(clients[0], clients);
    for (const client of clients) assert.deepEqual(client.take(), [["note", "all"]]);
    assert.equal(new Set(clients.map(({ id }) => id)).size, 100);
    for (const client of clients) client.close();
  });
};
