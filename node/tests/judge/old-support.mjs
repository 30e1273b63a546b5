// Clients of Socket.IO 1 and 2, with what the judges need of the client of today.

import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { once, within } from "./support.mjs";

const require = createRequire(import.meta.url);
const TRANSPORTS = { polling: ["polling"], websocket: ["websocket"], upgrade: ["polling", "websocket"] };
const CONNECT_TIMEOUT_MS = 30_000;

// The file that pages of that time load.
export const browserFile = (client) => fileURLToPath(new URL(`node_modules/${client}/dist/socket.io.js`, import.meta.url));

class OldClient {
  constructor(socket) {
    this.socket = socket;
    this.askTimeoutMs = 40_000;
  }

  // Emits and waits for the ack; gives all arguments of the ack.
  ask(event, ...args) {
    const answer = new Promise((resolve) => this.socket.emit(event, ...args, (...answers) => resolve(answers)));
    return within(this.askTimeoutMs, answer, `an ack for "${event}"`);
  }
}

export const connectOld = async ({ url, mode, client = "socket.io-client-2" }) => {
  const socket = require(client)(url, { transports: TRANSPORTS[mode], forceNew: true, reconnection: false });
  await within(CONNECT_TIMEOUT_MS, once(socket, "connect"), "the connection of an old client");
  return new OldClient(socket);
};
