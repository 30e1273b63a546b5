// A client without a library: HTTP requests, polling sessions and WebSockets, packet by packet. Every packet that comes is
// kept for the transcript, as it is on the wire: text as text, binary frames as <hex>.

import http from "node:http";
import { WebSocket } from "ws";
import { within } from "./waiting.mjs";

export const SEPARATOR = "\x1e";
const FENCE_ID = 900_000;

/** Headers whose value is of the moment, or belongs to the TCP connection and not to the answer. */
const OMITTED = ["date", "connection", "keep-alive", "transfer-encoding", "content-length", "sec-websocket-accept", "upgrade"];
/** Headers that are lists without an order. */
const LISTS = { vary: /, */, "set-cookie": /; */ };

const value = (name, text) =>
  LISTS[name] === undefined ? text : { unordered: String(text).split(LISTS[name]).map((part) => (name === "vary" ? part.toLowerCase() : part)) };

const picked = (headers) =>
  Object.fromEntries(
    Object.entries(headers)
      .filter(([name]) => !OMITTED.includes(name))
      .map(([name, text]) => [name, value(name, text)])
      .sort(),
  );

/**
 * One HTTP exchange: { status, headers, body, bytes, length }, or { status: 101, … } when it became a WebSocket. `length` is
 * whether the answer tells its length.
 */
export function exchange(url, { method = "GET", headers = {}, body } = {}) {
  const request = http.request(url, { method, headers, agent: false });
  const answer = new Promise((resolve, reject) => {
    request.on("error", reject);
    request.on("upgrade", (response, socket) => {
      socket.on("error", () => {}).destroy();
      resolve({ status: 101, headers: picked(response.headers), body: "" });
    });
    request.on("response", (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk)).on("error", reject);
      response.on("end", () => {
        const bytes = Buffer.concat(chunks);
        const length = Number(response.headers["content-length"]) === bytes.length;
        resolve({ status: response.statusCode, headers: picked(response.headers), body: bytes.toString(), bytes, length });
      });
    });
  });
  request.end(body);
  return within(answer, `the answer to ${method} ${url}`);
}

export const UPGRADE_HEADERS = {
  Connection: "Upgrade",
  Upgrade: "websocket",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
};

/** What polling sessions and WebSockets have in common. */
class Wire {
  /** Packets that came, in order; at the end how it ended. */
  heard = [];
  #fences = 0;

  constructor(name, know) {
    this.name = name;
    this.know = know;
  }

  opened(packet) {
    this.handshake = JSON.parse(packet.slice(1));
    this.sid = this.handshake.sid;
    this.know(this.sid, `${this.name}.engine`);
  }

  /** The next packet, kept for the transcript; undefined at the end. */
  async next() {
    const packet = await this.read();
    if (packet !== undefined) this.heard.push(packet);
    return packet;
  }

  /** Joins a namespace; its name is known from then on. */
  async join(namespace = "/", auth) {
    const prefix = namespace === "/" ? "" : `${namespace},`;
    await this.send(`40${prefix}${auth === undefined ? "" : JSON.stringify(auth)}`);
    for (;;) {
      const packet = await this.next();
      if (packet === undefined || packet.startsWith("44")) return undefined;
      const sid = packet.startsWith("40") && /"sid":"([^"]+)"/.exec(packet)?.[1];
      if (!sid) continue;
      this.know(sid, namespace === "/" ? this.name : `${this.name}@${namespace}`);
      return sid;
    }
  }

  /**
   * Sends packets and a question behind them; keeps what comes before its answer. "open" when the answer came, "closed"
   * when the connection ended.
   */
  async outcome(...packets) {
    return this.outcomeIn("/", ...packets);
  }

  async outcomeIn(namespace, ...packets) {
    const prefix = namespace === "/" ? "" : `${namespace},`;
    const id = FENCE_ID + ++this.#fences;
    await this.send(...packets, `42${prefix}${id}["ack","fence"]`);
    for (;;) {
      const packet = await this.read();
      if (packet === undefined) return "closed";
      if (packet === `43${prefix}${id}["fence"]`) return "open";
      this.heard.push(packet);
    }
  }

  /** Keeps everything up to the end. */
  async ended() {
    while ((await this.next()) !== undefined);
  }

  /** Keeps packets until one begins so. */
  async until(start) {
    for (;;) {
      const packet = await this.next();
      if (packet === undefined || packet.startsWith(start)) return packet;
    }
  }
}

