// Who pings whom, when, and what happens without a pong. Times are derived from the profile: a bound from below is
// strict but for the clock's grain, as nothing can make a timer early; a bound from above is generous.

import { assert, sleep } from "./support.mjs";

const INTERVAL_MS = 500;
const TIMEOUT_MS = 2400;
const GRAIN_MS = 20;
const SLACK_MS = 15_000;

/** Asserts that `what` happened no earlier than `ms` after `since`. */
function assertNotBefore(since, ms, what, at = performance.now()) {
  assert.ok(at - since >= ms - GRAIN_MS, `${what} after ${Math.round(at - since)} ms, not before ${ms} ms`);
}

/** Reads messages until the ping; everything else is dropped. */
async function untilPing(connection) {
  for (;;) {
    if ((await connection.next("a ping", INTERVAL_MS + SLACK_MS)) === "2") return;
  }
}

/** Waits for the end of a WebSocket and drops what arrives before it. */
async function untilClosed(wire, ms = INTERVAL_MS + TIMEOUT_MS + SLACK_MS) {
  while ((await wire.nextOrClose("the ping timeout", ms)) !== null);
  const closed = await wire.closing;
  assert.equal(closed.code, 1005);
  return closed.at;
}

/** Calls `send` every `ms` until the WebSocket has closed. */
function busy(wire, ms, send) {
  const timer = setInterval(() => wire.socket.readyState === wire.socket.OPEN && send(), ms);
  wire.closing.then(() => clearInterval(timer));
  return () => clearInterval(timer);
}

async function joinedWire(t) {
  const wire = await t.websocket("heartbeat");
  await wire.join();
  return wire;
}

async function joinedSession(t) {
  const session = await t.polling("heartbeat");
  await session.join();
  return session;
}

export const cases = {
  "A pong that nobody asked for is harmless": async (t) => {
    for (const connection of [await t.joined(), await t.polled()]) {
      await connection.send("3", "3", "3extra");
      await connection.assertQuiet();
    }
  },
  "A ping from the client closes a WebSocket": async (t) => {
    const wire = await t.joined();
    wire.send("2");
    await wire.assertClosed(1005);
  },
};

