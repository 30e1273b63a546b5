// Socket.IO packets: what a client may send, what closes the connection, and what comes back.

import { assert, assertPacket, show, splitPacket } from "./support.mjs";

const placeholder = (num) => ({ _placeholder: true, num });
const header = (type, ...args) => `${type}${JSON.stringify(args)}`;

/** After `40` is accepted, the packets close the connection without a code. Each is tried on both transports. */
const closes = (...packets) => async (t) => {
  const wire = await t.joined();
  wire.send(...packets);
  await wire.assertClosed(1005);

  const session = await t.polled();
  await session.send(...packets);
  await session.assertClosed();
};

/** After `40` is accepted, the packets are taken without an answer and the connection lives, on both transports. */
const ignores = (...packets) => async (t) => {
  for (const connection of [await t.joined(), await t.polled()]) {
    await connection.send(...packets);
    await connection.assertQuiet();
  }
};

/** After `40` is accepted, the packets are answered exactly so (payloads by value), on both transports. */
const answers = (packets, ...expected) => async (t) => {
  for (const connection of [await t.joined(), await t.polled()]) {
    await connection.send(...packets);
    for (const packet of expected) await expectPacket(connection, packet);
    await connection.assertQuiet();
  }
};

async function expectPacket(connection, packet) {
  const actual = await connection.next(show(packet));
  if (Buffer.isBuffer(packet)) {
    const binary = typeof actual === "string" && actual[0] === "b" ? Buffer.from(actual.slice(1), "base64") : actual;
    assert.deepEqual(binary, packet);
  } else {
    const { head, data } = splitPacket(packet);
    assertPacket(actual, head, data);
  }
}

/** A first packet that closes the connection. */
const closesAsFirst = (...packets) => async (t) => {
  for (const packet of packets) {
    const wire = await t.websocket();
    wire.send(packet);
    await wire.assertClosed(1005);
  }
};

/** A hostile packet is echoed, or closes its own connection; the server lives. */
async function assertUnharmed(t, wire, packet) {
  const answer = await wire.nextOrClose("the echo");
  assert.ok(answer === packet || (!t.official && answer === null), `unexpected ${show(answer).slice(0, 100)}`);
  await (await t.joined()).assertQuiet();
}

const one = Buffer.from([1]);
const two = Buffer.from([2, 2]);
const eleven = Array.from({ length: 11 }, (_, i) => Buffer.from([i]));
const nested = (depth) => "[".repeat(depth) + "]".repeat(depth);