/** A polling session: `read` hides how packets are spread over answers. */
export class PollingWire extends Wire {
  #read = [];
  #isOver = false;

  static async open(name, know, address, headers) {
    const wire = new PollingWire(name, know);
    wire.address = address;
    wire.headers = headers;
    wire.opening = await exchange(address({ transport: "polling" }), { headers });
    wire.query = { transport: "polling" };
    if (wire.opening.status !== 200) return wire;
    const [open, ...more] = wire.opening.body.split(SEPARATOR);
    wire.#read.push(...more);
    wire.opened(open);
    wire.query.sid = wire.sid;
    return wire;
  }

  get() {
    return exchange(this.address(this.query), { headers: this.headers });
  }

  post(body, headers = {}) {
    const type = { "content-type": "text/plain;charset=UTF-8" };
    return exchange(this.address(this.query), { method: "POST", body, headers: { ...type, ...this.headers, ...headers } });
  }

  async send(...packets) {
    const body = packets.map((packet) => (Buffer.isBuffer(packet) ? `b${packet.toString("base64")}` : packet)).join(SEPARATOR);
    return this.post(body);
  }

  async read() {
    while (this.#read.length === 0) {
      if (this.#isOver) return undefined;
      const { status, body } = await this.get();
      if (status !== 200) {
        this.#isOver = true;
        this.heard.push(`(${status} ${body})`);
        return undefined;
      }
      this.#read.push(...body.split(SEPARATOR));
    }
    return this.#read.shift();
  }

  close() {}
}

/** A WebSocket; with a `polling` session before it, its upgrade. */
export class SocketWire extends Wire {
  #messages = [];
  #waiting = [];

  /** Opens a WebSocket and reads nothing. */
  static async connect(name, know, url, headers) {
    const wire = new SocketWire(name, know);
    url.protocol = "ws:";
    wire.ws = new WebSocket(url, { headers, perMessageDeflate: false });
    wire.ws.on("upgrade", (response) => (wire.opening = { status: 101, headers: picked(response.headers) }));
    wire.ws.on("message", (data, isBinary) => wire.#deliver(isBinary ? `<${data.toString("hex")}>` : data.toString()));
    wire.ws.on("close", (code) => wire.#deliver({ code }));
    const opened = new Promise((resolve, reject) => wire.ws.on("open", resolve).on("error", reject));
    opened.catch(() => {});
    await within(opened, "the WebSocket handshake");
    return wire;
  }

  static async open(name, know, address, headers) {
    const wire = await SocketWire.connect(name, know, address({ transport: "websocket" }), headers);
    wire.opened(await wire.read());
    return wire;
  }

  /** Opens a polling session and moves it. */
  static async upgraded(name, know, address, headers) {
    const polling = await PollingWire.open(name, know, address, headers);
    const wire = await polling.probe();
    wire.send("2probe");
    await wire.next();
    wire.send("5");
    return wire;
  }

  #deliver(message) {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(message);
    else this.#messages.push(message);
  }

  send(...packets) {
    for (const packet of packets) this.ws.send(packet);
  }

  async read() {
    if (this.code !== undefined) return undefined;
    const waiting = () => new Promise((resolve) => this.#waiting.push(resolve));
    const message = this.#messages.length > 0 ? this.#messages.shift() : await within(waiting(), `${this.name}'s next packet`);
    if (typeof message === "string") return message;
    this.code = message.code;
    this.heard.push(`(closed ${message.code})`);
    return undefined;
  }

  close() {
    this.ws.terminate();
  }
}

/** A second transport for the session. */
PollingWire.prototype.probe = async function () {
  const { address, name, know, headers } = this;
  const wire = await SocketWire.connect(name, know, address({ transport: "websocket", sid: this.sid }), headers);
  Object.assign(wire, { handshake: this.handshake, sid: this.sid, opening: this.opening });
  return wire;
};

export const openWire = { polling: PollingWire.open, websocket: SocketWire.open, upgrade: SocketWire.upgraded };
