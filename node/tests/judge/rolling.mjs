// Official clients behind a balancer, while the nodes behind it are restarted one after the other: each client comes back
// by itself, and has to account for every message.
//
//   node rolling.mjs BALANCER,PUBLISHER [--clients 60]
//
// PUBLISHER is a node that nobody restarts. One client there broadcasts numbers through the relay, all the time. The
// others enter through the balancer: a third of them on WebSocket, a third on polling, a third with the upgrade. The line
// "connected" says that all are in and the numbers flow; they stop when the standard input ends. Then
//
//   * while a client is connected it has received each number once and in order, from the first one that was published
//     after it had connected;
//   * what it missed was published while it was away, or in the last moments before;
//   * it was disconnected at least once, and only in ways after which the official client reconnects by itself.

import { assert, commandLine, connect, finish, start, test, within } from "./support.mjs";

const INTERVAL_MS = 20;
// How old the first message may be that a client misses when it is disconnected: it was still on its way to its node.
const LAST_MOMENTS_MS = 10_000;
const MODES = ["websocket", "polling", "upgrade"];

const { urls, flags } = commandLine({ deadlineSeconds: 300, flags: { clients: { type: "string", default: "60" } } });
const [balancer, publisherNode] = urls;

// When each number was published.
const sent = [];

// What one client received, period by period of being connected: the number that is due when it begins, the first and the
// last one that came, and what ended it.
class Account {
  constructor(client, mode, index) {
    this.client = client;
    this.mode = mode;
    this.index = index;
    this.periods = [];
    this.faults = [];
    client.socket.offAny();
    client.socket.on("connect", () => this.periods.push({ due: sent.length }));
    client.socket.on("msg", (n) => this.#hear(n));
    client.socket.on("disconnect", (reason) => this.#leave(reason));
  }

  get period() {
    return this.periods.at(-1);
  }

  #hear(n) {
    const { period } = this;
    if (period === undefined || period.reason) return this.#fault(`heard ${n} while disconnected`);
    if (n <= this.#lastBefore(period)) this.#fault(`heard ${n} again after reconnecting`);
    if (period.last === undefined && n > period.due) this.#fault(`heard ${n} first, and ${period.due} was due`);
    if (period.last !== undefined && n !== period.last + 1) this.#fault(`heard ${n} after ${period.last}`);
    period.first ??= n;
    period.last = n;
  }

  #leave(reason) {
    const { period } = this;
    period.reason = reason;
    const isExpected = reason === "transport close" || (reason === "transport error" && this.mode !== "websocket");
    if (!isExpected) this.#fault(`disconnected by "${reason}"`);
    const firstMissed = period.last === undefined ? period.due : period.last + 1;
    const age = firstMissed < sent.length ? performance.now() - sent[firstMissed] : 0;
    if (age > LAST_MOMENTS_MS) this.#fault(`${firstMissed} did not come in the ${Math.round(age)} ms before the end`);
  }

  #lastBefore(period) {
    return Math.max(-1, ...this.periods.filter((other) => other !== period).map(({ last }) => last ?? -1));
  }

  #fault(what) {
    this.faults.push(`client ${this.index} (${this.mode}), period ${this.periods.length}: ${what}`);
  }
}

const eventually = async (what, holds) => {
  await within(30_000, (async () => {
    while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
  })(), what);
};

const roll = async () => {
  const publisher = await connect({ url: publisherNode, mode: "websocket" });
  publisher.socket.offAny();
  const accounts = Array.from({ length: Number(flags.clients) }, (_, index) => {
    const mode = MODES[index % MODES.length];
    // They come back soon and each after another time, so that the run is short and the pace is the server's.
    const back = { reconnection: true, reconnectionDelay: 200, reconnectionDelayMax: 1_000 };
    return new Account(start({ url: balancer, mode, ...back }), mode, index);
  });
  const isConnected = ({ client }) => client.socket.connected;
  await eventually("everybody to be connected", () => accounts.every(isConnected));
  const publish = () => {
    publisher.socket.emit("broadcast", sent.length);
    sent.push(performance.now());
  };
  const publishing = setInterval(publish, INTERVAL_MS);
  await eventually("the first message everywhere", () => accounts.every(({ period }) => period.last !== undefined));
  console.log("connected");
  for await (const _ of process.stdin);

  await eventually("everybody to be connected again", () => accounts.every(isConnected));
  clearInterval(publishing);
  publish();
  const last = sent.length - 1;
  const faults = () => accounts.flatMap((account) => account.faults);
  const missing = () => accounts.filter(({ period }) => period.last !== last).map(({ index }) => index);
  await eventually("the last message everywhere", () => missing().length === 0).catch((error) => {
    throw new Error(`${error.message}; clients ${missing()}\n${faults().slice(0, 20).join("\n")}`);
  });

  const periods = accounts.flatMap((account) => account.periods);
  const received = periods.reduce((sum, { first, last: end }) => sum + (end === undefined ? 0 : end - first + 1), 0);
  console.log(`    ${sent.length} messages to ${accounts.length} clients, ${periods.length - accounts.length} reconnections, ` +
    `${accounts.length * sent.length - received} messages missed while away`);
  assert.deepEqual(faults().slice(0, 20), [], `${faults().length} faults`);
  const stayed = accounts.filter((account) => account.periods.length < 2).map(({ index }) => index);
  assert.deepEqual(stayed, [], "clients whose node was not restarted");
};

await test(`${flags.clients} clients come back by themselves and account for every message`, roll, 280_000);
finish();
