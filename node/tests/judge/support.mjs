// What the judges share: the runner, the client that remembers what it heard, and the fence.
//
// No judge waits for a while to show that nothing came. It sends a fence instead: an emit that everybody receives.
// Whatever was emitted before the fence reaches a socket before the fence does, so that what is missing when the
// fence arrives will never arrive.

import assert from "node:assert/strict";
import http from "node:http";
import https from "node:https";
import { parseArgs } from "node:util";
import { Manager } from "socket.io-client";
import { parserOf } from "./parsers.mjs";

export { assert };

// Nothing here takes a second on an idle machine; a busy one is no reason to fail.
const CASE_TIMEOUT_MS = 45_000;
// Less than a case may take, so that the failure names the event.
const ASK_TIMEOUT_MS = 40_000;
const CONNECT_TIMEOUT_MS = 30_000;

// ---------------------------------------------------------------------------------------------- the command line

// The parsers of clients by the address that they connect to, where they are not the default one.
const parsers = new Map();

// `SCRIPT URL[,URL...] [polling|websocket|upgrade] [--parser NAME[,NAME...]] [flags]`. With several URLs (the nodes of one cluster) the clients
// are dealt out over them; the first client is on the first node. So are the parsers, in order; one is that of all nodes.
export const commandLine = ({ deadlineSeconds, flags = {} }) => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { only: { type: "string" }, skip: { type: "string" }, parser: { type: "string" }, ...flags },
  });
  const [urls, mode = "websocket"] = positionals;
  if (!urls || !["polling", "websocket", "upgrade"].includes(mode)) {
    console.error("usage: SCRIPT URL[,URL...] [polling|websocket|upgrade] [--parser NAME[,NAME...]] [--only REGEX] [--skip REGEX] [flags]");
    process.exit(2);
  }
  setTimeout(() => {
    console.log(`not ok - the whole run took longer than ${deadlineSeconds} s, while in: ${[...runner.playing].join("; ")}`);
    process.exit(1);
  }, deadlineSeconds * 1000).unref();
  urls.split(",").forEach((url, index) => {
    const names = (values.parser ?? "default").split(",");
    parsers.set(url, parserOf(names[index % names.length]));
  });
  runner.only = values.only && new RegExp(values.only);
  runner.skip = values.skip && new RegExp(values.skip);
  return { urls: urls.split(","), url: urls.split(",")[0], mode, flags: values };
};

// ----------------------------------------------------------------------------------------------------- the runner

const runner = { passed: 0, failed: 0, skipped: 0, playing: new Set(), only: undefined, skip: undefined };

// Runs one case to its end before the next one starts; a case that fails does not stop the others.
export const test = async (name, body, timeoutMs = CASE_TIMEOUT_MS) => {
  if (runner.skip?.test(name) || (runner.only && !runner.only.test(name))) return skip(name, "not asked for");
  runner.playing.add(name);
  try {
    await within(timeoutMs, body(), "the end of the case");
    runner.passed++;
    console.log(`ok ${runner.passed + runner.failed} - ${name}`);
  } catch (error) {
    runner.failed++;
    console.log(`not ok ${runner.passed + runner.failed} - ${name}`);
    console.log(String(error?.stack ?? error).replace(/^/gm, "    "));
    // What a transport has to say: a status, or an error of its own.
    if (error?.description) console.log(`    because of: ${error.description.message ?? error.description}`);
  } finally {
    runner.playing.delete(name);
  }
};

// Runs cases, each a [name, body], that do not disturb each other: so many at a time.
export const together = async (atOnce, cases, timeoutMs = CASE_TIMEOUT_MS) => {
  const left = cases.values();
  const playOneAfterTheOther = async () => {
    for (const [name, body] of left) await test(name, body, timeoutMs);
  };
  await Promise.all(Array.from({ length: atOnce }, playOneAfterTheOther));
};

export const skip = (name, why) => {
  runner.skipped++;
  console.log(`skip - ${name} (${why})`);
};

// The last line is one that test harnesses know, and the exit code tells the same.
export const finish = () => {
  console.log(`${runner.passed} passed, ${runner.failed} failed, ${runner.skipped} skipped`);
  process.exit(runner.failed === 0 && runner.passed > 0 ? 0 : 1);
};

// A bound on a promise, so that what never comes fails with its name.
export const within = async (ms, promise, what) => {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
};

export const once = (emitter, event) => new Promise((resolve) => emitter.once(event, resolve));

// ----------------------------------------------------------------------------------------------------- the clients

const TRANSPORTS = { polling: ["polling"], websocket: ["websocket"], upgrade: ["polling", "websocket"] };

