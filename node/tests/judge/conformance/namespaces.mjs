// Joining and leaving namespaces, middlewares, and the time a client has to join one.

import { assert, sleep, splitPacket } from "./support.mjs";

const HASTY_MS = 2000;
const SLACK_MS = 15_000;

/** Both transports, not yet in any namespace. */
const fresh = async (t, profile) => [await t.websocket(profile), await t.polling(profile)];

/** A first packet that closes the connection, on both transports. */
const closesAsFirst = (...packets) => async (t) => {
  for (const packet of packets) {
    for (const connection of await fresh(t)) {
      await connection.send(packet);
      await connection.assertClosed();
    }
  }
};

/** A packet for a namespace that was never joined closes everything, also the main namespace. */
const closesEverything = (...packets) => async (t) => {
  for (const packet of packets) {
    for (const connection of [await t.joined(), await t.polled()]) {
      await connection.send(packet);
      await connection.assertClosed();
    }
  }
};

/** Leaves /custom as `leave` does, waits until that is done, and sends a packet that was on its way. */
const lateFor = (leave) => async (t) => {
  for (const packet of ['42/custom,["echo",1]', '42/custom,3["ack"]', "43/custom,1[]", "41/custom,"]) {
    const wire = await t.joined("/", "/custom");
    wire.send(leave);
    const answers = await wire.fence();
    assert.deepEqual(answers, leave.startsWith("41") ? [] : ["41/custom,"]);
    wire.send(packet);
    // The official server closes the whole connection; ours gives packets under way a grace period.
    if (t.official) await wire.assertClosed();
    else await wire.assertQuiet();
  }
};

