// Moving a session from polling to WebSocket: the probe, what stays on polling meanwhile, and what can go wrong.

import { assert, assertEngineError, assertPacket, SEPARATOR, sleep } from "./support.mjs";

const HASTY_MS = 2000;
const SLACK_MS = 15_000;

/** Opens a probe and sees it answered. */
async function probed(session) {
  const wire = await session.probe();
  wire.send("2probe");
  assert.equal(await wire.next("the answer to the probe"), "3probe");
  return wire;
}

/** Probes again after a failed probe: until the server has noticed its end, a further WebSocket is closed. */
async function reprobed(session) {
  const deadline = performance.now() + SLACK_MS;
  for (;;) {
    const wire = await session.probe();
    wire.send("2probe");
    const answer = await wire.nextOrClose("the answer to the probe");
    if (answer !== null) {
      assert.equal(answer, "3probe");
      return wire;
    }
    assert.ok(performance.now() < deadline, "no further probe is accepted");
  }
}

/** Asserts that a session whose probe has failed polls on, and can still move to a WebSocket. */
async function assertUnmoved(session) {
  await assertPolls(session);
  const wire = await reprobed(session);
  wire.send("5");
  await wire.assertQuiet();
}

/** Moves a session to a WebSocket, the way a client does that has no GET pending. */
async function upgraded(session) {
  const wire = await probed(session);
  wire.send("5");
  wire.sid = session.sid;
  return wire;
}

/** Reads packets of a polling session and skips noops. */
async function nextPacket(session) {
  for (;;) {
    const packet = await session.next();
    if (packet !== "6") return packet;
  }
}

/** Asserts that a polling session works, whatever noops it is sent. */
async function assertPolls(session) {
  await session.send('4277["ack","polling"]');
  assert.equal(await nextPacket(session), '4377["polling"]');
}

/** A packet on the probe that closes the probe and nothing else. */
const closesProbe = (...packets) => async (t) => {
  for (const packet of packets) {
    for (const prepare of [() => {}, (wire) => wire.send("2probe")]) {
      const session = await t.polled();
      const wire = await session.probe();
      prepare(wire);
      wire.send(packet);
      const answer = await wire.nextOrClose("the end of the probe");
      if (answer === "3probe") await wire.assertClosed(1005);
      else assert.deepEqual([answer, (await wire.closing).code], [null, 1005]);
      await assertUnmoved(session);
    }
  }
};

