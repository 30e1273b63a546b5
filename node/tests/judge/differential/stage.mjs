// What one run of a script works with: a server, clients on one way of connecting, and the transcript.

import { FENCE, startClient, startSibling } from "./clients.mjs";
import { Names, sorted } from "./names.mjs";
import { nsp, plain } from "./steps.mjs";
import { within, sleep } from "./waiting.mjs";
import { exchange, openWire, UPGRADE_HEADERS } from "./wire.mjs";

// A server may be asked again, by another process.
const session = Date.now().toString(36);
let runs = 0;

export class Stage {
  #peer;
  #names = new Names();
  #open = [];
  #notes = {};
  #run = `${session}-${++runs}`;
  #spaces = new Set(["/"]);
  #fences = 0;

  constructor(peer, profile, mode) {
    this.#peer = peer;
    this.profile = profile;
    this.mode = mode;
    /** The namespace that belongs to this run alone. */
    this.nsp = this.space("main");
    this.url = peer.urls[profile];
  }

  // Namespaces.

  /** The name of a namespace of this run. It has to be opened. */
  space(name) {
    const own = `/${name}-${this.#run}-`;
    this.#names.add(own, `/${name}`);
    return own;
  }

  /** Declares a namespace of this run with its hooks: lists of steps. */
  async open(namespace, hooks = {}) {
    this.#spaces.add(namespace);
    await this.#peer.control("open", { profile: this.profile, namespace, ...plain(hooks) });
    return namespace;
  }

  release(gate) {
    return this.#peer.control("release", { gate: this.gate(gate) });
  }

  /** The name of a gate of this run, for `server.wait`. */
  gate(name) {
    return `${name}-${this.#run}`;
  }

  closeServer() {
    return this.#peer.control("close", { profile: this.profile });
  }

  // Clients.

  /** A client that may have been refused. */
  async attempt(name, { namespace = this.nsp, ...options } = {}) {
    if (!this.#spaces.has(namespace) && namespace === this.nsp) await this.open(namespace);
    const client = startClient(name, { url: this.url, mode: this.mode, namespace, ...options });
    client.namespace = namespace;
    this.#open.push(client);
    await client.settled(this.mode);
    this.#names.add(client.id, `<${name}>`);
    return client;
  }

  async client(name, options) {
    const client = await this.attempt(name, options);
    if (!client.socket.connected) throw new Error(`${name} was not let in: ${JSON.stringify(client.heard)}`);
    return client;
  }

  /** Clients of the run's namespace, in this order. */
  async clients(...names) {
    const clients = [];
    for (const name of names) clients.push(await this.client(name));
    return clients;
  }

  /** Another namespace over the same connection; it may be refused. */
  async sibling(name, client, { namespace, auth } = {}) {
    const sibling = startSibling(name, client, { namespace, auth });
    sibling.namespace = namespace;
    this.#open.push(sibling);
    await sibling.settled(this.mode);
    this.#names.add(sibling.id, `<${name}>`);
    return sibling;
  }

  /** Waits until everything caused so far has reached these clients of one namespace: what they have not heard then never comes. */
  async fence(...clients) {
    const token = `${this.#run}.${++this.#fences}`;
    const fenced = Promise.all(clients.map((client) => client.fenced(token)));
    await clients[0].do(nsp.emit(FENCE, token));
    await fenced;
  }

  // The wire.

  #address = (query, path = this.#peer.paths[this.profile] ?? "/socket.io/") => {
    const url = new URL(path, this.url);
    for (const [key, value] of Object.entries({ EIO: 4, ...query })) {
      if (value !== null) url.searchParams.set(key, value);
    }
    return url;
  };

  /** A session without a library; no namespace is joined. */
  async wire(name = "w", { mode = this.mode, query = {}, headers } = {}) {
    const know = (id, as) => this.#names.add(id, `<${this.#names.plain(as)}>`);
    const address = (more, path) => this.#address({ ...query, ...more }, path);
    const wire = await openWire[mode](name, know, address, headers);
    this.#open.push(wire);
    return wire;
  }

  /** A wire in the main namespace, or in others. */
  async joined(name = "w", ...namespaces) {
    const wire = await this.wire(name);
    for (const namespace of namespaces.length ? namespaces : ["/"]) await wire.join(namespace);
    return wire;
  }

  /** One HTTP request to the engine, noted: status, headers and body. */
  async request(label, query, { path, ...options } = {}) {
    return this.note(label, await this.ask(query, { path, ...options }));
  }

  async ask(query, { path, ...options } = {}) {
    const { bytes: _, length: __, ...answer } = await exchange(this.#address(query, path), options);
    return answer;
  }

  /** A request for a WebSocket, without a WebSocket client. */
  upgrade(label, query, { headers = {}, ...options } = {}) {
    return this.request(label, { transport: "websocket", ...query }, { headers: { ...UPGRADE_HEADERS, ...headers }, ...options });
  }

  upgradeHeaders = UPGRADE_HEADERS;

  /** Waits until something is true. */
  async eventually(what, holds) {
    const watch = async () => {
      while (!(await holds())) await sleep(15);
    };
    await within(watch(), what);
  }

  // The transcript.

  note(label, value) {
    if (label in this.#notes) throw new Error(`noted twice: ${label}`);
    this.#notes[label] = value;
    return value;
  }

  /**
   * What the server saw of a namespace, by socket, once every one of `ids` has left and it has noted `until`; in "/" that
   * of other sockets is left out.
   */
  async seen(ids = [], { namespace = this.nsp, label = "server", until } = {}) {
    let entries = [];
    await this.eventually(`the server to see ${ids.length} sockets leave`, async () => {
      entries = await this.#peer.control("log", { profile: this.profile, namespace });
      const isNoted = until === undefined || entries.some(({ what, args }) => what === "note" && args[0] === until);
      return isNoted && ids.every((id) => entries.some((entry) => entry.id === id && entry.what === "disconnect"));
    });
    const bySocket = {};
    for (const { id, ...entry } of entries) {
      if (namespace !== "/" || ids.includes(id)) (bySocket[this.#names.plain(id)] ??= []).push(entry);
    }
    this.note(label, bySocket);
  }

  /** Takes a note back: another script has it. */
  forget(label) {
    delete this.#notes[label];
  }

  /** What the server has seen of a namespace so far. */
  log(namespace = this.nsp) {
    return this.#peer.control("log", { profile: this.profile, namespace });
  }

  /** What can be compared: ids and names of the run are replaced. */
  transcript() {
    const heard = {};
    for (const { name, heard: all } of this.#open) (heard[name] ??= []).push(...all);
    return sorted(this.#names.replaced({ heard, notes: this.#notes }));
  }

  close() {
    for (const client of this.#open) client.close();
  }
}
