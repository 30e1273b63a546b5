// Many official clients in a few rooms, all of them publishing at once through the relay: every message is counted at
// every receiver. None may be lost, doubled, altered or out of the order of its publisher.
//
//   node load.mjs URL[,URL...] [flags]
//     --clients 200          clients on WebSocket
//     --polling 20           clients on polling besides
//     --old 0                clients of Socket.IO 2 on WebSocket besides
//     --old-polling 0        the same on polling
//     --rooms 8              rooms
//     --rooms-per-client 3   rooms that each client is in
//     --messages 8           messages to a room by each client; every fifth carries an attachment
//     --broadcasts 1         messages to everybody by each client, spread among the others
//     --echoes 10            echoes by each client, spread among the others
//     --window 4             emits of one client that are under way at once
//     --payload 64           bytes of padding in each message
//     --seconds 300          how long it may take
//
// It uses only the relay ("join", "emit", "broadcast", "echo" and what they cause), so that it also judges a `fanfare`
// that runs nothing else. Nobody else may use that relay meanwhile. The exit code tells.

import { connectOld } from "./old-support.mjs";
import { assert, commandLine, connect, finish, roomName, test, within } from "./support.mjs";

const NUMBERS = {
  clients: 200,
  polling: 20,
  old: 0,
  "old-polling": 0,
  rooms: 8,
  "rooms-per-client": 3,
  messages: 8,
  broadcasts: 1,
  echoes: 10,
  window: 4,
  payload: 64,
  seconds: 300,
};
const flags = Object.fromEntries(Object.entries(NUMBERS).map(([name, n]) => [name, { type: "string", default: String(n) }]));
const given = commandLine({ deadlineSeconds: 600, flags });
const { urls } = given;
const size = Object.fromEntries(Object.keys(NUMBERS).map((name) => [name, Number(given.flags[name])]));

const padding = "x".repeat(size.payload);
const rooms = Array.from({ length: size.rooms }, (_, n) => roomName(`load-${n}`));

// What publisher `p` does, in this order: a list of {room} (undefined: everybody) and {echo}. Everybody derives the
// same plan, so that each receiver knows what it must hear.
const planOf = (p) => {
  const plan = [];
  const total = Math.max(size.messages, size.broadcasts, size.echoes);
  for (let n = 0; n < total; n++) {
    if (n < size.messages) plan.push({ room: (p * 7 + n * 3) % size.rooms });
    if (n < size.broadcasts) plan.push({ room: undefined });
    if (n < size.echoes) plan.push({ echo: true });
  }
  // The last message of each publisher goes to everybody and thereby shows where its series ends.
  plan.push({ room: undefined });
  return plan;
};

const members = (index) =>
  new Set(Array.from({ length: Math.min(size["rooms-per-client"], size.rooms) }, (_, n) => (index + n * (1 + (index % 3))) % size.rooms));

// The numbers of the messages of publisher `p` that a member of `inRooms` must hear.
const expectedOf = (p, inRooms) => {
  const numbers = [];
  planOf(p).forEach(({ room, echo }, n) => {
    if (!echo && (room === undefined || inRooms.has(room))) numbers.push(n);
  });
  return numbers;
};

// A receiver checks each message as it comes and keeps only a position in each publisher's series.
class Receiver {
  constructor(client, index, publishers) {
    this.client = client;
    this.index = index;
    this.rooms = members(index);
    this.expected = Array.from({ length: publishers }, (_, p) => expectedOf(p, this.rooms));
    this.position = new Array(publishers).fill(0);
    this.received = 0;
    this.left = this.expected.reduce((sum, numbers) => sum + numbers.length, 0);
    this.faults = [];
    this.complete = new Promise((resolve) => (this.completed = resolve));
    this.fenced = new Promise((resolve) => (this.onFence = resolve));
    client.socket.on("msg", (message) => this.#hear(message));
    client.socket.on("disconnect", (reason) => this.faults.push(`disconnected: ${reason}`));
  }

  #hear({ p, n, pad, bytes, fence }) {
    if (fence !== undefined) return this.onFence();
    this.received++;
    const due = this.expected[p][this.position[p]++];
    if (n !== due) this.faults.push(`client ${this.index}: message ${n} of publisher ${p} instead of ${due}`);
    if (pad !== padding) this.faults.push(`client ${this.index}: message ${n} of publisher ${p} is altered`);
    if (n % 5 === 0 && !Buffer.from(`${p}/${n}`).equals(Buffer.from(bytes))) {
      this.faults.push(`client ${this.index}: the attachment of message ${n} of publisher ${p} is altered`);
    }
    if (--this.left === 0) this.completed();
  }
}