export const cases = {
  // Events and acknowledgements.

  "An event is dispatched with its arguments": answers(['42["echo",1,"a",null,true,{"b":[]}]'], '42["echo",1,"a",null,true,{"b":[]}]'),
  "An event in another namespace names it, with a comma": async (t) => {
    const wire = await t.joined("/custom");
    wire.send('42/custom,["echo",1]', '42/custom,5["ack",2]');
    await wire.expect("42/custom,", ["echo", 1]);
    await wire.expect("43/custom,5", [2]);
  },
  "The main namespace may be named": answers(['42/,["echo",1]', '42/,5["ack"]'], '42["echo",1]', "435[]"),
  "An event with an id is acknowledged with the same id": answers(['4212["ack","a",{"b":1}]'], '4312["a",{"b":1}]'),
  "An ack id may be 0": answers(['420["ack"]'], "430[]"),
  "An ack id may be used again": answers(['421["ack",1]', '421["ack",2]'], "431[1]", "431[2]"),
  "An ack id is echoed up to the largest safe integer": answers(['429007199254740991["ack"]'], "439007199254740991[]"),
  "Leading zeros of an ack id are lost (ours may keep them)": async (t) => {
    const wire = await t.joined();
    wire.send('42007["ack",1]');
    const packet = await wire.next();
    // The official server reads a number; ours may keep the text.
    if (t.official || packet !== "43007[1]") assertPacket(packet, "437", [1]);
    await wire.assertQuiet();
  },
  "An ack id beyond every safe integer is echoed as text or refused (the official server rounds it)": async (t) => {
    const wire = await t.joined();
    wire.send('42123456789012345678901["ack"]');
    if (t.official) return wire.expect("43123456789012345680000", []);
    // Ours keeps the text or refuses the packet, but never answers with a rounded number.
    const packet = await wire.nextOrClose("an ack or a close");
    if (packet === null) return assert.equal((await wire.closing).code, 1005);
    assert.equal(packet, "43123456789012345678901[]");
  },
  "A space before the payload is read as ack id 0": answers(['42 ["ack",1]'], "430[1]"),
  "Strings are neither escaped nor normalised beyond JSON": answers(
    ['42["echo","\\u00e9\\ud83c\\udfba\\u2028\\"\\\\/\\n","e\u0301"]'],
    `42["echo",${JSON.stringify("é🎺\u2028\"\\/\n")},"e\u0301"]`,
  ),
  "Object keys keep their order": async (t) => {
    const wire = await t.joined();
    wire.send('42["echo",{"z":1,"a":{"y":2,"b":3}}]');
    assert.equal(await wire.next(), '42["echo",{"z":1,"a":{"y":2,"b":3}}]');
  },
  "A payload may have whitespace around it": answers(['42[ "echo" , 1 ]  '], '42["echo",1]'),
  "An event with no payload has no name, and is ignored": ignores("42"),
  "An event with an id and no payload is ignored": ignores("4212"),
  "A number is a valid event name": ignores("42[1,2]", "42[0]", "42[-1.5]"),
  "An empty string is a valid event name": ignores('42[""]'),
  "The event name error is not reserved": ignores('42["error",{"message":"x"}]'),
  "An event without a listener is ignored, also when it wants an ack": ignores('42["nobody"]', '425["nobody"]'),
  "A placeholder in a text packet is ordinary data": answers(
    ['42["echo",{"_placeholder":true,"num":0}]'],
    '42["echo",{"_placeholder":true,"num":0}]',
  ),

  "An empty array closes": closes("42[]"),
  "An event named null closes": closes("42[null]"),
  "An event named true closes": closes("42[true]"),
  "An event named by an object or an array closes": async (t) => {
    await closes("42[{}]")(t);
    await closes('42[["echo"]]')(t);
  },
  "An event that is an object closes": closes("42{}"),
  "An event that is a string closes": closes('42"echo"'),
  "An event that is no JSON closes": closes('42abc["echo"]'),
  "An event that is cut off closes": closes('42["echo",1'),
  "An event with trailing garbage closes": closes('42["echo"]x'),
  "An event with two payloads closes": closes('42["echo"]["echo"]'),
  "A namespace after the id closes": closes('425/custom,["echo"]'),
  "A negative ack id closes": closes('42-1["ack"]'),
  "A fractional ack id closes": closes('421.5["ack"]'),
  ...Object.fromEntries(
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"].map((name) => [
      `The reserved event name ${name} closes`,
      closes(`42["${name}"]`),
    ]),
  ),
  "A reserved event name in a binary packet closes": closes('451-["connect",{"_placeholder":true,"num":0}]', one),

  // Acknowledgements from the client.

  "An acknowledgement reaches the callback once": async (t) => {
    for (const connection of [await t.joined(), await t.polled()]) {
      await connection.send('42["ask","what"]');
      const { head, data } = splitPacket(await connection.next());
      assert.deepEqual(data, ["question", "what"]);
      const id = /^42(\d+)$/.exec(head)?.[1];
      assert.ok(id, `no ack id in ${head}`);
      await connection.send(`43${id}["that",1]`, `43${id}["again"]`);
      await connection.expect("42", ["answer", "that", 1]);
      await connection.assertQuiet();
    }
  },
  "An acknowledgement may carry binary": async (t) => {
    for (const connection of [await t.joined(), await t.polled()]) {
      await connection.send('42["ask"]');
      const id = splitPacket(await connection.next()).head.slice(2);
      await connection.send(`461-${id}[{"_placeholder":true,"num":0}]`, two);
      await expectPacket(connection, header("451-", "answer", placeholder(0)));
      await expectPacket(connection, two);
    }
  },
  "An acknowledgement without a payload calls back with no arguments": async (t) => {
    const wire = await t.joined();
    wire.send('42["ask"]');
    wire.send(`43${splitPacket(await wire.next()).head.slice(2)}`);
    await wire.expect("42", ["answer"]);
  },
  "Questions that are open at once have different ids": async (t) => {
    const wire = await t.joined();
    wire.send('42["ask",1]', '42["ask",2]');
    const [first, second] = [splitPacket(await wire.next()), splitPacket(await wire.next())];
    assert.notEqual(first.head, second.head);
    wire.send(`43${second.head.slice(2)}["b"]`, `43${first.head.slice(2)}["a"]`);
    await wire.expect("42", ["answer", "b"]);
    await wire.expect("42", ["answer", "a"]);
  },
  "An unknown acknowledgement is ignored": ignores('43999["x"]', "431", '43["x"]', '461-999[{"_placeholder":true,"num":0}]', one),
  "An acknowledgement that is no array closes": closes("431{}"),
  "An acknowledgement that is no JSON closes": closes("431[x]"),

  // Other packet types.

  "A CONNECT_ERROR from a client closes": closes('44{"message":"x"}'),
  "A CONNECT_ERROR without a payload closes": closes("44"),
  "An unknown packet type closes": closes('49["echo"]'),
  "Packet type 7 closes": closes('47["echo"]'),
  "A letter as packet type closes": closes("4abc"),
  "A DISCONNECT with a payload closes": closes("41{}"),
  "A CONNECT with an array closes": closesAsFirst("40[1]"),
  "A CONNECT with a string closes": closesAsFirst('40"s"'),
  "A CONNECT with null closes": closesAsFirst("40null"),
  "A CONNECT with broken JSON closes": closesAsFirst('40{"a":', "40x", '40{"a":1}x'),

  // Binary packets.

  "A binary event comes back with its attachments": answers(
    [header("452-", "echo", placeholder(0), { a: [placeholder(1)] }), one, two],
    header("452-", "echo", placeholder(0), { a: [placeholder(1)] }), one, two,
  ),
  "A binary event in a namespace comes back in that namespace": async (t) => {
    const wire = await t.joined("/custom");
    wire.send('451-/custom,["echo",{"_placeholder":true,"num":0}]', one);
    await wire.expect("451-/custom,", ["echo", placeholder(0)]);
    assert.deepEqual(await wire.next(), one);
  },
  "A binary event with an id gets a binary acknowledgement": answers(
    ['451-7["ack",{"_placeholder":true,"num":0},"a"]', one],
    '461-7[{"_placeholder":true,"num":0},"a"]', one,
  ),
  "Attachments are numbered anew in depth-first order": answers(
    [header("452-", "echo", { a: [placeholder(1)], b: 1 }, placeholder(0)), one, two],
    header("452-", "echo", { a: [placeholder(0)], b: 1 }, placeholder(1)), two, one,
  ),
  "An attachment used twice comes back as two": answers(
    [header("451-", "echo", placeholder(0), placeholder(0)), one],
    header("452-", "echo", placeholder(0), placeholder(1)), one, one,
  ),
  "An attachment that is not used is dropped": answers([header("451-", "echo", 1), one], '42["echo",1]'),
  "Ten attachments are accepted": answers(
    [header("4510-", "echo", ...eleven.slice(1).map((_, i) => placeholder(i))), ...eleven.slice(1)],
    header("4510-", "echo", ...eleven.slice(1).map((_, i) => placeholder(i))), ...eleven.slice(1),
  ),
  "Eleven attachments close": closes(header("4511-", "echo", ...eleven.map((_, i) => placeholder(i)))),
  "An absurd number of attachments closes": closes('45999999999999999999-["echo"]'),
  "Zero attachments close": closes('450-["echo"]'),
  "Zero attachments of an acknowledgement close": closes('460-1["echo"]'),
  "A negative number of attachments closes": closes('45-1-["echo"]'),
  "A fractional number of attachments closes": closes('451.5-["echo"]'),
  "A missing number of attachments closes": closes('45-["echo"]'),
  "A missing dash after the number of attachments closes": closes('451["echo"]'),
  "A binary header that ends after its number closes": closes("451"),
  "A number of attachments that is no number closes": closes('45x-["echo"]'),
  "A text packet before the last attachment closes": closes(header("451-", "echo", placeholder(0)), '42["echo",1]'),
  "A text packet between two attachments closes": closes(header("452-", "echo", placeholder(0), placeholder(1)), one, "41"),
  "An engine pong between header and attachment is fine": answers(
    [header("451-", "echo", placeholder(0)), "3", one],
    header("451-", "echo", placeholder(0)), one,
  ),
  "An attachment without a header closes": closes(one),
  "An attachment too many closes": async (t) => {
    const wire = await t.joined();
    wire.send(header("451-", "ignored", placeholder(0)), one, two);
    await wire.assertClosed(1005);
  },
  "A placeholder out of range closes": closes(header("451-", "echo", placeholder(1)), one),
  "A negative placeholder closes": closes(header("451-", "echo", placeholder(-1)), one),
  "A placeholder whose number is text closes": closes(header("451-", "echo", placeholder("0")), one),
  "A placeholder without a number closes": closes(header("451-", "echo", { _placeholder: true }), one),
  "A binary event without a payload takes its attachment and is ignored": ignores("451-", one),

  // Hostile shapes.

  "JSON may be nested deeply": answers([`42["echo",${nested(500)}]`], `42["echo",${nested(500)}]`),
  "JSON nested as deeply as the payload limit allows does no harm": async (t) => {
    const deep = nested(4900);
    const wire = await t.joined();
    // The official process would die while encoding the echo, so there the event is only received.
    if (t.official) {
      wire.send(`42["ignored",${deep}]`);
      await wire.assertQuiet();
    } else {
      wire.send(`42["echo",${deep}]`);
      await assertUnharmed(t, wire, `42["echo",${deep}]`);
    }
  },
  "Objects nested deeply around an attachment do no harm": async (t) => {
    const depth = t.pick({ official: 300, fanfare: 100 });
    const packet = `451-["echo",${'{"a":'.repeat(depth)}{"_placeholder":true,"num":0}${"}".repeat(depth)}]`;
    const wire = await t.joined();
    wire.send(packet, one);
    await assertUnharmed(t, wire, packet);
  },
  "A packet cut off anywhere closes, or waits for its attachments": async (t) => {
    const whole = '452-/custom,12["echo",{"_placeholder":true,"num":0},"é"]';
    await Promise.all(Array.from({ length: whole.length }, async (_, length) => {
      const packet = whole.slice(0, length);
      const wire = await t.joined("/", "/custom");
      wire.send(packet);
      // Without its payload it is a complete header, of the namespace as far as that is written.
      const [complete, namespace = "/"] = /^452-(\/[^,]*)?(?:,\d*)?$/.exec(packet) ?? [];
      if (complete) wire.send(one, two);
      if (complete && ["/", "/custom"].includes(namespace)) await wire.assertQuiet();
      else await wire.assertClosed(1005);
    }));
  },
  "Prototype keys are ordinary data": async (t) => {
    const wire = await t.joined();
    wire.send('42["echo",{"__proto__":{"a":1},"constructor":2}]', '42["__proto__"]', '42["constructor"]', '42["toString"]');
    assert.match(await wire.next(), /^42\["echo",\{/);
    await wire.assertQuiet();
  },
};
