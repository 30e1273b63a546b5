// WebSocket: frames and packets, binary messages, limits, protocol faults, and the order of what is sent.

import { randomBytes } from "node:crypto";
import { assert, assertPacket, sleep, splitPacket, within } from "./support.mjs";

const placeholder = (num) => ({ _placeholder: true, num });

/** Messages that end a joined session without a close code. */
const closes = (...messages) => async (t) => {
  for (const message of messages) {
    const wire = await t.joined();
    wire.send(message);
    await wire.assertClosed(1005);
  }
};

/** Messages that a joined session takes without an answer. */
const ignores = (...messages) => async (t) => {
  const wire = await t.joined();
  wire.send(...messages);
  await wire.assertQuiet();
};

/** One masked frame whose first byte is given, written past the WebSocket client. */
function writeFrame(wire, firstByte, payload) {
  const mask = randomBytes(4);
  const masked = Buffer.from(payload, "latin1").map((byte, i) => byte ^ mask[i % 4]);
  assert.ok(masked.length < 126);
  wire.socket._socket.write(Buffer.concat([Buffer.from([firstByte, 0x80 | masked.length]), mask, masked]));
}

const breaks = (code, firstByte, payload) => async (t) => {
  const wire = await t.joined();
  writeFrame(wire, firstByte, payload);
  await wire.assertClosed(code);
};