const messageOf = (p, n) =>
  n % 5 === 0 ? { p, n, pad: padding, bytes: Buffer.from(`${p}/${n}`) } : { p, n, pad: padding };

// Carries out the plan of publisher `p`, strictly in order, with a window of unanswered emits.
const publish = async (client, p) => {
  const plan = planOf(p);
  const underWay = [];
  for (let n = 0; n < plan.length; n++) {
    if (underWay.length >= size.window) await underWay.shift();
    const { room, echo } = plan[n];
    if (echo) underWay.push(client.ask("echo", p, n).then((answer) => assert.deepEqual(answer, [p, n])));
    else if (room === undefined) underWay.push(client.ask("broadcast", messageOf(p, n)));
    else underWay.push(client.ask("emit", rooms[room], messageOf(p, n)));
  }
  await Promise.all(underWay);
  return plan.length;
};

const load = async () => {
  const kinds = [
    ...Array(size.clients).fill([connect, "websocket"]),
    ...Array(size.polling).fill([connect, "polling"]),
    ...Array(size.old).fill([connectOld, "websocket"]),
    ...Array(size["old-polling"]).fill([connectOld, "polling"]),
  ];
  const total = kinds.length;
  const begun = performance.now();
  const clients = await Promise.all(kinds.map(([connect, mode], n) => connect({ url: urls[n % urls.length], mode })));
  const receivers = clients.map((client, n) => new Receiver(client, n, total));
  // The checking handler is enough: this many messages are not to be remembered.
  for (const client of clients) {
    client.socket.offAny?.();
    client.askTimeoutMs = 200_000;
  }
  await Promise.all(receivers.flatMap(({ client, rooms: own }) => [...own].map((room) => client.ask("join", rooms[room]))));
  const joined = performance.now();

  const emitted = (await Promise.all(clients.map(publish))).reduce((sum, n) => sum + n, 0);
  const missing = () => receivers.reduce((sum, { left }) => sum + Math.max(left, 0), 0);
  await within(120_000, Promise.all(receivers.map(({ complete }) => complete)), "every message").catch((error) => {
    throw new Error(`${error.message}: ${missing()} missing\n${receivers.flatMap(({ faults }) => faults).slice(0, 20).join("\n")}`);
  });
  // A second copy would come behind; one more message from each node, and it is here if there is one.
  await Promise.all(urls.map((_, n) => clients[n].ask("broadcast", { fence: n })));
  await within(120_000, Promise.all(receivers.map(({ fenced }) => fenced)), "the fence");
  const ended = performance.now();

  const received = receivers.reduce((sum, receiver) => sum + receiver.received, 0);
  const seconds = (ended - joined) / 1000;
  console.log(`    ${total} clients (${size.polling} polling, ${size.old + size["old-polling"]} of Socket.IO 2) connected and joined in ${((joined - begun) / 1000).toFixed(1)} s`);
  console.log(`    ${emitted} emits and echoes, ${received} messages received, ${missing()} missing, ` +
    `${seconds.toFixed(1)} s, ${Math.round(received / seconds)} messages/s`);
  const faults = receivers.flatMap((receiver) => receiver.faults);
  assert.deepEqual(faults.slice(0, 20), [], `${faults.length} faults`);
  assert.equal(missing(), 0);
};

await test(`${size.clients} + ${size.polling} + ${size.old} + ${size["old-polling"]} clients: none lost, doubled, altered or out of order`, load, size.seconds * 1000);
finish();
