// How connections end: by either side, on either transport, and what a polling client still gets.

import { assert, assertEngineError, SEPARATOR, within } from "./support.mjs";

/** Waits until the server has forgotten a session that was a WebSocket. */
async function assertForgotten(t, sid) {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const response = await t.http("plain", { transport: "polling", sid });
    if (response.body.startsWith('{"code":1,')) return assertEngineError(response, 1);
    assert.ok(performance.now() < deadline, `the session still lives: ${response.status} ${response.body}`);
  }
}

/** Polls until the session is gone; returns every packet. */
async function drain(session) {
  const packets = [];
  for (let polls = 0; polls < 6; polls++) {
    const response = await session.get();
    if (response.status !== 200) {
      assertEngineError(response, 1);
      return packets;
    }
    packets.push(...response.body.split(SEPARATOR));
  }
  return assert.fail(`the session does not end: ${packets.join(" ")}`);
}

/** The packets of a closing session: all of `expected`, and then the server's close in one more response. */
function assertDrained(t, packets, ...expected) {
  assert.deepEqual(packets.slice(0, expected.length), expected);
  assert.equal(packets.slice(expected.length).join(" "), "6 1");
}

export const cases = {
  // By the server.

  "disconnect(true) sends DISCONNECT to the namespace and closes a WebSocket without a code": async (t) => {
    const wire = await t.joined();
    wire.send('42["bye"]');
    await wire.expect("42", ["echo", "bye"]);
    assert.equal(await wire.next(), "41");
    await wire.assertClosed(1005);
    await assertForgotten(t, wire.sid);
  },
  "disconnect(true) sends DISCONNECT to every namespace of the connection": async (t) => {
    const wire = await t.joined("/", "/custom", "/greet");
    await wire.expect("42/greet,", ["hello", "welcome"]);
    wire.send('42/custom,["bye"]');
    await wire.expect("42/custom,", ["echo", "bye"]);
    const packets = [await wire.next(), await wire.next(), await wire.next()];
    assert.deepEqual(packets.sort(), ["41", "41/custom,", "41/greet,"]);
    await wire.assertClosed(1005);
  },
  "disconnect(true) sends everything that was emitted before, however much": async (t) => {
    const wire = await t.joined();
    wire.send('42["flood",200,1000]', '42["bye"]');
    for (let i = 0; i < 200; i++) assert.match(await wire.next(), /^42\["flood",/);
    await wire.expect("42", ["echo", "bye"]);
    assert.equal(await wire.next(), "41");
    await wire.assertClosed(1005);
  },
  "On polling, disconnect(true) ends with DISCONNECT, then a noop and a close, then code 1": async (t) => {
    const session = await t.polled();
    await session.send('42["bye"]');
    assertDrained(t, await drain(session), '42["echo","bye"]', "41");
  },
  "On polling, disconnect(true) while a GET is pending loses nothing": (t) =>
    t.inOrder(async (settle) => {
      const session = await t.polled();
      const pending = session.get();
      await settle();
      await session.send('42["bye"]');
      const first = (await pending).body.split(SEPARATOR);
      assertDrained(t, [...first, ...(await drain(session))], '42["echo","bye"]', "41");
    }),
  "What waits for a poll is sent in one response when the connection closes": (t) =>
    t.inOrder(async (settle) => {
      const session = await t.polled();
      await session.send('42["echo",1]', '42["bye"]');
      await settle();
      const response = await session.get();
      if (response.body === '42["echo",1]') return false;
      assert.equal(response.body, ['42["echo",1]', '42["echo","bye"]', "41"].join(SEPARATOR));
      await session.assertClosed();
    }),
  "After disconnect(true) the client's packets are not handled any more": async (t) => {
    const wire = await t.joined();
    wire.send('42["bye"]', '42["echo","late"]', '421["ack"]');
    await wire.expect("42", ["echo", "bye"]);
    assert.equal(await wire.next(), "41");
    await wire.assertClosed(1005);
  },

  // By the client.

  "A client that closes its WebSocket is forgotten": async (t) => {
    for (const code of [1000, 1001, 3000]) {
      const wire = await t.joined();
      wire.socket.close(code);
      await wire.assertClosed(code);
      await assertForgotten(t, wire.sid);
    }
  },
  "A WebSocket that is cut off is forgotten": async (t) => {
    const wire = await t.joined();
    wire.socket.terminate();
    await assertForgotten(t, wire.sid);
  },
  "A close packet by POST is answered ok and ends the session": async (t) => {
    const session = await t.polled();
    await session.send("1");
    await session.assertGone();
  },
  "A close packet by POST answers the pending GET with a noop": (t) =>
    t.inOrder(async (settle) => {
      const session = await t.polled();
      const pending = session.get();
      await settle();
      await session.send("1");
      const answer = await pending;
      if (answer.status === 400) return false;
      assert.equal(`${answer.status} ${answer.body}`, "200 6");
      await session.assertGone();
    }),
  "A close packet may follow events in one payload": async (t) => {
    const session = await t.polled();
    await session.send('42["ignored"]', "1");
    await session.assertGone();
  },
  "A session that has ended refuses POSTs with code 1": async (t) => {
    const session = await t.polled();
    await session.send("1");
    assertEngineError(await session.post("3"), 1);
  },
  "A session that has ended refuses an upgrade with code 1": async (t) => {
    const session = await t.polled();
    await session.send("1");
    const answer = await t.upgradeRequest("plain", { sid: session.sid });
    assert.equal(answer.status, 400);
    assert.match(answer.body, /Session ID unknown/);
  },

  // Socket.IO faults on polling: the server closes, and tells the client so with its next poll.

  "A fault answers the pending GET with a close packet": (t) =>
    t.inOrder(async (settle) => {
      const session = await t.polled();
      const pending = session.get();
      await settle();
      await session.send("42[]");
      const answer = await pending;
      // Without a pending GET the close packet waits for the next one, behind a noop.
      if (answer.body !== "1") {
        assert.match(answer.body, /^6(\x1e1)?$|"code":1/);
        return false;
      }
      await session.assertGone();
    }),
  "A fault without a pending GET is told with the next poll": async (t) => {
    const session = await t.polled();
    await session.send("42[]");
    await session.assertClosed();
  },
  "A packet out of order without a pending GET is told with the next poll": async (t) => {
    for (const packet of ["40", '42/custom,["echo",1]', '44{"message":"x"}']) {
      const session = await t.polled();
      await session.send(packet);
      await session.assertClosed();
    }
  },
  "What is posted after a fault is answered ok and ignored, until the close is told": async (t) => {
    const session = await t.polled();
    await session.send("42[]");
    await session.send('42["echo",1]', "3");
    await session.assertClosed();
    assertEngineError(await session.post("3"), 1);
  },
  "What waits for a poll when a fault comes is sent before the close": async (t) => {
    const session = await t.polled();
    await session.send('42["echo",1]');
    await session.send("42[]");
    assertDrained(t, await drain(session), '42["echo",1]');
  },
  "A fault drops the packets after it": async (t) => {
    const session = await t.polled();
    await session.send("42[]", '42["echo",1]');
    await session.assertClosed();
  },
  "A fault of one connection does not touch another": async (t) => {
    const [faulty, healthy] = [await t.joined(), await t.joined()];
    faulty.send("42[]");
    await faulty.assertClosed(1005);
    await healthy.assertQuiet();
  },

  // Open connections.

  "A WebSocket whose client only closes its sending side is closed": async (t) => {
    const wire = await t.joined();
    wire.socket._socket.end();
    await within(wire.closing, "the end of a half-closed WebSocket");
    await assertForgotten(t, wire.sid);
  },
};