export const cases = {
  "A session moves to a WebSocket by 2probe, 3probe and 5": async (t) => {
    const session = await t.polled();
    const wire = await upgraded(session);
    await wire.assertQuiet();
  },
  "The WebSocket of an upgrade gets no open packet": async (t) => {
    const session = await t.polled();
    const wire = await session.probe();
    wire.send("2probe");
    assert.equal(await wire.next(), "3probe");
  },
  "A session may move before it has joined a namespace": async (t) => {
    const session = await t.polling();
    const wire = await upgraded(session);
    await wire.join();
    await wire.assertQuiet();
  },
  "The socket id survives the upgrade": async (t) => {
    const session = await t.polling();
    await session.join("/custom");
    const wire = await upgraded(session);
    await wire.assertQuiet("/custom");
    wire.send("40/custom,");
    await wire.assertClosed();
  },
  "5 without a probe is accepted": async (t) => {
    const session = await t.polled();
    const wire = await session.probe();
    wire.send("5");
    await wire.assertQuiet();
    assertEngineError(await session.get(), 3);
  },
  "A probe may be repeated": async (t) => {
    const session = await t.polled();
    const wire = await probed(session);
    wire.send("2probe");
    assert.equal(await wire.next(), "3probe");
    wire.send("5");
    await wire.assertQuiet();
  },

  // While the probe is open.

  "A GET that is pending during the probe is answered with a noop": async (t) => {
    const session = await t.polled();
    const pending = session.get();
    await probed(session);
    assert.equal((await pending).body, "6");
  },
  "A GET that begins during the probe is answered with a noop, again and again": async (t) => {
    const session = await t.polled();
    await probed(session);
    for (let i = 0; i < 4; i++) assert.deepEqual(await session.poll(), ["6"]);
  },
  "An open WebSocket that has not probed yet changes nothing": async (t) => {
    const session = await t.polled();
    const wire = await session.probe();
    await session.assertQuiet();
    const pending = session.get();
    await sleep(250);
    await session.send('42["echo",1]');
    assertPacket((await pending).body, "42", ["echo", 1]);
    wire.send("2probe");
    assert.equal(await wire.next(), "3probe");
  },
  "Until 5 arrives all traffic stays on polling": async (t) => {
    const session = await t.polled();
    const wire = await probed(session);
    for (let i = 0; i < 3; i++) {
      await session.send(`42["echo",${i}]`);
      assertPacket(await nextPacket(session), "42", ["echo", i]);
    }
    wire.send("5");
    await wire.assertQuiet();
  },
  "What waits for a poll moves to the WebSocket, in order": async (t) => {
    const session = await t.polled();
    const wire = await probed(session);
    await session.send('42["echo",1]', '42["echo",2]', '451-["echo",{"_placeholder":true,"num":0}]', Buffer.from([7]));
    wire.send("5", '42["echo",3]');
    await wire.expect("42", ["echo", 1]);
    await wire.expect("42", ["echo", 2]);
    await wire.expect("451-", ["echo", { _placeholder: true, num: 0 }]);
    assert.deepEqual(await wire.next(), Buffer.from([7]));
    await wire.expect("42", ["echo", 3]);
    await wire.assertQuiet();
  },
  "An attachment may follow its header over the other transport": async (t) => {
    const session = await t.polled();
    const wire = await probed(session);
    await session.send('451-["echo",{"_placeholder":true,"num":0}]');
    wire.send("5", Buffer.from([9]));
    await wire.expect("451-", ["echo", { _placeholder: true, num: 0 }]);
    assert.deepEqual(await wire.next(), Buffer.from([9]));
  },
  "No event is lost, doubled or out of order while a session moves": async (t) => {
    const session = await t.polled();
    const count = 200;
    const received = [];
    let paused = false;
    const polling = (async () => {
      while (!paused) {
        // A busy machine takes long enough for a ping.
        const packets = (await session.poll()).filter((packet) => packet !== "6" && packet !== "2");
        received.push(...packets.map((packet) => JSON.parse(packet.slice(2))[1]));
      }
    })();
    for (let i = 0; i < count / 2; i++) await session.send(`42["echo",${i}]`);
    const wire = await probed(session);
    paused = true;
    await polling;
    wire.send("5");
    for (let i = count / 2; i < count; i++) wire.send(`42["echo",${i}]`);
    while (received.length < count) {
      const packet = await wire.next();
      if (packet !== "2") received.push(JSON.parse(packet.slice(2))[1]);
    }
    assert.deepEqual(received, Array.from({ length: count }, (_, i) => i));
    await wire.assertQuiet();
  },
  "A GET that is still pending when 5 arrives is answered": async (t) => {
    const session = await t.polled();
    const wire = await session.probe();
    const pending = session.get();
    await sleep(50);
    wire.send("5");
    const answer = await pending;
    assert.match(`${answer.status} ${answer.body}`, /^(200 [16]|400 \{"code":3,.*)$/);
    await wire.assertQuiet();
  },

  // Wrong packets and broken probes.

  "A message on the probe closes the probe only": closesProbe('42["echo",1]', "4", "40"),
  "A ping without probe, or with another word, closes the probe only": closesProbe("2", "2probes", "2Probe"),
  "A pong, a close, an open or a noop on the probe closes the probe only": closesProbe("3", "3probe", "1", "0", "6"),
  "Garbage on the probe closes the probe only": closesProbe("", "x", "é", Buffer.from([1])),
  "A client that closes the probe keeps its polling session": async (t) => {
    const session = await t.polled();
    (await session.probe()).socket.close();
    await assertPolls(session);
    (await reprobed(session)).socket.terminate();
    await assertPolls(session);
  },
  "A probe that breaks off may be tried again": async (t) => {
    const session = await t.polled();
    (await probed(session)).socket.close();
    await assertUnmoved(session);
  },
  "A message beyond the payload limit on the probe closes the probe only": async (t) => {
    const session = await t.polled();
    const wire = await probed(session);
    wire.send("x".repeat(10_001));
    await wire.assertClosed(1009);
    await assertUnmoved(session);
  },
  "A second WebSocket during the upgrade is closed, and the first goes on": async (t) => {
    const session = await t.polled();
    const first = await probed(session);
    const second = await session.probe();
    await second.assertClosed(1005);
    first.send("5");
    await first.assertQuiet();
  },
  "A session that ends during the probe closes the probe": async (t) => {
    const session = await t.polled();
    const wire = await probed(session);
    await session.send("1");
    await wire.assertClosed(1005);
    await session.assertGone();
  },
  "A fault on polling during the probe closes both": async (t) => {
    const session = await t.polled();
    const wire = await probed(session);
    await session.send("x");
    await wire.assertClosed(1005);
    await session.assertGone();
  },

  // After the upgrade.

  "After the upgrade GET and POST are refused with code 3": async (t) => {
    const session = await t.polled();
    const wire = await upgraded(session);
    await wire.assertQuiet();
    assertEngineError(await session.get(), 3);
    assertEngineError(await session.post('42["echo",1]'), 3);
    await wire.assertQuiet();
  },
  "After the upgrade another WebSocket with the sid is opened and closed at once": async (t) => {
    const session = await t.polled();
    const wire = await upgraded(session);
    await wire.assertQuiet();
    const second = await session.probe();
    await second.assertClosed(1005);
    await wire.assertQuiet();
  },
  "After the upgrade the end of the WebSocket is the end of the session": async (t) => {
    const session = await t.polled();
    const wire = await upgraded(session);
    await wire.assertQuiet();
    wire.socket.close(1000);
    await wire.assertClosed(1000);
    for (let i = 0; ; i++) {
      const response = await session.get();
      if (response.body.includes('"code":1')) break;
      assert.ok(i < 50, "the session still lives");
      await sleep(20);
    }
  },
  "After the upgrade a second 5 is ignored, and a second 2probe closes": async (t) => {
    const session = await t.polled();
    const wire = await upgraded(session);
    wire.send("5");
    await wire.assertQuiet();
    wire.send("2probe");
    await wire.assertClosed(1005);
  },
  "disconnect(true) after the upgrade closes the WebSocket": async (t) => {
    const session = await t.polled();
    const wire = await upgraded(session);
    wire.send('42["bye"]');
    await wire.expect("42", ["echo", "bye"]);
    assert.equal(await wire.next(), "41");
    await wire.assertClosed(1005);
    await session.assertGone();
  },
  "A second WebSocket for a session that began as a WebSocket does not disturb it": async (t) => {
    const wire = await t.joined();
    const second = await t.rawWebSocket("plain", { sid: wire.sid });
    second.send("2probe");
    const answer = await second.nextOrClose("an answer to the probe");
    // The official server takes it for an upgrade; ours may also close it.
    assert.ok(answer === "3probe" || (!t.official && answer === null), String(answer));
    await wire.assertQuiet();
    second.socket.terminate();
    await wire.assertQuiet();
  },
  "Many sessions may move at once": async (t) => {
    await Promise.all(Array.from({ length: 20 }, async () => {
      const session = await t.polled();
      const pending = session.get();
      const wire = await probed(session);
      assert.equal((await pending).body.split(SEPARATOR).at(-1), "6");
      wire.send("5");
      await wire.assertQuiet();
    }));
  },
};

export const timed = {
  "The noops of an upgrade come at a pace: a client that polls on is not kept busy": async (t) => {
    const session = await t.polled();
    await probed(session);
    const polls = 30;
    const started = performance.now();
    for (let i = 0; i < polls; i++) assert.deepEqual(await session.poll(), ["6"]);
    const seconds = (performance.now() - started) / 1000;
    assert.ok(seconds >= 1, `${polls} noops in ${seconds} s`);
  },
  "An upgrade that is never completed closes the probe after the upgradeTimeout, and polling goes on": async (t) => {
    for (const probe of [probed, (session) => session.probe()]) {
      const session = await t.polling("hasty");
      await session.join();
      const started = performance.now();
      const wire = await probe(session);
      const { at } = await wire.assertClosed(1005, HASTY_MS + SLACK_MS);
      assert.ok(at - started >= HASTY_MS - 20, `closed after ${Math.round(at - started)} ms`);
      await assertUnmoved(session);
    }
  },
  "A completed upgrade is not closed by the upgradeTimeout": async (t) => {
    const session = await t.polling("hasty");
    await session.join();
    const wire = await upgraded(session);
    await sleep(2 * HASTY_MS);
    await wire.assertQuiet();
  },
  "After a failed probe GETs wait again for something to send": async (t) => {
    const session = await t.polled();
    const wire = await probed(session);
    wire.socket.close();
    await wire.closing;
    // The server notices a moment after the client: until then a noop may come.
    await sleep(300);
    const pending = session.get();
    await sleep(300);
    await session.send('42["echo",1]');
    assertPacket((await pending).body.replace(/^6\x1e/, ""), "42", ["echo", 1]);
  },
};
