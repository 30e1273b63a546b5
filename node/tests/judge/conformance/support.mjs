// What a case works with: HTTP requests, polling sessions and WebSockets that are written and read packet by packet,
// and a deadline on every wait. Nothing here repairs, retries or reorders what the server sends.

import assert from "node:assert/strict";
import http from "node:http";
import WebSocket from "ws";
import { PROFILES } from "./official-server.mjs";

// Less than the interval of the default heartbeat, which must not be taken for an answer.
const WAIT_MS = 20_000;

export const SEPARATOR = "\x1e";

/** The error answers of the engine, byte for byte, by code. */
export const ENGINE_ERRORS = [
  "Transport unknown",
  "Session ID unknown",
  "Bad handshake method",
  "Bad request",
  "Forbidden",
  "Unsupported protocol version",
].map((message, code) => ({ code, message, body: JSON.stringify({ code, message }) }));

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Rejects with a sentence when `promise` has not settled in time. */
export async function within(promise, what, ms = WAIT_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${ms} ms in vain for ${what}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Splits `42/custom,7["x"]` into { head: '42/custom,7', data: ["x"] }; `data` is undefined without a payload. */
export function splitPacket(packet) {
  assert.equal(typeof packet, "string", `expected a text packet, got ${show(packet)}`);
  const namespace = /^4\d(?:\d+-)?(\/[^,]*,?)?/.exec(packet)?.[0] ?? "";
  const start = packet.slice(namespace.length).search(/[[{"]/);
  if (start === -1) return { head: packet, data: undefined };
  const at = namespace.length + start;
  return { head: packet.slice(0, at), data: JSON.parse(packet.slice(at)) };
}

/** Asserts the packet's text up to the payload exactly, and the payload by value. */
export function assertPacket(actual, head, data) {
  assert.deepEqual(splitPacket(actual), { head, data }, `unexpected packet ${show(actual)}`);
}

export const show = (value) =>
  Buffer.isBuffer(value) ? `<binary ${value.toString("hex")}>` : JSON.stringify(value);

/** Resources and helpers of one running case. Everything it opened is torn down when the case ends. */
export class Judge {
  #open = [];

  constructor(url, target) {
    this.url = new URL(url);
    this.official = target === "official";
  }

  /** Chooses between what the official server does and what we do on purpose. */
  pick({ official, fanfare }) {
    return this.official ? official : fanfare;
  }

  close() {
    for (const close of this.#open) close();
  }

  cleanup(close) {
    this.#open.push(close);
  }

  options(profile) {
    return PROFILES.find(({ name }) => name === profile).options;
  }

  /** The address of an engine request: `query` is added to EIO=4; a null value removes a parameter. */
  address(profile, query = {}, path) {
    const offset = PROFILES.findIndex(({ name }) => name === profile);
    assert.notEqual(offset, -1, `no profile ${profile}`);
    const url = new URL(path ?? this.options(profile).path ?? "/socket.io/", this.url);
    url.port = Number(this.url.port) + offset;
    for (const [key, value] of Object.entries({ EIO: 4, ...query })) {
      if (value !== null) url.searchParams.set(key, value);
    }
    return url;
  }

  /** One HTTP exchange on a connection of its own. */
  http(profile, query, options = {}) {
    return this.exchange(this.address(profile, query, options.path), options).response;
  }

  /**
   * Starts an HTTP exchange. `response` resolves to { status, headers, body, bytes }; `request` is the
   * node:http request. With `manual`, the caller writes and ends the body.
   */
  exchange(url, { method = "GET", headers = {}, body, manual = false, wait = WAIT_MS } = {}) {
    const request = http.request(url, { method, headers, agent: false });
    this.cleanup(() => request.destroy());
    const answer = new Promise((resolve, reject) => {
      request.on("error", reject);
      request.on("upgrade", (response, socket) => {
        socket.destroy();
        reject(new Error(`unexpected upgrade with status ${response.statusCode}`));
      });
      request.on("response", (response) => {
        const chunks = [];
        response.on("data", (chunk) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const bytes = Buffer.concat(chunks);
          resolve({ status: response.statusCode, headers: response.headers, bytes, body: bytes.toString() });
        });
      });
    });
    answer.catch(() => {});
    if (!manual) request.end(body);
    const response = within(answer, `the answer to ${method} ${url.pathname}${url.search}`, wait);
    response.catch(() => {});
    return { request, response };
  }

  /** Sends a WebSocket upgrade request and returns what the server made of it, without a WebSocket client. */
  async upgradeRequest(profile, query, { headers = {}, method = "GET", path } = {}) {
    const url = this.address(profile, { transport: "websocket", ...query }, path);
    const request = http.request(url, {
      method,
      agent: false,
      headers: {
        Connection: "Upgrade",
        Upgrade: "websocket",
        "Sec-WebSocket-Version": 13,
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        ...headers,
      },
    });
    this.cleanup(() => request.destroy());
    const answer = new Promise((resolve, reject) => {
      request.on("error", reject);
      request.on("upgrade", (response, socket, head) => {
        this.cleanup(() => socket.destroy());
        socket.on("error", () => {});
        resolve({ status: response.statusCode, headers: response.headers, socket, head });
      });
      request.on("response", (response) => {
        let body = "";
        response.on("data", (chunk) => (body += chunk));
        response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, body }));
        response.on("error", reject);
      });
    });
    request.end();
    return within(answer, "the answer to an upgrade request");
  }

  /** Opens a polling session. */
  async polling(profile = "plain", { query = {}, headers = {} } = {}) {
    const response = await this.http(profile, { transport: "polling", ...query }, { headers });
    assert.equal(response.status, 200, `handshake answered ${response.status} ${response.body}`);
    return new PollingSession(this, profile, query, response);
  }

  /** Opens a WebSocket that is a session of its own, and reads its open packet. */
  async websocket(profile = "plain", { query = {}, headers = {} } = {}) {
    const wire = await this.rawWebSocket(profile, query, headers);
    const open = await wire.next("the open packet");
    assert.equal(open[0], "0", `expected an open packet, got ${show(open)}`);
    wire.handshake = JSON.parse(open.slice(1));
    wire.sid = wire.handshake.sid;
    return wire;
  }

  /** Opens a WebSocket and reads nothing: a probe when the query has a `sid`. */
  async rawWebSocket(profile, query = {}, headers = {}) {
    const url = this.address(profile, { transport: "websocket", ...query });
    url.protocol = "ws:";
    const wire = new Wire(new WebSocket(url, { headers, perMessageDeflate: false }));
    this.cleanup(() => wire.socket.terminate());
    await within(wire.opened, "the WebSocket handshake");
    return wire;
  }

  /** Opens a WebSocket session and joins the given namespaces. */
  async joined(...namespaces) {
    const wire = await this.websocket();
    for (const namespace of namespaces.length ? namespaces : ["/"]) await wire.join(namespace);
    return wire;
  }

  /** Opens a polling session and joins the given namespaces. */
  async polled(...namespaces) {
    const session = await this.polling();
    for (const namespace of namespaces.length ? namespaces : ["/"]) await session.join(namespace);
    return session;
  }

  /**
   * For situations that need two requests in a given order on two connections, which nothing on the wire can prove:
   * runs `body(settle)` where `settle()` gives the first request a head start. When the race was lost, `body` returns
   * false and is run again with a longer head start. A wrong server loses every time.
   */
  async inOrder(body) {
    for (const ms of [30, 150, 600, 2400]) {
      if ((await body(() => sleep(ms))) !== false) return;
    }
    assert.fail("the first request was not taken before the second one, however long its head start");
  }
}

const namespacePrefix = (namespace) => (namespace === "/" ? "" : `${namespace},`);

/** What polling sessions and WebSockets have in common: joining, and fences made of acknowledgements. */
class Connection {
  #fences = 0;

  /** Joins a namespace and returns the sid of the socket. */
  async join(namespace = "/", auth) {
    const prefix = namespacePrefix(namespace);
    await this.send(`40${prefix}${auth === undefined ? "" : JSON.stringify(auth)}`);
    const { head, data } = splitPacket(await this.next(`the CONNECT of ${namespace}`));
    assert.equal(head, `40${prefix}`);
    assert.equal(typeof data.sid, "string");
    return data.sid;
  }

  /**
   * Asks for an acknowledgement and returns every packet that arrived before it. As the server handles the events
   * of a connection in order, all earlier ones have been handled by then.
   */
  async fence(namespace = "/") {
    const prefix = namespacePrefix(namespace);
    const id = 900_000 + ++this.#fences;
    await this.send(`42${prefix}${id}["ack","fence"]`);
    const before = [];
    for (;;) {
      const packet = await this.next(`the fence in ${namespace}`);
      if (packet === `43${prefix}${id}["fence"]`) return before;
      before.push(packet);
    }
  }

  /** Asserts that the connection is usable and that nothing had been sent. */
  async assertQuiet(namespace = "/") {
    const before = await this.fence(namespace);
    assert.deepEqual(before, [], `unexpected packets ${before.map(show).join(" ")}`);
  }

  /** Asserts that the next packet has exactly this text up to its payload, and this payload. */
  async expect(head, data) {
    assertPacket(await this.next(`${head}${data === undefined ? "" : JSON.stringify(data)}`), head, data);
  }
}

/** A polling session. `next` hides how packets are spread over responses; `get` and `post` do not. */
export class PollingSession extends Connection {
  #read = [];

  constructor(judge, profile, query, response) {
    super();
    this.judge = judge;
    this.profile = profile;
    this.opening = response;
    assert.equal(response.body[0], "0", `expected an open packet, got ${show(response.body)}`);
    this.handshake = JSON.parse(response.body.slice(1));
    this.sid = this.handshake.sid;
    this.query = { ...query, transport: "polling", sid: this.sid };
  }

  address(query = {}) {
    return this.judge.address(this.profile, { ...this.query, ...query });
  }

  get(options) {
    return this.judge.exchange(this.address(), options).response;
  }

  post(body, options) {
    return this.judge.exchange(this.address(), { method: "POST", body, ...options }).response;
  }

  /** Posts packets in one payload. Buffers are written as base64. */
  async send(...packets) {
    const encoded = packets.map((packet) => (Buffer.isBuffer(packet) ? `b${packet.toString("base64")}` : packet));
    const response = await this.post(encoded.join(SEPARATOR), { headers: { "Content-Type": "text/plain;charset=UTF-8" } });
    assert.equal(`${response.status} ${response.body}`, "200 ok");
  }

  /** One GET, as a list of packets. */
  async poll(options) {
    const response = await this.get(options);
    assert.equal(response.status, 200, `the poll was answered ${response.status} ${response.body}`);
    return response.body.split(SEPARATOR);
  }

  async next(what = "a packet") {
    const deadline = Date.now() + WAIT_MS;
    while (this.#read.length === 0) {
      assert.ok(Date.now() < deadline, `polled in vain for ${what}`);
      this.#read.push(...(await this.poll()));
    }
    return this.#read.shift();
  }

  /** The probe of an upgrade: a second transport for this session. */
  probe(query = {}) {
    return this.judge.rawWebSocket(this.profile, { ...query, sid: this.sid });
  }

  /** Every request of a session is a turn of its own. */
  async turn() {}

  /** Asserts that the session has ended and is forgotten: nothing of it is left to be told. */
  async assertGone() {
    assertEngineError(await this.get(), 1);
  }

  /** Asserts that the session ended by the server's own close: one more GET carries the close packet, then it is gone. */
  async assertClosed() {
    const last = await this.get();
    assert.equal(`${last.status} ${last.body}`, `200 6${SEPARATOR}1`);
    assertEngineError(await this.get(), 1);
  }

  /** Whether the server forgets the session in time, asked with harmless pongs. */
  async endsWithin(ms) {
    const deadline = performance.now() + ms;
    for (;;) {
      // A POST that is under way at the very end is cut off.
      const response = await this.post("3").catch(() => undefined);
      if (response?.status === 400) {
        assertEngineError(response, 1);
        return true;
      }
      if (performance.now() > deadline) return false;
      await sleep(20);
    }
  }
}

/** A WebSocket, read message by message: text as string, binary as Buffer. */
export class Wire extends Connection {
  #messages = [];
  #waiting = [];

  constructor(socket) {
    super();
    this.socket = socket;
    this.closing = new Promise((resolve) => {
      socket.on("close", (code, reason) => {
        resolve({ code, reason: reason.toString(), at: performance.now() });
        this.#deliver(null);
      });
    });
    this.opened = new Promise((resolve, reject) => {
      socket.on("open", resolve);
      socket.on("error", reject);
    });
    this.opened.catch(() => {});
    socket.on("message", (data, isBinary) => this.#deliver(isBinary ? data : data.toString()));
  }

  #deliver(message) {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(message);
    else this.#messages.push(message);
  }

  send(...packets) {
    for (const packet of packets) this.socket.send(packet);
  }

  /** Waits until the server has read everything sent so far, and sends what follows in a later read. */
  async turn() {
    const pong = new Promise((resolve) => this.socket.once("pong", resolve));
    this.socket.ping();
    await within(pong, "a pong frame");
  }

  /** The next message; fails when the connection closes instead. */
  async next(what = "a message", ms = WAIT_MS) {
    const message = await this.nextOrClose(what, ms);
    if (message === null) assert.fail(`closed with ${(await this.closing).code} instead of ${what}`);
    return message;
  }

  /** The next message, or null when the connection closes instead. */
  async nextOrClose(what, ms = WAIT_MS) {
    if (this.#messages.length) return this.#messages.shift();
    return within(new Promise((resolve) => this.#waiting.push(resolve)), what, ms);
  }

  /** Asserts that the connection ends with this close code and that no message came before. */
  async assertClosed(code = 1005, ms = WAIT_MS) {
    const message = await this.nextOrClose(`a close with ${code}`, ms);
    assert.equal(message, null, `unexpected message ${show(message)} instead of a close`);
    const closed = await this.closing;
    assert.deepEqual({ code: closed.code, reason: closed.reason }, { code, reason: "" });
    return closed;
  }
}

/** Asserts an error answer of the engine to an HTTP request: status, type and exact body. */
export function assertEngineError(response, code, message = ENGINE_ERRORS[code].message) {
  assert.equal(response.body, JSON.stringify({ code, message }));
  assert.equal(response.status, code === 4 ? 403 : 400);
  assert.match(response.headers["content-type"], /^application\/json\b/);
}

export { assert };
