// No packet is lost, doubled or out of order while a connection moves from polling to WebSocket.
//
//   node upgrade.mjs URL [--clients N] [--only REGEX] [--skip REGEX]
//
// Each of many clients at once
//   - sends numbered events, text and binary by turns, a window of them under way at any time, and gets each back as
//     an event and as an ack;
//   - receives a stream of numbered ticks, which the server emits by its own clock;
//   - receives the numbered broadcasts of a publisher that does not upgrade;
// from before its upgrade until well after it. Both series of a client must come in exact order and count.
//
// Played directly, through a proxy that delays the WebSocket by another time for each connection, so that every step
// of the upgrade is drawn out, and through proxies that break the WebSocket at different moments of the probe.

import { assert, closeAll, commandLine, connect, finish, once, start, test, within } from "./support.mjs";
import { proxy } from "./upgrade/proxy.mjs";

const { url, flags } = commandLine({ deadlineSeconds: 220, flags: { clients: { type: "string", default: "25" } } });
const CLIENTS = Number(flags.clients);
const WINDOW = 16;
const TICK_MS = 10;
// How much each client goes on with after the upgrade (or its failure).
const AFTERWARDS = 100;

const bytesOf = (n) => Buffer.from(String(n));
// Text, small binary and large binary by turns.
const argsOf = (n) => [[n], [n, bytesOf(n)], [n, { deep: Buffer.alloc(3000, n % 256) }, bytesOf(n)]][n % 3];

// Publishes numbered broadcasts one after the other until told to stop; gives their number.
const publish = async (publisher) => {
  let stopped = false;
  let count = 0;
  const done = (async () => {
    while (!stopped) {
      const n = count++;
      await publisher.ask("broadcast", n % 2 === 0 ? { n } : { n, bytes: bytesOf(n) });
    }
    return count;
  })();
  return { stop: () => ((stopped = true), done) };
};

// One client's whole life; `turning` resolves when its upgrade is over, one way or the other.
const live = async (client, turning) => {
  let before;
  let turned = false;
  const turn = async () => {
    await client.connected();
    before = client.engine.transport.name;
    await turning(client);
    turned = true;
  };

  // It does not wait for the connection before it speaks, so that the upgrade has something to lose.
  const started = client.ask("stream-start", TICK_MS);
  let next = 0;
  let left = AFTERWARDS;
  const acked = [];
  let early = 0;
  const sendOneAfterTheOther = async () => {
    while (!turned || left-- > 0) {
      const n = next++;
      const answer = await client.ask("binary-echo", ...argsOf(n));
      assert.deepEqual(answer, argsOf(n));
      acked.push(n);
      if (!turned) early++;
    }
  };
  await Promise.all([turn(), started, ...Array.from({ length: WINDOW }, sendOneAfterTheOther)]);
  const [ticks] = await client.ask("stream-stop");
  return { client, before, sent: next, early, acked, ticks };
};

const check = ({ client, sent, acked, ticks }) => {
  const heard = client.take();
  const of = (name) => heard.filter(([event]) => event === name).map(([, ...args]) => args);
  const upTo = (count) => Array.from({ length: count }, (_, n) => n);
  assert.deepEqual(acked, upTo(sent), "acks in order");
  assert.deepEqual(of("note").map(([n]) => n), upTo(sent), "events in order");
  of("note").forEach((args, n) => assert.deepEqual(args, argsOf(n)));
  assert.deepEqual(of("tick").map(([n]) => n), upTo(ticks), "ticks in order");
  of("tick").forEach(([n, bytes]) => assert.deepEqual(bytes, n % 2 === 0 ? undefined : bytesOf(n)));
  const published = of("msg").map(([payload]) => payload);
  for (let i = 1; i < published.length; i++) assert.equal(published[i].n, published[i - 1].n + 1, "broadcasts in order");
  for (const { n, bytes } of published) assert.deepEqual(bytes, n % 2 === 0 ? undefined : bytesOf(n));
  return { published };
};

const upgraded = async (client) => {
  if (client.engine.transport.name !== "websocket") await once(client.engine, "upgrade");
};

const TIMEOUT_MS = 90_000;

const play = async (through, turning, after) => {
  const publisher = await connect({ url, mode: "websocket" });
  const publishing = await publish(publisher);
  const clients = Array.from({ length: CLIENTS }, () => start({ url: through, mode: "upgrade" }));
  const lives = await Promise.all(clients.map((client) => live(client, turning)));
  const total = await publishing.stop();
  const isLast = ([event, payload]) => event === "msg" && payload.n === total - 1;
  await Promise.all(clients.map((client) => within(30_000, client.heard(isLast), "the last broadcast")));

  const sum = { events: 0, eventsWhileTurning: 0, ticks: 0, broadcasts: 0 };
  for (const life of lives) {
    assert.equal(life.client.engine.transport.name, after);
    const { published } = check(life);
    assert.equal(published.at(-1).n, total - 1);
    sum.events += life.sent;
    sum.eventsWhileTurning += life.early;
    sum.ticks += life.ticks;
    sum.broadcasts += published.length;
    life.client.close();
  }
  publisher.close();
  const polled = lives.filter(({ before }) => before === "polling").length;
  console.log(`    ${CLIENTS} clients (${polled} began on polling): ${JSON.stringify(sum)}`);
  // Otherwise nothing was tried.
  assert.ok(polled > 0 && sum.ticks > 0 && sum.broadcasts > 0);
  return sum;
};

await test("upgrades lose, double and disorder nothing", () => play(url, upgraded, "websocket"), TIMEOUT_MS);

await test("upgrades with slow WebSockets lose, double and disorder nothing", async () => {
  // Slow enough for something to be said while the upgrades are under way, on a busy machine, too.
  let said = 0;
  for (let factor = 1; said === 0; factor *= 4) {
    const slow = await proxy(url, { delayMs: (n) => ((n * 37) % 150) * factor });
    said = (await play(slow.url, upgraded, "websocket")).eventsWhileTurning;
    slow.close();
  }
}, TIMEOUT_MS);

await test("clients behind a proxy that knows no WebSocket stay on polling and lose nothing", async () => {
  const none = await proxy(url, { breakAt: "request" });
  await play(none.url, () => none.broken(CLIENTS), "polling");
  none.close();
}, TIMEOUT_MS);

await test("clients whose WebSocket breaks in the middle of the probe stay on polling and lose nothing", async () => {
  const broken = await proxy(url, { breakAt: "probe" });
  await play(broken.url, () => broken.broken(CLIENTS), "polling");
  broken.close();
}, TIMEOUT_MS);

await test("clients whose WebSocket breaks before the probe is answered stay on polling and lose nothing", async () => {
  const broken = await proxy(url, { breakAt: "answer" });
  await play(broken.url, () => broken.broken(CLIENTS), "polling");
  broken.close();
}, TIMEOUT_MS);

closeAll();
finish();