export const timed = {
  "The first ping comes one interval after the handshake": async (t) => {
    const started = performance.now();
    const wire = await t.websocket("heartbeat");
    assert.equal(await wire.next("a ping", INTERVAL_MS + SLACK_MS), "2");
    assertNotBefore(started, INTERVAL_MS, "the ping came");
  },
  "The next ping is counted from the pong": async (t) => {
    const wire = await t.websocket("heartbeat");
    for (let i = 0; i < 3; i++) {
      await untilPing(wire);
      await sleep(200);
      const answered = performance.now();
      wire.send("3");
      assert.equal(await wire.next("the next ping", INTERVAL_MS + SLACK_MS), "2");
      assertNotBefore(answered, INTERVAL_MS, "the next ping came");
      wire.send("3");
    }
  },
  "A client that answers every ping lives on": async (t) => {
    const wire = await joinedWire(t);
    for (let i = 0; i < 4; i++) {
      await untilPing(wire);
      wire.send("3");
    }
    assert.deepEqual((await wire.fence()).filter((packet) => packet !== "2"), []);
  },
  "A WebSocket without a pong is closed after the timeout, without a code": async (t) => {
    const started = performance.now();
    const wire = await joinedWire(t);
    const at = await untilClosed(wire);
    assertNotBefore(started, INTERVAL_MS + TIMEOUT_MS, "the close came", at);
  },
  "Only one ping is sent while a pong is missing": async (t) => {
    const wire = await joinedWire(t);
    await untilPing(wire);
    await wire.assertClosed(1005, TIMEOUT_MS + SLACK_MS);
  },
  "Other traffic while a pong is missing buys one more timeout": async (t) => {
    const wire = await joinedWire(t);
    await untilPing(wire);
    await sleep(TIMEOUT_MS / 2);
    const sent = performance.now();
    wire.send('42["ignored"]');
    const at = await untilClosed(wire);
    assertNotBefore(sent, TIMEOUT_MS, "the close came", at);
  },
  "Other traffic buys no more than one timeout, and is no pong": async (t) => {
    const wire = await joinedWire(t);
    busy(wire, 50, () => wire.send('42["ignored"]'));
    await untilClosed(wire, INTERVAL_MS + 2 * TIMEOUT_MS + SLACK_MS);
  },
  "A WebSocket pong frame is no pong": async (t) => {
    const wire = await joinedWire(t);
    busy(wire, 50, () => wire.socket.pong());
    await untilClosed(wire);
  },
  "Pings are sent on a busy connection too": async (t) => {
    const wire = await joinedWire(t);
    const stop = busy(wire, 20, () => wire.send('42["echo",1]'));
    for (let i = 0; i < 3; i++) {
      await untilPing(wire);
      wire.send("3");
    }
    stop();
    assert.equal(wire.socket.readyState, wire.socket.OPEN);
  },
  "A pong that comes within the timeout is in time": async (t) => {
    const wire = await joinedWire(t);
    await untilPing(wire);
    await sleep(TIMEOUT_MS / 2);
    wire.send("3");
    await sleep(TIMEOUT_MS / 2 + GRAIN_MS);
    assert.deepEqual((await wire.fence()).filter((packet) => packet !== "2"), []);
  },

  // Polling.

  "A pending GET is answered with the ping": async (t) => {
    const started = performance.now();
    const session = await t.polling("heartbeat");
    assert.deepEqual(await session.poll(), ["2"]);
    assertNotBefore(started, INTERVAL_MS, "the ping came");
  },
  "A polling client that answers every ping lives on": async (t) => {
    const session = await joinedSession(t);
    for (let i = 0; i < 4; i++) {
      await untilPing(session);
      await session.send("3");
    }
    assert.deepEqual((await session.fence()).filter((packet) => packet !== "2"), []);
  },
  "A pending GET is answered with a close packet when the pong is missing": async (t) => {
    const started = performance.now();
    const session = await joinedSession(t);
    await untilPing(session);
    assert.deepEqual(await session.poll(), ["1"]);
    assertNotBefore(started, INTERVAL_MS + TIMEOUT_MS, "the close came");
    await session.assertGone();
  },
  "A polling session that its client abandons is forgotten": async (t) => {
    const session = await joinedSession(t);
    await sleep(INTERVAL_MS + TIMEOUT_MS + 4000);
    await session.assertGone();
  },
  "A polling session that is never polled at all is forgotten": async (t) => {
    const session = await t.polling("heartbeat");
    await sleep(INTERVAL_MS + TIMEOUT_MS + 4000);
    await session.assertGone();
  },
  "A GET is no pong": async (t) => {
    const session = await joinedSession(t);
    const packets = [];
    for (let polls = 0; polls < 5 && packets.at(-1) !== "1"; polls++) packets.push(...(await session.poll()));
    assert.deepEqual(packets, ["2", "1"]);
  },

  // Across an upgrade.

  "The heartbeat goes on during an upgrade": async (t) => {
    const session = await joinedSession(t);
    const wire = await session.probe();
    wire.send("2probe");
    assert.equal(await wire.next(), "3probe");
    for (let i = 0; i < 2; i++) {
      await untilPing(session);
      await session.send("3");
    }
    assert.equal(wire.socket.readyState, wire.socket.OPEN);
  },
  "A session without pongs dies during an upgrade, and takes the probe with it": async (t) => {
    const started = performance.now();
    const session = await joinedSession(t);
    const wire = await session.probe();
    wire.send("2probe");
    assert.equal(await wire.next(), "3probe");
    const { at } = await wire.assertClosed(1005, INTERVAL_MS + TIMEOUT_MS + SLACK_MS);
    assertNotBefore(started, INTERVAL_MS + TIMEOUT_MS, "the close came", at);
    await session.assertGone();
  },
  "After an upgrade the pings come over the WebSocket": async (t) => {
    const session = await joinedSession(t);
    const wire = await session.probe();
    wire.send("2probe", "5");
    assert.equal(await wire.next(), "3probe");
    for (let i = 0; i < 2; i++) {
      await untilPing(wire);
      wire.send("3");
    }
    await untilPing(wire);
    await wire.assertClosed(1005, TIMEOUT_MS + SLACK_MS);
    await session.assertGone();
  },
  "A ping that waits for a poll moves to the WebSocket": async (t) => {
    const session = await joinedSession(t);
    const wire = await session.probe();
    wire.send("2probe");
    assert.equal(await wire.next(), "3probe");
    await sleep(INTERVAL_MS + 200);
    wire.send("5");
    assert.equal(await wire.next(), "2");
    wire.send("3");
    await untilPing(wire);
  },
};
