// What one case works with: its own clients and gates, all of which end with it, so that many cases can be played at
// once and none disturbs the next.

import { start } from "../support.mjs";
import { Gate } from "./gate.mjs";

// Coming back quickly.
export const RETURNING = { reconnection: true, reconnectionDelay: 10, reconnectionDelayMax: 30 };

export class Stage {
  #kept = [];

  constructor({ url, mode, options }) {
    this.url = url;
    this.mode = mode;
    this.options = options;
  }

  // The transport that a connection begins with.
  get transport() {
    return this.mode === "websocket" ? "websocket" : "polling";
  }

  // A client that is not connected yet.
  start(options = {}) {
    return this.keep(start({ url: this.url, mode: this.mode, ...this.options, ...options }));
  }

  // A client on the transport that its mode ends with.
  async connect(options = {}) {
    return this.start(options).settled(this.mode);
  }

  // A client that hears how sockets of a namespace end on the server: see `parting`.
  async watch(namespace = "/") {
    const watcher = await this.connect({ namespace });
    await watcher.ask("watch");
    return watcher;
  }

  async gate() {
    return this.keep(await Gate.open(this.url));
  }

  // Closes it with the stage.
  keep(closable) {
    this.#kept.push(closable);
    return closable;
  }

  close() {
    for (const closable of this.#kept) closable.close();
  }
}

const ON_MANAGER = ["open", "error", "close", "reconnect_attempt", "reconnect", "reconnect_error", "reconnect_failed"];
const ON_SOCKET = ["connect", "connect_error", "disconnect"];

// Keeps what happens to a client from now on, as text, in order: "manager reconnect_attempt 1", "disconnect transport close".
export const chronicle = (client, names = [...ON_MANAGER, ...ON_SOCKET]) => {
  const lines = [];
  const follow = (emitter, events, prefix) => {
    for (const event of events.filter((event) => names.includes(event))) {
      emitter.on(event, (detail) => lines.push([prefix + event, detail?.message ?? detail].join(" ").trim()));
    }
  };
  follow(client.socket.io, ON_MANAGER, "manager ");
  follow(client.socket, ON_SOCKET, "");
  return lines;
};

// Waits for longer than any of the client's own timers that were set before and are shorter: timers of a process fire
// in the order of their deadlines, however busy the machine is.
export const timersBelow = (ms) => new Promise((resolve) => setTimeout(resolve, ms + 20));