// One official client in one namespace. It remembers every event, in order, as [event, ...args].
export class Client {
  constructor(socket) {
    this.socket = socket;
    this.received = [];
    this.waiting = [];
    // What this client acknowledges a "question" with: a function to an array of ack arguments; without it, silence.
    this.answers = undefined;
    this.reasons = [];
    this.askTimeoutMs = ASK_TIMEOUT_MS;
    socket.onAny((event, ...args) => this.#hear([event, ...args.filter((arg) => typeof arg !== "function")]));
    socket.on("question", (...args) => {
      const ack = args.pop();
      if (this.answers) ack(...this.answers(...args));
    });
    socket.on("disconnect", (reason) => this.reasons.push(reason));
  }

  #hear(entry) {
    this.received.push(entry);
    this.waiting = this.waiting.filter(({ wanted, resolve }) => {
      if (!wanted(entry)) return true;
      resolve(entry);
      return false;
    });
  }

  get id() {
    return this.socket.id;
  }

  get engine() {
    return this.socket.io.engine;
  }

  // Emits and waits for the ack; gives all arguments of the ack.
  ask(event, ...args) {
    return new Promise((resolve, reject) => {
      this.socket.timeout(this.askTimeoutMs).emit(event, ...args, (error, ...answers) => {
        if (error) reject(new Error(`no ack for "${event}"`));
        else resolve(answers);
      });
    });
  }

  // The first event that is wanted, whether it came already or is still to come.
  heard(wanted) {
    const entry = this.received.find(wanted);
    return entry ? Promise.resolve(entry) : new Promise((resolve) => this.waiting.push({ wanted, resolve }));
  }

  // What this client heard since the last `take`, without the fences and the greeting.
  take() {
    const heard = this.received.filter(([event]) => event !== "fence" && event !== "welcome");
    this.received = [];
    return heard;
  }

  // The reason of the first "disconnect" event, past or future.
  async ended() {
    if (this.reasons.length === 0) {
      await within(CASE_TIMEOUT_MS, once(this.socket, "disconnect"), "the client's disconnect event");
    }
    return this.reasons[0];
  }

  // Another namespace over the same connection; not yet connected.
  sibling(namespace, options = {}) {
    return track(new Client(this.socket.io.socket(namespace, options)));
  }

  async connected() {
    if (!this.socket.connected) {
      const refused = new Promise((_, reject) => this.socket.once("connect_error", reject));
      refused.catch(() => {});
      await within(CONNECT_TIMEOUT_MS, Promise.race([once(this.socket, "connect"), refused]), "CONNECT");
    }
    return this;
  }

  // Resolves when this client's connection is on the transport that its mode ends with.
  async settled(mode) {
    await this.connected();
    if (mode === "upgrade" && this.engine.transport.name !== "websocket") {
      await within(CONNECT_TIMEOUT_MS, once(this.engine, "upgrade"), "the upgrade");
    }
    return this;
  }

  // Cuts the TCP connections under the client, as a cable would; nobody says goodbye.
  async cut() {
    const { transport } = this.engine;
    if (transport.name === "websocket") return transport.ws.terminate();
    // On polling there is something to cut only while a GET waits. Behind the answer to a question nothing more is on
    // its way to the client, so that its next GET is going to wait; and that one has reached the server when the
    // server has answered another request on another connection.
    await this.ask("echo");
    await fetch(`${this.socket.io.uri}/socket.io/?EIO=4&transport=polling&sid=nobody`).then((answer) => answer.text());
    this.socket.io.opts.agent.destroy();
  }

  close() {
    this.socket.io.reconnection(false);
    this.socket.disconnect();
    this.socket.io.engine?.close();
  }
}

const open = new Set();
const track = (client) => {
  open.add(client);
  return client;
};

// Starts a client and does not wait. It never reconnects unless asked to.
export const start = ({ url, mode, namespace = "/", auth, ...options }) => {
  const manager = new Manager(url, {
    transports: TRANSPORTS[mode],
    reconnection: false,
    // Its own agent, so that `cut` finds this client's polling connections and no others. Without keep-alive, as is the
    // client's habit: its HTTP library waits for ever when a connection that it uses again is reset.
    agent: new (/^(https|wss):/.test(url) ? https : http).Agent({ keepAlive: false }),
    ...(parsers.get(url) && { parser: parsers.get(url) }),
    ...options,
  });
  return track(new Client(manager.socket(namespace, { auth })));
};

export const connect = (options) => start(options).settled(options.mode);

export const closeAll = () => {
  for (const client of open) client.close();
  open.clear();
};

// ------------------------------------------------------------------------------------------------------- the fence

let fences = 0;

// Waits until everything that `by` caused so far has reached all `clients`. They must be in "/" or "/custom".
export const fence = async (by, clients) => {
  const token = `fence-${process.pid}-${fences++}`;
  await by.ask("fence", token);
  await Promise.all(
    clients.map((client) =>
      within(CASE_TIMEOUT_MS, client.heard(([event, arg]) => event === "fence" && arg === token), "the fence"),
    ),
  );
};

// Room names of this run only, so that a server may be judged twice.
const run = `${process.pid}-${Date.now().toString(36)}`;
export const roomName = (name) => `${name}-${run}`;
