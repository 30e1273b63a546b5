// Coming in: by hand and by itself, through every way of naming the server, with auth of every kind, and being refused.

import { io, Manager } from "socket.io-client";
import { assert, Client, once, within } from "../support.mjs";
import { expectedParting, parting } from "../lifecycle/watching.mjs";
import { response } from "./gate.mjs";
import { chronicle, RETURNING } from "./stage.mjs";

// The error that keeps a client out.
const refusal = (client) => once(client.socket, "connect_error");
const POLLS_FIRST = ["polling", "upgrade"];

export const connecting = (test, { mode }) => {
  test("the manager opens and then the socket connects, each once", async (stage) => {
    const client = stage.start({ autoConnect: false });
    const story = chronicle(client);
    client.socket.connect();
    await client.settled(mode);
    await client.ask("echo");
    assert.deepEqual(story, ["manager open", "connect"]);
  });

  test("with autoConnect off nothing happens until connect() or open()", async (stage) => {
    const gate = await stage.gate();
    for (const [n, method] of [[0, "connect"], [1, "open"]]) {
      const { socket } = stage.start({ url: gate.url, autoConnect: false });
      assert.equal(socket.active, false);
      assert.equal(socket.id, undefined);
      assert.equal(socket.io.engine, undefined);
      assert.equal(gate.handshakes.length, n);
      assert.equal(socket[method](), socket);
      assert.equal(socket.active, true);
      await once(socket, "connect");
    }
  });

  test("the manager may be opened by hand, and tells when it is or why not", async (stage) => {
    const gate = await stage.gate();
    const client = stage.start({ url: gate.url, autoConnect: false });
    const manager = client.socket.io;
    gate.shut();
    const error = await new Promise((resolve) => manager.open(resolve));
    assert.equal(error.type, "TransportError");
    gate.reopen();
    assert.equal(await new Promise((resolve) => manager.open(resolve)), undefined);
    assert.equal(client.socket.connected, false);
    client.socket.connect();
    await client.connected();
    assert.deepEqual(await client.ask("echo", "open"), ["open"]);
  });

  test("connect() on a connected socket changes nothing", async (stage) => {
    const client = await stage.connect();
    const [id, engineId] = [client.id, client.engine.id];
    const story = chronicle(client);
    client.socket.connect().open();
    await client.ask("echo");
    assert.deepEqual([client.id, client.engine.id, story], [id, engineId, []]);
  });

  test("close() and open() by hand give a new connection and a new socket", async (stage) => {
    const client = await stage.connect();
    const before = [client.id, client.engine.id];
    client.socket.close();
    assert.equal(client.socket.connected, false);
    client.socket.open();
    await client.settled(mode);
    assert.notEqual(client.id, before[0]);
    assert.notEqual(client.engine.id, before[1]);
    assert.deepEqual(await client.ask("rooms"), [[client.id]]);
  });

  test("disconnect() and connect() in one breath end one socket and begin another", async (stage) => {
    const watcher = await stage.watch();
    const client = await stage.connect();
    const { id } = client;
    client.socket.disconnect().connect();
    await client.settled(mode);
    assert.notEqual(client.id, id);
    assert.deepEqual(await client.ask("echo", "in"), ["in"]);
    await parting(watcher, id);
  });

  test("disconnect() before the connection stands means that it never will", async (stage) => {
    const client = stage.start();
    const story = chronicle(client);
    client.socket.disconnect();
    await (await stage.connect()).ask("echo", "somebody else is served meanwhile");
    assert.deepEqual(story, ["manager close forced close"].slice(story.length ? 0 : 1));
    assert.equal(client.socket.active, false);
  });

  test("a client that leaves as soon as it is connected is seen to leave", async (stage) => {
    const watcher = await stage.watch();
    const client = stage.start();
    let id;
    client.socket.on("connect", () => {
      id = client.id;
      client.socket.disconnect();
    });
    assert.equal(await client.ended(), "io client disconnect");
    assert.deepEqual(await parting(watcher, id), expectedParting("client namespace disconnect", id));
  });

  test("the attributes of a socket follow its life", async (stage) => {
    const client = stage.start({ autoConnect: false });
    const { socket } = client;
    const attributes = () => [socket.connected, socket.disconnected, socket.active, socket.recovered, typeof socket.id];
    assert.deepEqual(attributes(), [false, true, false, false, "undefined"]);
    socket.connect();
    assert.deepEqual(attributes(), [false, true, true, false, "undefined"]);
    await client.settled(mode);
    assert.deepEqual(attributes(), [true, false, true, undefined, "string"]);
    assert.notEqual(socket.id, socket.io.engine.id);
    assert.equal(socket.io.engine.transport.name, mode === "polling" ? "polling" : "websocket");
    socket.disconnect();
    assert.deepEqual(attributes(), [false, true, false, undefined, "undefined"]);
  });

  // -------------------------------------------------------------------------------------------- naming the server

  for (const [how, build] of [
    ["a ws:// URL", (url) => new Manager(url.replace("http:", "ws:"), {})],
    ["host and port", (url) => new Manager({ hostname: new URL(url).hostname, port: new URL(url).port })],
    ["a URL with a slash at its end", (url) => new Manager(`${url}/`, {})],
    ["localhost, looked up", (url) => new Manager(url.replace("127.0.0.1", "localhost"), {})],
  ]) {
    test(`${how} finds the server`, async (stage) => {
      const manager = build(stage.url);
      manager.reconnection(false);
      const client = stage.keep(new Client(manager.socket("/")));
      assert.deepEqual(await client.ask("echo", how), [how]);
    });
  }

  test("io() opens one connection for several namespaces, and more when told to", async (stage) => {
    const gate = await stage.gate();
    const options = { transports: [mode === "websocket" ? "websocket" : "polling"], reconnection: false };
    const open = async (path, more) => stage.keep(await new Client(io(gate.url + path, { ...options, ...more })).connected());
    const main = await open("/");
    const custom = await open("/custom");
    const forced = await open("/custom", { forceNew: true });
    const alone = await open("/custom", { multiplex: false });
    const twice = await open("/");
    const managers = [main, custom, forced, alone, twice].map(({ socket }) => socket.io);
    assert.equal(managers[0], managers[1]);
    assert.equal(new Set(managers).size, 4);
    assert.equal(gate.handshakes.length, 4);
    assert.equal(new Set([main, custom, forced, alone, twice].map(({ id }) => id)).size, 5);
  });

  test("a query in the URL is the connection's, and the path its namespace", async (stage) => {
    const gate = await stage.gate();
    const socket = io(`${gate.url}/custom?from=url&mark=%C3%BC`, { transports: [stage.transport], reconnection: false });
    const client = await stage.keep(new Client(socket)).connected();
    assert.equal(socket.nsp, "/custom");
    const [{ query }] = await client.ask("handshake");
    assert.equal(query.from, "url");
    assert.equal(query.mark, "ü");
  });

  test("query values of every kind arrive as text", async (stage) => {
    const client = await stage.connect({ query: { n: 1, no: false, nothing: null, list: [1, 2], empty: "", "a b": "c+d&e=f#g" } });
    const [{ query }] = await client.ask("handshake");
    const { n, no, nothing, list, empty } = query;
    assert.deepEqual([n, no, nothing, list, empty, query["a b"]], ["1", "false", "null", "1,2", "", "c+d&e=f#g"]);
  });

  test("the query stays with the connection when it comes back", async (stage) => {
    const gate = await stage.gate();
    const client = await stage.connect({ url: gate.url, query: { kept: "yes" }, ...RETURNING });
    const back = once(client.socket, "connect");
    client.engine.close();
    await back;
    assert.equal((await client.ask("handshake"))[0].query.kept, "yes");
    assert.ok(gate.requests.every(({ query }) => query.kept === "yes" && query.EIO === "4"));
  });

  test("extraHeaders are on every request", async (stage) => {
    const gate = await stage.gate();
    const client = await stage.connect({ url: gate.url, extraHeaders: { "x-judge": "every" } });
    assert.equal((await client.ask("handshake"))[0].headers["x-judge"], "every");
    assert.ok(gate.requests.length > 0 && gate.requests.every(({ headers }) => headers["x-judge"] === "every"));
  });

  test("transportOptions give each transport its own headers, and the first one's are the handshake's", async (stage) => {
    const client = await stage.connect({
      transportOptions: { polling: { extraHeaders: { "x-judge": "p" } }, websocket: { extraHeaders: { "x-judge": "w" } } },
    });
    assert.equal((await client.ask("handshake"))[0].headers["x-judge"], mode === "websocket" ? "w" : "p");
  });

  for (const [what, options] of [
    ["at a path where no server is", { path: "/elsewhere" }],
    ["without the slash at the end of the path", { addTrailingSlash: false }],
  ]) {
    test(`${what} a client stays outside and goes on trying`, async (stage) => {
      // The official server leaves such a request unanswered, or closes the connection after a second.
      const client = stage.start({ ...options, ...RETURNING, timeout: 1_500 });
      await refusal(client);
      await once(client.socket.io, "reconnect_error");
      assert.deepEqual([client.socket.connected, client.socket.active], [false, true]);
    });
  }

  // -------------------------------------------------------------------------------------------------- being let in

  test("an auth function may take its time, and is asked again for each connection", async (stage) => {
    let asked = 0;
    const auth = (give) => setImmediate(() => give({ token: "secret", asked: ++asked }));
    const client = await stage.connect({ namespace: "/auth", auth, ...RETURNING });
    assert.equal((await client.ask("handshake"))[0].auth.asked, 1);
    for (const [n, leave] of [[2, () => client.engine.close()], [3, () => client.socket.disconnect().connect()]]) {
      const back = once(client.socket, "connect");
      leave();
      await back;
      assert.deepEqual((await client.ask("handshake"))[0].auth, { token: "secret", asked: n });
    }
  });

  test("a token that has changed is the one that counts when the client comes back", async (stage) => {
    const client = await stage.connect({ namespace: "/auth", auth: { token: "secret" }, ...RETURNING });
    const refused = refusal(client);
    client.socket.auth = { token: "expired" };
    client.engine.close();
    const error = await refused;
    assert.equal(error.message, "not authorized");
    assert.deepEqual(error.data, { reason: "token" });
    // The server has refused, so that trying again is up to the program.
    assert.equal(client.socket.active, false);
    client.socket.auth.token = "secret";
    client.socket.connect();
    await client.connected();
    assert.deepEqual(await client.ask("echo", "in again"), ["in again"]);
  });

  test("auth carries whatever JSON can", async (stage) => {
    const auth = { "ünïcödé": "漢字 🎉", nested: { list: [1, null, [true, {}]] }, "": "", date: new Date(0), skipped: undefined };
    const client = await stage.connect({ auth });
    const expected = { ...auth, date: "1970-01-01T00:00:00.000Z" };
    delete expected.skipped;
    assert.deepEqual((await client.ask("handshake"))[0].auth, expected);
  });

  test("auth that is a number looks like the id of an ack, and is ignored", async (stage) => {
    const client = await stage.connect({ auth: 42 });
    assert.deepEqual((await client.ask("handshake"))[0].auth, {});
  });

  for (const auth of [["a", "list"], "text", true]) {
    test(`auth that is no object is a violation: ${JSON.stringify(auth)}`, async (stage) => {
      const client = stage.start({ auth });
      await within(60_000, once(client.socket.io, "close"), "the end of the connection");
      assert.equal(client.socket.connected, false);
      assert.deepEqual(client.take(), []);
    });
  }

  for (const namespace of ["/nowhere", "/ünbekannt/漢", "/custom/", "/Custom", "/constructor", "/__proto__"]) {
    test(`the namespace ${namespace} does not exist`, async (stage) => {
      const main = await stage.connect();
      const stranger = stage.keep(main.sibling(namespace, { auth: { token: "secret" } }));
      const error = await refusal(stranger);
      assert.deepEqual([error.message, error.data], ["Invalid namespace", undefined]);
      assert.deepEqual([stranger.socket.connected, stranger.socket.active], [false, false]);
      assert.deepEqual(await main.ask("echo", "unharmed"), ["unharmed"]);
    });
  }

  test("a namespace without its slash is a packet that nobody understands", async (stage) => {
    const client = stage.start({ namespace: "custom" });
    await within(60_000, once(client.socket.io, "close"), "the end of the connection");
    assert.equal(client.socket.connected, false);
  });

  test("who is refused in the only namespace gives up the connection", async (stage) => {
    const client = stage.start({ namespace: "/auth", ...RETURNING });
    const story = chronicle(client);
    await refusal(client);
    assert.deepEqual(story, ["manager open", "manager close forced close", "connect_error not authorized"]);
  });

  // ----------------------------------------------------------------------------------------------- nobody answers

  test("a server that is away is a transport error, told to manager and socket", async (stage) => {
    const gate = await stage.gate();
    gate.shut();
    const client = stage.start({ url: gate.url });
    const told = Promise.all([once(client.socket.io, "error"), refusal(client)]);
    const [error, same] = await told;
    assert.equal(error, same);
    assert.equal(error.message, mode === "websocket" ? "websocket error" : "xhr poll error");
    assert.equal(error.type, "TransportError");
    assert.deepEqual([client.socket.connected, client.socket.active], [false, true]);
  });

  test("a server that says nothing is given up after the timeout", async (stage) => {
    const gate = await stage.gate();
    gate.hold("down");
    const client = stage.start({ url: gate.url, timeout: 50 });
    assert.equal((await refusal(client)).message, "timeout");
    gate.release();
    client.socket.io.timeout(60_000);
    client.socket.connect();
    await client.settled(mode);
    assert.deepEqual(await client.ask("echo", "late"), ["late"]);
  });

  test("an error page on the way is a connect_error that shows it", async (stage) => {
    const gate = await stage.gate();
    gate.rule = () => response(503, "come later");
    const client = stage.start({ url: gate.url });
    const error = await new Promise((resolve) =>
      client.socket.once("connect_error", ({ message, description, context }) =>
        resolve({ message, description: description?.message ?? description, body: context?.responseText }),
      ),
    );
    assert.deepEqual(error, POLLS_FIRST.includes(mode)
      ? { message: "xhr poll error", description: 503, body: "come later" }
      : { message: "websocket error", description: "Unexpected server response: 503", body: undefined });
  });
};