export const cases = {
  // Packets and frames.

  "A text frame is one packet": async (t) => {
    const wire = await t.joined();
    wire.send('42["echo","é🎺"]');
    await wire.expect("42", ["echo", "é🎺"]);
  },
  "A binary message is a binary frame without a type byte, both ways": async (t) => {
    const wire = await t.joined();
    wire.send('451-["echo",{"_placeholder":true,"num":0}]', Buffer.from([4, 0, 255]));
    await wire.expect("451-", ["echo", placeholder(0)]);
    assert.deepEqual(await wire.next(), Buffer.from([4, 0, 255]));
  },
  "A text frame b<base64> is a binary message as well": async (t) => {
    const wire = await t.joined();
    wire.send('451-["echo",{"_placeholder":true,"num":0}]', "bAQID");
    await wire.expect("451-", ["echo", placeholder(0)]);
    assert.deepEqual(await wire.next(), Buffer.from([1, 2, 3]));
  },
  "A text frame b without a header packet closes": closes("bAQID"),
  "With b64=1 the server sends binary messages as text frames b<base64>": async (t) => {
    const wire = await t.websocket("plain", { query: { b64: 1 } });
    await wire.join();
    wire.send('451-["echo",{"_placeholder":true,"num":0}]', Buffer.from([1, 2, 3]));
    await wire.expect("451-", ["echo", placeholder(0)]);
    assert.equal(await wire.next(), "bAQID");
  },
  "An empty binary message is an attachment too": async (t) => {
    const wire = await t.joined();
    wire.send('452-["echo",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]', Buffer.alloc(0), "b");
    await wire.expect("452-", ["echo", placeholder(0), placeholder(1)]);
    assert.deepEqual([await wire.next(), await wire.next()], [Buffer.alloc(0), Buffer.alloc(0)]);
  },
  "A fragmented message is one packet, also around a WebSocket ping": async (t) => {
    const wire = await t.joined();
    wire.socket.send('42["ec', { fin: false });
    wire.socket.send('ho","', { fin: false });
    wire.socket.ping();
    wire.socket.send('abc"]', { fin: true });
    await wire.expect("42", ["echo", "abc"]);
  },
  "A WebSocket ping is answered with a pong of the same payload": async (t) => {
    const wire = await t.websocket();
    const pong = new Promise((resolve) => wire.socket.on("pong", resolve));
    wire.socket.ping("are you there");
    assert.equal(String(await within(pong, "a pong frame")), "are you there");
  },
  "A WebSocket pong that nobody asked for is ignored": async (t) => {
    const wire = await t.joined();
    wire.socket.pong("hello");
    await wire.assertQuiet();
  },
  "The separator of polling payloads means nothing on a WebSocket": async (t) => {
    const wire = await t.joined();
    wire.send('42["echo","\\u001e"]');
    await wire.expect("42", ["echo", "\x1e"]);
    wire.send('42["echo",1]\x1e42["echo",2]');
    await wire.assertClosed();
  },

  // Engine packets from a client.

  "A noop, an open, an upgrade or a pong packet is ignored": ignores("6", "0", '0{"sid":"x"}', "5", "3", "3probe"),
  "A close packet ends the session at once (the official server waits for the ping timeout)": async (t) => {
    const wire = await t.joined();
    wire.send("1");
    // The official server ignores it until the ping times out.
    if (t.official) await wire.assertQuiet();
    else await wire.assertClosed();
  },
  "A ping packet from a client closes": closes("2", "2probe"),
  "An empty text frame closes": closes(""),
  "An unknown packet type closes": closes("7", "9", "x", " ", "a42"),
  "A multi-byte first letter closes": closes("é", "🎺", "é2[]", "\ufeff42[]"),
  "A message packet without content closes": closes("4"),
  "A multi-byte letter where a digit is expected closes": closes("4é", "4🎺", "42é", "45🎺-", "451é-[]", "4٣[]"),

  // Limits and protocol faults.

  "A message of exactly the payload limit is accepted": async (t) => {
    const wire = await t.joined();
    const text = "x".repeat(10_000 - '42["echo",""]'.length);
    wire.send(`42["echo","${text}"]`);
    await wire.expect("42", ["echo", text]);
  },
  "A message beyond the payload limit closes with 1009": async (t) => {
    const wire = await t.joined();
    wire.send(`42["echo","${"x".repeat(10_001 - '42["echo",""]'.length)}"]`);
    await wire.assertClosed(1009);
  },
  "A binary message beyond the payload limit closes with 1009": async (t) => {
    const wire = await t.joined();
    wire.send('451-["echo",{"_placeholder":true,"num":0}]', Buffer.alloc(10_001));
    await wire.assertClosed(1009);
  },
  "The payload limit counts bytes, not letters": async (t) => {
    const wire = await t.joined();
    wire.send(`42["echo","${"é".repeat(5000)}"]`);
    await wire.assertClosed(1009);
  },
  "The payload limit holds for the sum of the fragments": async (t) => {
    const wire = await t.joined();
    wire.socket.send('42["echo","', { fin: false });
    for (let i = 0; i < 10; i++) wire.socket.send("x".repeat(1000), { fin: false });
    await wire.assertClosed(1009);
  },
  "The payload limit holds before the first CONNECT": async (t) => {
    const wire = await t.websocket();
    wire.send("x".repeat(10_001));
    await wire.assertClosed(1009);
  },
  "The payload limit holds for each attachment, not for their sum": async (t) => {
    const wire = await t.joined();
    const attachments = [Buffer.alloc(9000, 1), Buffer.alloc(9000, 2)];
    wire.send('452-["echo",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]', ...attachments);
    await wire.expect("452-", ["echo", placeholder(0), placeholder(1)]);
    assert.deepEqual([await wire.next(), await wire.next()], attachments);
  },
  "Invalid UTF-8 in a text frame closes with 1007": breaks(1007, 0x81, '42["echo","\xff\xfe"]'),
  "A set reserved bit closes with 1002": breaks(1002, 0xc1, '42["echo",1]'),
  "An unknown opcode closes with 1002": breaks(1002, 0x83, '42["echo",1]'),
  "A continuation of nothing closes with 1002": breaks(1002, 0x80, '42["echo",1]'),
  "An unmasked frame closes with 1002": async (t) => {
    const wire = await t.joined();
    wire.socket._socket.write(Buffer.concat([Buffer.from([0x81, 5]), Buffer.from("42[1]")]));
    await wire.assertClosed(1002);
  },
  "The closing handshake of the client is completed with its code": async (t) => {
    const wire = await t.joined();
    wire.socket.close(1000);
    await wire.assertClosed(1000);
  },

  // Order.

  "Events of one client are handled in the order in which they were sent": async (t) => {
    const wire = await t.joined();
    const count = 500;
    for (let i = 0; i < count; i++) wire.send(i % 2 ? `42["echo",${i}]` : `42${i}["ack",${i}]`);
    for (let i = 0; i < count; i++) {
      if (i % 2) await wire.expect("42", ["echo", i]);
      else await wire.expect(`43${i}`, [i]);
    }
  },
  "Attachments follow their header at once, whatever other namespaces send": async (t) => {
    const wire = await t.joined("/", "/custom");
    const count = 100;
    for (let i = 0; i < count; i++) {
      for (const namespace of ["", "/custom,"]) {
        wire.send(`452-${namespace}["echo",${i},${JSON.stringify(placeholder(0))},${JSON.stringify(placeholder(1))}]`);
        wire.send(Buffer.from([i, namespace.length, 0]), Buffer.from([i, namespace.length, 1]));
        wire.send(`42${namespace}["echo",${i}]`);
      }
    }
    const next = { "": 0, "/custom,": 0 };
    for (let received = 0; received < 4 * count; received++) {
      const { head, data } = splitPacket(await wire.next());
      const namespace = head.includes("/custom,") ? "/custom," : "";
      const step = next[namespace]++;
      const i = step >> 1;
      if (step % 2) {
        assert.deepEqual({ head, data }, { head: `42${namespace}`, data: ["echo", i] });
        continue;
      }
      assert.deepEqual({ head, data }, { head: `452-${namespace}`, data: ["echo", i, placeholder(0), placeholder(1)] });
      assert.deepEqual(await wire.next(), Buffer.from([i, namespace.length, 0]));
      assert.deepEqual(await wire.next(), Buffer.from([i, namespace.length, 1]));
    }
  },
  "Of volatile packets in a row exactly one is sent": async (t) => {
    const wire = await t.joined();
    wire.send('42["volatile",10]');
    await wire.expect("42", ["echo", 0]);
    await wire.expect("42", ["done"]);
    await wire.assertQuiet();
  },
  "A reply to a large message keeps its place": async (t) => {
    const wire = await t.joined();
    const large = "x".repeat(9000);
    wire.send(`42["echo","${large}"]`, '42["echo",2]');
    assertPacket(await wire.next(), "42", ["echo", large]);
    assertPacket(await wire.next(), "42", ["echo", 2]);
  },

  // Connections that are cut.

  "Connections that are cut anywhere leave the server answering": async (t) => {
    for (let i = 0; i < 20; i++) {
      const wire = await t.websocket();
      wire.send("40", '451-["echo",{"_placeholder":true,"num":0}]');
      if (i % 2) await sleep(1);
      wire.socket.terminate();
    }
    const wire = await t.joined();
    await wire.assertQuiet();
  },
  "A frame that never ends does not hold up others": async (t) => {
    const stuck = await t.joined();
    stuck.socket._socket.write(Buffer.from([0x81, 0xfe, 0x20, 0x00, 1, 2, 3, 4, 5]));
    const wire = await t.joined();
    await wire.assertQuiet();
  },
};
