// Bytes: of every type that the client knows, at every place of a message, in both directions.

import { assert, once } from "../support.mjs";
import { RETURNING } from "./stage.mjs";

const BYTES = Uint8Array.from([0, 1, 2, 253, 254, 255, 30, 98]);
const over = (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

// What is emitted, and the bytes it is.
const KINDS = {
  "a Buffer": [Buffer.from(BYTES), Buffer.from(BYTES)],
  "an ArrayBuffer": [BYTES.buffer.slice(0), Buffer.from(BYTES)],
  "a Uint8Array": [BYTES, Buffer.from(BYTES)],
  "an Int16Array": [Int16Array.from([-1, 2, 300]), over(Int16Array.from([-1, 2, 300]))],
  "a Float64Array": [Float64Array.from([Math.PI, -0]), over(Float64Array.from([Math.PI, -0]))],
  "a BigInt64Array": [BigInt64Array.from([-1n, 2n ** 40n]), over(BigInt64Array.from([-1n, 2n ** 40n]))],
  "a DataView of a part": [new DataView(BYTES.buffer.slice(0), 2, 4), Buffer.from(BYTES.slice(2, 6))],
  "a view of a part": [BYTES.subarray(3, 6), Buffer.from(BYTES.slice(3, 6))],
  "a Buffer of a part": [Buffer.from("a longer text").subarray(2, 8), Buffer.from("longer")],
  "no bytes": [new Uint8Array(0), Buffer.alloc(0)],
  "a single byte": [Buffer.from([0]), Buffer.from([0])],
};

export const binary = (test, { mode }) => {
  for (const [what, [given, expected]] of Object.entries(KINDS)) {
    test(`${what} goes there and back as bytes, in an event and in acks both ways`, async (stage) => {
      const client = await stage.connect();
      assert.deepEqual(await client.ask("binary-echo", given), [expected]);
      assert.deepEqual(client.take(), [["note", expected]]);
      client.answers = () => [given, "and", given];
      assert.deepEqual(await client.ask("emit-with-ack"), [expected, "and", expected]);
    });
  }

  for (const [what, args] of [
    ["first, between and last", [Buffer.from("1"), "text", Buffer.from("2"), 3, Buffer.from("4")]],
    ["in nested objects and arrays", [{ a: { b: [{ c: Buffer.from("deep") }] }, list: [[Buffer.from("1")], [], [Buffer.from("2")]] }]],
    ["beside every kind of value", [{ bytes: Buffer.from("b"), text: "t", n: 1.5, yes: true, nothing: null, list: [], object: {} }]],
    ["ten in one message", Array.from({ length: 10 }, (_, n) => Buffer.alloc(n + 1, n))],
    ["beside what looks like a placeholder", [{ _placeholder: false, num: 7 }, Buffer.from("real"), { num: 0 }]],
  ]) {
    test(`attachments ${what} are put back where they were`, async (stage) => {
      const client = await stage.connect();
      assert.deepEqual(await client.ask("binary-echo", ...args), args);
      assert.deepEqual(client.take(), [["note", ...args]]);
    });
  }

  test("more attachments than a server takes end the connection", async (stage) => {
    const client = await stage.connect();
    client.socket.emit("to-sender", ...Array.from({ length: 11 }, (_, n) => Buffer.from([n])));
    assert.ok(["transport close", "transport error"].includes(await client.ended()));
  });

  test("an object that turns into something with bytes is sent as that", async (stage) => {
    const client = await stage.connect();
    const boxed = { toJSON: () => ({ text: "boxed" }) };
    assert.deepEqual(await client.ask("echo", boxed, Buffer.from("b")), [{ text: "boxed" }, Buffer.from("b")]);
  });

  test("text and bytes in turns keep their order in both directions", async (stage) => {
    const client = await stage.connect();
    const messages = Array.from({ length: 100 }, (_, n) => [[n], [n, Buffer.from([n])], [{ n, two: [Buffer.from("x"), Buffer.alloc(n)] }]][n % 3]);
    for (const args of messages) client.socket.emit("to-sender", ...args);
    await client.ask("echo", "behind");
    assert.deepEqual(client.take(), messages.map((args) => ["note", ...args]));
  });

  test("bytes wait for the connection like everything else", async (stage) => {
    const client = stage.start({ autoConnect: false });
    const bytes = Uint8Array.from([1, 2, 3]);
    client.socket.emit("to-sender", { bytes });
    client.socket.connect();
    await client.connected();
    await client.ask("echo", "behind");
    assert.deepEqual(client.take(), [["note", { bytes: Buffer.from(bytes) }]]);
  });

  test("bytes to other sockets and rooms are the same bytes for each of them", async (stage) => {
    const [sender, ...others] = await Promise.all([0, 1, 2].map(() => stage.connect()));
    const room = `binary-${sender.id}`;
    for (const other of others) await other.ask("join", room);
    const value = { list: [Buffer.from("to the room"), Buffer.alloc(5000, 7)] };
    sender.socket.emit("to-room", room, value);
    for (const other of others) assert.deepEqual((await other.heard(([event]) => event === "note"))[1], value);
  });

  for (const kilobytes of [100, 700]) {
    test(`${kilobytes} kB of bytes survive`, async (stage) => {
      const client = await stage.connect();
      const bytes = Buffer.from(Uint8Array.from({ length: kilobytes * 1000 }, (_, n) => (n * 31 + (n >> 8)) % 256));
      const [back] = await client.ask("echo", bytes);
      assert.ok(bytes.equals(back));
    });
  }

  test("the client in Node.js does not know a Blob, and the server does not know what it sends instead", async (stage) => {
    const client = await stage.connect(RETURNING);
    const back = once(client.socket, "disconnect").then(() => once(client.socket, "connect"));
    client.socket.emit("to-sender", new Blob(["blob"]));
    await back;
    assert.deepEqual(await client.ask("echo", "alive"), ["alive"]);
  });

  test("with forceBase64 no frame is binary, and the bytes are the same", async (stage) => {
    const gate = await stage.gate();
    const client = await stage.connect({ url: gate.url, forceBase64: true });
    const frames = [];
    client.engine.transport.ws?.on("message", (data, isBinary) => frames.push(isBinary));
    const value = { list: [Buffer.from(BYTES), "text", Buffer.alloc(3000, 30)], empty: Buffer.alloc(0) };
    assert.deepEqual(await client.ask("binary-echo", value), [value]);
    assert.deepEqual(client.take(), [["note", value]]);
    client.answers = () => [value];
    assert.deepEqual(await client.ask("emit-with-ack"), [value]);
    assert.ok(gate.handshakes.every(({ query }) => query.b64 === "1"));
    assert.ok(frames.every((isBinary) => !isBinary));
    assert.equal(frames.length > 0, mode !== "polling");
  });
};
