// Which transports a client uses, in which order, what its requests look like, and what it makes of a middlebox.

import http from "node:http";
import { Fetch, NodeWebSocket, NodeXHR } from "socket.io-client";
import { assert, once } from "../support.mjs";
import { response } from "./gate.mjs";

const isWebSocket = ({ query }) => query.transport === "websocket";
const isPolling = ({ query }) => query.transport === "polling";

export const transports = (test, { mode }) => {
  // The options under test choose the transports themselves: played once.
  const testOnce = mode === "upgrade" ? test : () => {};

  test("the handshake says what the client needs to know", async (stage) => {
    const client = stage.start({ autoConnect: false });
    client.socket.connect();
    const { sid, upgrades, pingInterval, pingTimeout, maxPayload, ...more } = await once(client.engine, "handshake");
    assert.match(sid, /^[A-Za-z0-9_-]{20}$/);
    assert.deepEqual(upgrades, mode === "websocket" ? [] : ["websocket"]);
    assert.ok(pingInterval > 0 && pingTimeout > 0);
    assert.equal(maxPayload, 1_000_000);
    assert.deepEqual(more, {});
    await client.settled(mode);
    assert.equal(client.engine.id, sid);
  });

  for (const [what, options, first, last, unused] of [
    ["by default: polling, then websocket", { transports: undefined }, "polling", "websocket", () => false],
    ["websocket before polling: no polling at all", { transports: ["websocket", "polling"] }, "websocket", "websocket", isPolling],
    ["websocket alone", { transports: ["websocket"] }, "websocket", "websocket", isPolling],
    ["polling alone", { transports: ["polling"] }, "polling", "polling", isWebSocket],
    ["upgrade: false", { upgrade: false }, "polling", "polling", isWebSocket],
    ["a transport that the server does not have, behind one that it has", { transports: ["websocket", "webtransport"] }, "websocket", "websocket", isPolling],
  ]) {
    testOnce(`transports, ${what}`, async (stage) => {
      const gate = await stage.gate();
      const client = stage.start({ url: gate.url, ...options });
      if (first !== last) await client.settled("upgrade");
      await client.connected();
      for (let n = 0; n < 3; n++) assert.deepEqual(await client.ask("echo", n), [n]);
      assert.deepEqual(gate.handshakes.map(({ query }) => query.transport), [first]);
      assert.equal(client.engine.transport.name, last);
      assert.deepEqual(gate.requests.filter(unused), []);
    });
  }

  testOnce("an upgrade is told in steps, and the packets go on", async (stage) => {
    const client = stage.start();
    const { engine } = client;
    const steps = [];
    engine.on("open", () => steps.push(`open ${engine.transport.name}`));
    for (const step of ["upgrading", "upgrade"]) engine.on(step, (transport) => steps.push(`${step} ${transport.name}`));
    await client.settled(mode);
    assert.deepEqual(await client.ask("echo", "on"), ["on"]);
    assert.deepEqual(steps, ["open polling", "upgrading websocket", "upgrade websocket"]);
    assert.equal(engine.transport.name, "websocket");
  });

  for (const [how, verdict] of [["cuts", "destroy"], ["answers 403 to", response(403)], ["answers 200 to", response(200, "ok")]]) {
    testOnce(`behind a middlebox that ${how} WebSockets a client stays on polling`, async (stage) => {
      const gate = await stage.gate();
      gate.rule = (request) => (isWebSocket(request) ? verdict : undefined);
      const client = stage.start({ url: gate.url });
      const failed = once(client.engine, "upgradeError");
      await client.connected();
      assert.match((await failed).message, /^probe error/);
      assert.deepEqual(await client.ask("binary-echo", Buffer.from("polled")), [Buffer.from("polled")]);
      assert.equal(client.engine.transport.name, "polling");
      assert.equal(client.reasons.length, 0);
    });
  }

  for (const [refused, order, left] of [
    ["websocket", ["websocket", "polling"], "polling"],
    ["polling", ["polling", "websocket"], "websocket"],
  ]) {
    const choose = (gate) => (gate.rule = ({ query }) => (query.transport === refused ? response(400) : undefined));
    testOnce(`with tryAllTransports a client without ${refused} finds ${left}`, async (stage) => {
      const gate = await stage.gate();
      choose(gate);
      const client = stage.start({ url: gate.url, transports: order, tryAllTransports: true });
      await client.connected();
      assert.deepEqual(await client.ask("echo", "through"), ["through"]);
      assert.equal(client.engine.transport.name, left);
      assert.deepEqual(gate.handshakes.map(({ query }) => query.transport), order);
    });

    testOnce(`without tryAllTransports a client without ${refused} stays outside`, async (stage) => {
      const gate = await stage.gate();
      choose(gate);
      const client = stage.start({ url: gate.url, transports: order });
      const error = await once(client.socket, "connect_error");
      assert.equal(error.message, refused === "polling" ? "xhr poll error" : "websocket error");
      assert.equal(gate.handshakes.length, 1);
    });
  }

  testOnce("with tryAllTransports and none left the last failure is told", async (stage) => {
    const gate = await stage.gate();
    gate.rule = () => response(400);
    const client = stage.start({ url: gate.url, transports: ["polling", "websocket"], tryAllTransports: true });
    assert.equal((await once(client.socket, "connect_error")).message, "websocket error");
    assert.equal(gate.handshakes.length, 2);
  });

  for (const bytes of [1, 7]) {
    test(`a line that delivers ${bytes} byte(s) at a time delivers everything`, async (stage) => {
      const gate = await stage.gate();
      gate.pieceBytes = bytes;
      const client = await stage.connect({ url: gate.url });
      for (const size of [0, 10, 125, 126, 700]) {
        const value = ["é".repeat(size), Buffer.alloc(size, size)];
        assert.deepEqual(await client.ask("binary-echo", ...value), value);
        assert.deepEqual(client.take(), [["note", ...value]]);
      }
    });
  }

  testOnce("clients on every transport hear the same, in the same order", async (stage) => {
    const clients = [];
    for (const [kind, options] of [["polling", { transports: ["polling"] }], ["websocket", { transports: ["websocket"] }], ["upgrade", {}]]) {
      clients.push(await stage.start(options).settled(kind));
    }
    const room = `mixed-${clients[0].id}`;
    for (const client of clients) await client.ask("join", room);
    for (const client of clients) client.take();
    const messages = Array.from({ length: 60 }, (_, n) => (n % 2 ? [n, Buffer.alloc(n, n)] : [n, { text: "x".repeat(n) }]));
    for (const message of messages) clients[0].socket.emit("in-room", room, ...message);
    await clients[0].ask("in-room", room, "last");
    for (const client of clients) {
      await client.heard(([, text]) => text === "last");
      assert.deepEqual(client.take(), [...messages, ["last"]].map((message) => ["note", ...message]));
    }
  });

  // ------------------------------------------------------------------------------------------------ implementations

  for (const [what, implementations, name] of [
    ["fetch", [Fetch], "polling"],
    ["fetch, then the WebSocket of Node.js", [Fetch, NodeWebSocket], "websocket"],
    ["the XMLHttpRequest of Node.js", [NodeXHR], "polling"],
    ["the WebSocket of Node.js", [NodeWebSocket], "websocket"],
  ]) {
    testOnce(`transports given as implementations: ${what}`, async (stage) => {
      const client = stage.start({ transports: implementations });
      if (name !== implementations[0].prototype.name) await client.settled("upgrade");
      await client.connected();
      for (let n = 0; n < 20; n++) assert.deepEqual(await client.ask("binary-echo", n, Buffer.from([n])), [n, Buffer.from([n])]);
      assert.equal(client.engine.transport.name, name);
      client.socket.disconnect();
      assert.equal(await client.ended(), "io client disconnect");
    });
  }

  testOnce("polling over connections that are kept alive", async (stage) => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 2 });
    stage.keep({ close: () => agent.destroy() });
    const client = stage.start({ transports: ["polling"], agent });
    await client.connected();
    const answers = await Promise.all(Array.from({ length: 100 }, (_, n) => client.ask("echo", n)));
    assert.deepEqual(answers, Array.from({ length: 100 }, (_, n) => [n]));
    for (let n = 0; n < 20; n++) assert.deepEqual(await client.ask("echo", n), [n]);
  });

  // -------------------------------------------------------------------------------------------------------- requests

  for (const [what, options, param, stamped] of [
    ["by default on polling only", {}, "t", isPolling],
    ["on every transport", { timestampRequests: true }, "t", () => true],
    ["under a name of one's own", { timestampRequests: true, timestampParam: "stamp" }, "stamp", () => true],
    ["nowhere", { timestampRequests: false }, "t", () => false],
  ]) {
    test(`requests carry a timestamp ${what}`, async (stage) => {
      const gate = await stage.gate();
      const client = await stage.connect({ url: gate.url, ...options });
      assert.deepEqual(await client.ask("echo", "stamped"), ["stamped"]);
      assert.ok(gate.requests.length > 0);
      for (const request of gate.requests) assert.equal(param in request.query, stamped(request));
    });
  }

  for (const protocols of [["one"], ["one", "two"], "chat.v2"]) {
    test(`protocols ${JSON.stringify(protocols)}: the server takes the first subprotocol`, async (stage) => {
      const client = await stage.connect({ protocols });
      assert.deepEqual(await client.ask("binary-echo", Buffer.from("spoken")), [Buffer.from("spoken")]);
      if (mode !== "polling") assert.equal(client.engine.transport.ws.protocol, [protocols].flat()[0]);
    });
  }

  test("a client that offers no compression of WebSockets is served like the others", async (stage) => {
    const client = await stage.connect({ perMessageDeflate: false });
    const text = "compressible ".repeat(5000);
    assert.deepEqual(await client.ask("echo", text), [text]);
    assert.equal(client.engine.transport.ws?.extensions ?? "", "");
  });

  test("withCredentials changes nothing where there are no cookies", async (stage) => {
    const gate = await stage.gate();
    const client = await stage.connect({ url: gate.url, withCredentials: true });
    assert.deepEqual(await client.ask("echo", "plain"), ["plain"]);
    assert.ok(gate.requests.every(({ headers }) => !headers.cookie));
  });
};
