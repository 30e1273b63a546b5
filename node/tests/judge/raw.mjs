// Clients without a library, for what the official client never does.

import { WebSocket } from "ws";
import { assert, once, within } from "./support.mjs";

const TIMEOUT_MS = 30_000;

export class RawWebSocket {
  // The WebSocket is open and the Engine.IO handshake is read; no namespace is joined.
  static async open(url, { connect } = {}) {
    const client = new RawWebSocket();
    client.messages = [];
    client.waiting = [];
    client.ws = new WebSocket(`${url.replace(/^http/, "ws")}/socket.io/?EIO=4&transport=websocket`);
    client.closeCode = once(client.ws, "close");
    client.ws.on("error", () => {}); // the close that follows tells
    client.ws.on("message", (data, isBinary) => {
      // The heartbeat is none of the tests' business; `silent` is how a client plays dead.
      if (!isBinary && data.toString() === "2") return void (client.silent || client.ws.send("3"));
      const message = isBinary ? data : data.toString();
      const next = client.waiting.shift();
      if (next) next(message);
      else client.messages.push(message);
    });
    const open = await client.next();
    assert.equal(open[0], "0");
    client.handshake = JSON.parse(open.slice(1));
    if (connect) {
      client.send(`40${connect === "/" ? "" : `${connect},`}`);
      const answer = await client.next();
      client.sid = JSON.parse(answer.slice(answer.indexOf("{"))).sid;
      await client.next(); // the welcome
    }
    return client;
  }

  send(...messages) {
    for (const message of messages) this.ws.send(message);
  }

  next() {
    if (this.messages.length > 0) return Promise.resolve(this.messages.shift());
    return within(TIMEOUT_MS, new Promise((resolve) => this.waiting.push(resolve)), "the next frame");
  }

  closed() {
    return within(TIMEOUT_MS, this.closeCode, "the close of the WebSocket");
  }

  // What the server makes of `frames`: "open" with the frames it sent before the answer to a probe, or "closed".
  async outcome(...frames) {
    this.send(...frames, '42777["echo","probe"]');
    const heard = [];
    for (;;) {
      const message = await Promise.race([this.next(), this.closed().then(() => undefined)]);
      if (message === undefined) return { state: "closed", heard };
      if (message === '43777["probe"]') return { state: "open", heard };
      heard.push(message);
    }
  }

  close() {
    this.ws.terminate();
  }
}

export class RawPolling {
  static async open(url) {
    const client = new RawPolling();
    client.base = `${url}/socket.io/?EIO=4&transport=polling`;
    const response = await fetch(client.base);
    client.handshake = JSON.parse((await response.text()).slice(1));
    client.base += `&sid=${client.handshake.sid}`;
    return client;
  }

  post(body) {
    return fetch(this.base, { method: "POST", body, headers: { "content-type": "text/plain;charset=UTF-8" } });
  }

  // The packets of one GET.
  async get() {
    const response = await fetch(this.base);
    assert.equal(response.status, 200);
    return (await response.text()).split("\u001e");
  }

  // Reads until a packet is wanted; gives all packets on the way, heartbeats left out.
  async until(wanted) {
    const heard = [];
    while (!heard.some(wanted)) {
      for (const packet of await this.get()) {
        if (packet === "2") await this.post("3");
        else heard.push(packet);
      }
    }
    return heard;
  }
}