export const cases = {
  // Joining.

  "A CONNECT is answered with a socket id, and nothing else, that is not the session id": async (t) => {
    for (const connection of await fresh(t)) {
      await connection.send("40");
      const { head, data } = splitPacket(await connection.next());
      assert.equal(head, "40");
      assert.deepEqual(Object.keys(data), ["sid"]);
      assert.match(data.sid, /^[\w-]{16,}$/);
      assert.notEqual(data.sid, connection.sid);
      await connection.assertQuiet();
    }
  },
  "Each namespace of a connection has a socket id of its own": async (t) => {
    const wire = await t.websocket();
    const sids = [wire.sid, await wire.join("/"), await wire.join("/custom"), await wire.join("/slow")];
    assert.equal(new Set(sids).size, 4);
  },
  "A client may join any namespace without the main one": async (t) => {
    for (const connection of await fresh(t)) {
      await connection.join("/custom");
      await connection.assertQuiet("/custom");
    }
  },
  "A CONNECT may omit the comma; the answer has it": async (t) => {
    const wire = await t.websocket();
    wire.send("40/custom");
    assert.match(await wire.next(), /^40\/custom,\{"sid":"[\w-]+"\}$/);
    wire.send('42/custom,["echo",1]');
    await wire.expect("42/custom,", ["echo", 1]);
  },
  "A CONNECT may name the main namespace; the answer does not": async (t) => {
    const wire = await t.websocket();
    wire.send("40/,");
    assert.match(await wire.next(), /^40\{"sid":"[\w-]+"\}$/);
  },
  "The payload of CONNECT is the handshake's auth, and an empty object without one": async (t) => {
    const auth = { token: "é", deep: [{ a: 1 }] };
    for (const connection of await fresh(t)) {
      await connection.join("/", auth);
      await connection.join("/custom");
      await connection.send('421["auth"]');
      await connection.expect("431", [auth]);
      await connection.send('42/custom,1["auth"]');
      await connection.expect("43/custom,1", [{}]);
    }
  },
  "The keys pid and offset in the payload are ignored without connection state recovery": async (t) => {
    const wire = await t.websocket();
    wire.send('40{"pid":"nobody","offset":"0"}');
    assert.match(await wire.next(), /^40\{"sid":"[\w-]+"\}$/);
  },
  "An ack id in a CONNECT is ignored": async (t) => {
    const wire = await t.websocket();
    wire.send("407");
    assert.match(await wire.next(), /^40\{"sid":"[\w-]+"\}$/);
  },
  "Every CONNECT of one payload is answered": async (t) => {
    const session = await t.polling();
    await session.send("40", "40/custom,", "40/nope,");
    const heads = [];
    for (let i = 0; i < 3; i++) heads.push(splitPacket(await session.next()).head);
    assert.deepEqual(heads.sort(), ["40", "40/custom,", "44/nope,"]);
  },
  "What is emitted on connection follows the CONNECT": async (t) => {
    for (const connection of await fresh(t)) {
      await connection.join("/greet");
      await connection.expect("42/greet,", ["hello", "welcome"]);
      await connection.assertQuiet("/greet");
    }
  },
  "What is emitted in a middleware precedes the CONNECT": async (t) => {
    for (const connection of await fresh(t)) {
      await connection.send("40/early,");
      await connection.expect("42/early,", ["early"]);
      assert.match(await connection.next(), /^40\/early,\{"sid":/);
    }
  },
  "Namespaces do not hear each other": async (t) => {
    const wire = await t.joined("/", "/custom");
    wire.send('42/custom,["echo","custom"]', '42["echo","main"]');
    const packets = [await wire.next(), await wire.next()];
    assert.deepEqual(packets.sort(), ['42/custom,["echo","custom"]', '42["echo","main"]']);
    await wire.assertQuiet();
  },
  "An ack id counts per namespace": async (t) => {
    const wire = await t.joined("/", "/custom");
    wire.send('421["ack","main"]');
    await wire.expect("431", ["main"]);
    wire.send('42/custom,1["ack","custom"]');
    await wire.expect("43/custom,1", ["custom"]);
  },
  "A slow middleware does not hold up other namespaces": async (t) => {
    const wire = await t.joined();
    wire.send("40/slow,");
    await wire.join("/custom");
    wire.send('42["echo",1]');
    await wire.expect("42", ["echo", 1]);
    assert.match(await wire.next(), /^40\/slow,\{"sid":/);
    await wire.assertQuiet("/slow");
  },

  // Refusals.

  "An unknown namespace is refused with Invalid namespace, and the connection stays": async (t) => {
    for (const connection of await fresh(t)) {
      for (const namespace of ["/nope", "/Custom", "/custom/", "/custom/deep", "//", "/é"]) {
        await connection.send(`40${namespace},`);
        assert.equal(await connection.next(), `44${namespace},{"message":"Invalid namespace"}`);
      }
      await connection.join();
      await connection.assertQuiet();
    }
  },
  "A query in the name of a namespace is part of the name": async (t) => {
    const wire = await t.websocket();
    wire.send("40/slow?a=b,");
    assert.equal(await wire.next(), '44/slow?a=b,{"message":"Invalid namespace"}');
    wire.send('40/custom?token=x,{"a":1}');
    assert.equal(await wire.next(), '44/custom?token=x,{"message":"Invalid namespace"}');
  },
  "A namespace named like an object property is unknown": async (t) => {
    const wire = await t.websocket();
    for (const name of ["/__proto__", "/constructor", "/toString"]) {
      wire.send(`40${name},`);
      assert.equal(await wire.next(), `44${name},{"message":"Invalid namespace"}`);
    }
  },
  "A middleware's refusal carries its message and data, and the connection stays": async (t) => {
    for (const connection of await fresh(t)) {
      await connection.send("40/reject,");
      await connection.expect("44/reject,", { message: "not allowed", data: { code: 42, hint: "try later" } });
      await connection.join();
      await connection.assertQuiet();
    }
  },
  "A middleware's refusal without data has no key data": async (t) => {
    const wire = await t.websocket();
    wire.send("40/reject-plain,");
    assert.equal(await wire.next(), '44/reject-plain,{"message":"no"}');
  },
  "A refused client may try again": async (t) => {
    const wire = await t.websocket();
    for (let i = 0; i < 3; i++) {
      wire.send("40/reject-plain,");
      await wire.expect("44/reject-plain,", { message: "no" });
    }
  },
  "A packet for a namespace that refused the client closes everything": async (t) => {
    const wire = await t.joined();
    wire.send("40/reject-plain,");
    await wire.expect("44/reject-plain,", { message: "no" });
    wire.send('42/reject-plain,["echo"]');
    await wire.assertClosed();
  },

  // Violations.

  "A first packet that is not a CONNECT closes": closesAsFirst('42["echo",1]', "41", "431[]", '44{"message":"x"}', "4/custom"),
  "A first message that is binary closes": async (t) => {
    const wire = await t.websocket();
    wire.send(Buffer.from([1, 2, 3]));
    await wire.assertClosed();
  },
  "A first packet that is a binary event closes as soon as it is complete": async (t) => {
    const wire = await t.websocket();
    wire.send('451-["echo",{"_placeholder":true,"num":0}]', "3", Buffer.from([1]));
    await wire.assertClosed();
  },
  "A CONNECT for a namespace that is joined closes everything": async (t) => {
    for (const connection of [await t.joined("/", "/custom"), await t.polled("/", "/custom")]) {
      await connection.send("40/custom,");
      await connection.assertClosed();
    }
  },
  "A second CONNECT while a middleware is pending joins the first attempt (the official server makes two sockets)": async (t) => {
    const wire = await t.joined();
    wire.send("40/slow,", "40/slow,");
    const { head, data } = splitPacket(await wire.next());
    assert.equal(head, "40/slow,");
    if (t.official) {
      // A race of the official server: two sockets.
      const second = splitPacket(await wire.next());
      assert.equal(second.head, "40/slow,");
      assert.notEqual(second.data.sid, data.sid);
    } else {
      // Ours: one socket and one answer. A second one would come before this client, which starts later, has joined.
      await t.joined("/slow");
      await wire.assertQuiet("/slow");
      await wire.assertQuiet();
    }
  },
  "An event for a namespace that was never joined closes everything": closesEverything('42/custom,["echo",1]'),
  "An event for a namespace that does not exist closes everything": closesEverything('42/nope,["echo",1]'),
  "An acknowledgement for a namespace that was never joined closes everything": closesEverything("43/custom,1[]"),
  "A DISCONNECT for a namespace that was never joined closes everything": closesEverything("41/custom,", "41/custom"),
  "An event for a namespace whose middleware is pending closes everything": async (t) => {
    const wire = await t.joined();
    wire.send("40/slow,", '42/slow,["echo",1]');
    await wire.assertClosed();
  },

  // Leaving.

  "A client may leave one namespace and stay in the others": async (t) => {
    for (const leave of ["41/custom,", "41/custom"]) {
      for (const connection of [await t.joined("/", "/custom"), await t.polled("/", "/custom")]) {
        await connection.send(leave);
        await connection.assertQuiet();
      }
    }
  },
  "A client may leave the main namespace and stay in another": async (t) => {
    const wire = await t.joined("/", "/custom");
    wire.send("41");
    await wire.assertQuiet("/custom");
  },
  "A client that left every namespace may join again, as another socket": async (t) => {
    for (const connection of await fresh(t)) {
      const first = await connection.join();
      await connection.send("41");
      // In the same read, the official server would still find the namespace joined.
      await connection.turn();
      assert.notEqual(await connection.join(), first);
      await connection.assertQuiet();
    }
  },
  "A client may leave and join again in one payload (the official server closes everything)": async (t) => {
    const session = await t.polled();
    await session.send("41", "40");
    // The official server takes the CONNECT before it has handled the DISCONNECT, and closes. Ours may join.
    if (t.official) return session.assertClosed();
    const answer = await session.next();
    assert.match(answer, /^40\{"sid":|^[16]$/);
    if (answer.startsWith("40")) await session.assertQuiet();
  },
  "A server may disconnect one namespace; the others stay": async (t) => {
    for (const connection of [await t.joined("/", "/custom"), await t.polled("/", "/custom")]) {
      await connection.send('42/custom,["leave"]');
      assert.equal(await connection.next(), "41/custom,");
      await connection.assertQuiet();
      await connection.join("/custom");
    }
  },
  "A server may disconnect the only namespace; the connection stays": async (t) => {
    for (const connection of [await t.joined(), await t.polled()]) {
      await connection.send('42["leave"]');
      assert.equal(await connection.next(), "41");
      await connection.join("/custom");
      await connection.assertQuiet("/custom");
    }
  },
  "A packet under way when the client leaves is ignored (the official server closes everything)": lateFor("41/custom,"),
  "A packet under way when the server disconnects is ignored (the official server closes everything)": lateFor('42/custom,["leave"]'),
};

/** Waits for a close and asserts that it did not come before the connectTimeout. */
async function assertTimedOut(wire, started) {
  const { at } = await wire.assertClosed(1005, HASTY_MS + SLACK_MS);
  assert.ok(at - started >= HASTY_MS - 20, `closed after ${Math.round(at - started)} ms`);
}

export const timed = {
  "A WebSocket that joins nothing is closed after the connectTimeout": async (t) => {
    const started = performance.now();
    await assertTimedOut(await t.websocket("hasty"), started);
  },
  "A polling session that joins nothing is closed after the connectTimeout": async (t) => {
    const started = performance.now();
    const session = await t.polling("hasty");
    const answer = await session.get();
    assert.equal(`${answer.status} ${answer.body}`, "200 1");
    assert.ok(performance.now() - started >= HASTY_MS - 20);
    await session.assertGone();
  },
  "A polling session that joins nothing, and is not polled either, is told with the next poll": async (t) => {
    const session = await t.polling("hasty");
    await sleep(HASTY_MS + 1000);
    await session.assertClosed();
  },
  "An unknown namespace does not stop the connectTimeout": async (t) => {
    const started = performance.now();
    const wire = await t.websocket("hasty");
    wire.send("40/nope,");
    await wire.expect("44/nope,", { message: "Invalid namespace" });
    await assertTimedOut(wire, started);
  },
  "A refusal by a middleware does not stop the connectTimeout": async (t) => {
    const started = performance.now();
    const wire = await t.websocket("hasty");
    wire.send("40/reject-plain,");
    await wire.expect("44/reject-plain,", { message: "no" });
    await assertTimedOut(wire, started);
  },
  "A pong does not stop the connectTimeout": async (t) => {
    const started = performance.now();
    const wire = await t.websocket("hasty");
    wire.send("3");
    await assertTimedOut(wire, started);
  },
  "A client in a namespace outlives the connectTimeout": async (t) => {
    const wire = await t.websocket("hasty");
    await wire.join();
    await sleep(2 * HASTY_MS);
    await wire.assertQuiet();
  },
  "A client that has left every namespace is never timed out": async (t) => {
    const wire = await t.websocket("hasty");
    await wire.join();
    wire.send("41");
    await sleep(2 * HASTY_MS);
    await wire.join();
    await wire.assertQuiet();
  },
};
