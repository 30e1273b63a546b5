// A TCP proxy on loopback that a case owns: it sees the requests of one client, and can play a server that is away, a
// cut cable, a middlebox that refuses, and a line on which nothing comes through.

import { once } from "node:events";
import net from "node:net";

export class Gate {
  // Every HTTP request that came so far: {method, url, query, headers}, names of headers in lower case. Clients of the
  // judges use a connection for one request only, so that its first bytes are the request.
  requests = [];
  // Decides about each request: nothing to let it pass, "destroy", or the text of an HTTP response to answer with.
  rule = () => undefined;
  // With a number, everything passes in pieces of so many bytes, each by itself.
  pieceBytes = Infinity;

  #pairs = new Set();
  #shut = false;
  #held = { up: undefined, down: undefined };
  #waiting = [];
  #pieces = [];

  static async open(target) {
    const gate = new Gate();
    const { hostname, port } = new URL(target);
    gate.server = net.createServer((client) => gate.#admit(client, { host: hostname, port }));
    gate.server.listen(0, "127.0.0.1");
    await once(gate.server, "listening");
    gate.url = `http://127.0.0.1:${gate.server.address().port}`;
    return gate;
  }

  // Requests that begin a session.
  get handshakes() {
    return this.requests.filter(({ query }) => query.EIO && !query.sid);
  }

  // The first request that is wanted, past or future.
  request(wanted) {
    const found = this.requests.find(wanted);
    return found ? Promise.resolve(found) : new Promise((resolve) => this.#waiting.push({ wanted, resolve }));
  }

  // The server goes away: connections are reset, and so are new ones until `reopen`. The port stays ours meanwhile.
  shut() {
    this.#shut = true;
    this.cut();
  }

  reopen() {
    this.#shut = false;
  }

  cut() {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  // Keeps what goes "up" to the server or "down" to the client until `release`; what is kept is lost by a cut.
  hold(direction) {
    this.#held[direction] ??= [];
  }

  release() {
    for (const direction of ["up", "down"]) {
      const kept = this.#held[direction] ?? [];
      this.#held[direction] = undefined;
      for (const write of kept) write();
    }
  }

  close() {
    this.shut();
    this.server.close();
  }

  #admit(client, target) {
    if (this.#shut) return client.resetAndDestroy();
    const upstream = net.connect(target);
    const pair = [client, upstream];
    this.#pairs.add(pair);
    for (const [one, other, direction] of [[client, upstream, "up"], [upstream, client, "down"]]) {
      one.on("error", () => {}); // "close" follows
      one.on("end", () => this.#pass(direction, () => other.end()));
      one.on("close", () => this.#pass(direction, () => other.destroy()));
    }
    client.on("close", () => this.#pairs.delete(pair));
    for (const socket of pair) socket.setNoDelay(true);
    upstream.on("data", (chunk) => this.#forward("down", client, chunk));

    let head = Buffer.alloc(0);
    client.on("data", (chunk) => {
      if (head === undefined) return this.#forward("up", upstream, chunk);
      head = Buffer.concat([head, chunk]);
      if (!head.includes("\r\n\r\n")) return;
      const [whole, verdict] = [head, this.#judge(head.toString("latin1"))];
      head = undefined;
      if (verdict === undefined) return this.#forward("up", upstream, whole);
      if (verdict === "destroy") client.destroy();
      else client.end(verdict);
    });
  }

  #judge(text) {
    const [line, ...lines] = text.slice(0, text.indexOf("\r\n\r\n")).split("\r\n");
    const [method, url] = line.split(" ");
    const headers = Object.fromEntries(lines.map((header) => /^([^:]*): *(.*)$/.exec(header).slice(1)));
    const request = {
      method,
      url,
      query: Object.fromEntries(new URL(url, this.url).searchParams),
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
    };
    this.requests.push(request);
    this.#waiting = this.#waiting.filter(({ wanted, resolve }) => !wanted(request) || resolve(request));
    return this.rule(request);
  }

  #forward(direction, to, chunk) {
    for (let start = 0; start < chunk.length; start += this.pieceBytes) {
      const piece = chunk.subarray(start, start + this.pieceBytes);
      this.#pass(direction, () => to.writable && to.write(piece));
    }
  }

  #pass(direction, write) {
    if (this.#held[direction]) this.#held[direction].push(write);
    else if (this.pieceBytes === Infinity) write();
    else if (this.#pieces.push(write) === 1) setImmediate(() => this.#passNext());
  }

  // One piece in a turn of the event loop, so that the other side can read it before the next one comes.
  #passNext() {
    this.#pieces.shift()();
    if (this.#pieces.length > 0) setImmediate(() => this.#passNext());
  }
}

// An HTTP response for `rule`.
export const response = (status, body = "") =>
  `HTTP/1.1 ${status} Judged\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`;
