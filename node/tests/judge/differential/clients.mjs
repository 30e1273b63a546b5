// The official client as scripts use it. It remembers every event, in order, for the transcript.

import http from "node:http";
import { Manager } from "socket.io-client";
import { plain } from "./steps.mjs";
import { within } from "./waiting.mjs";

const TRANSPORTS = { polling: ["polling"], websocket: ["websocket"], upgrade: ["polling", "websocket"] };
const FENCE = "$fence";

/** One official client in one namespace. */
export class Client {
  /** Events as [event, ...args], what it answers an event that asks, and how it ended. */
  heard = [];
  answers = {};
  #waiting = [];

  constructor(name, socket) {
    this.name = name;
    this.socket = socket;
    socket.onAny((event, ...all) => {
      const ack = typeof all.at(-1) === "function" ? all.pop() : undefined;
      if (event !== FENCE) this.heard.push([event, ...all, ...(ack ? ["(asks)"] : [])]);
      const answer = this.answers[event];
      if (ack && answer) ack(...(typeof answer === "function" ? answer(...all) : answer));
      this.#told([event, ...all]);
    });
    socket.on("connect_error", (error) => this.#note("(connect_error)", error.message, error.data));
    socket.on("disconnect", (reason) => this.#note("(disconnect)", reason));
  }

  #note(...entry) {
    this.heard.push(entry.filter((part) => part !== undefined));
    this.#told(entry);
  }

  #told(entry) {
    this.#waiting = this.#waiting.filter(({ wanted, resolve }) => !wanted(entry) || resolve(entry));
  }

  get engine() {
    return this.socket.io.engine;
  }

  /** Waits for an entry that is still to come, or came already. */
  until(what, wanted) {
    const matches = typeof what === "string" ? ([event]) => event === what : wanted;
    const known = this.heard.find(matches);
    if (known) return Promise.resolve(known);
    return within(new Promise((resolve) => this.#waiting.push({ wanted: matches, resolve })), `${this.name} to hear ${what}`);
  }

  fenced(token) {
    const wanted = ([event, mine]) => event === FENCE && mine === token;
    return within(new Promise((resolve) => this.#waiting.push({ wanted, resolve })), `${this.name}'s fence`);
  }

  /** Has the server carry steps out; resolves to their results. */
  do(...steps) {
    return this.ask("do", ...steps.map(plain));
  }

  /** The same without waiting: for steps that end the connection, or wait themselves. */
  start(...steps) {
    this.socket.emit("do", ...steps.map(plain));
  }

  ask(event, ...args) {
    return within(new Promise((resolve) => this.socket.emit(event, ...args, (...answers) => resolve(answers))), `the ack of ${event}`);
  }

  emit(event, ...args) {
    this.socket.emit(event, ...args);
  }

  /** Waits until it is in its namespace, or refused; in the mode `upgrade` also for the WebSocket. */
  async settled(mode) {
    if (!this.socket.connected) {
      const events = ["connect", "connect_error"];
      const first = Promise.race(events.map((event) => new Promise((resolve) => this.socket.once(event, resolve))));
      await within(first, `${this.name} to be let in`);
    }
    // Kept when it has left.
    this.id = this.socket.id;
    if (!this.id) return this;
    if (mode === "upgrade" && this.engine.transport.name !== "websocket") {
      await within(new Promise((resolve) => this.engine.once("upgrade", resolve)), `${this.name}'s upgrade`);
    }
    return this;
  }

  /** Cuts the TCP connection of a WebSocket, as a cable would. */
  cut() {
    this.engine.transport.ws.terminate();
  }

  close() {
    this.socket.io.reconnection(false);
    this.socket.disconnect();
    this.socket.io.engine?.close();
  }
}

/** Starts a client; it does not reconnect. */
export const startClient = (name, { url, mode, namespace, auth, ...options }) => {
  const manager = new Manager(url, {
    transports: TRANSPORTS[mode],
    reconnection: false,
    agent: new http.Agent({ keepAlive: false }),
    ...options,
  });
  return new Client(name, manager.socket(namespace, { auth }));
};

/** Another namespace over the connection of a client. */
export const startSibling = (name, client, { namespace, auth }) => {
  return new Client(name, client.socket.io.socket(namespace, { auth }));
};

export { FENCE };
