// What can be said: every value that JSON and attachments can carry comes back as it went out.

import { assert, test } from "../support.mjs";

const PLAIN = {
  "nothing, null and booleans": [null, true, false],
  "numbers to their last bit": [0, -1, 0.1 + 0.2, 5e-324, 1.7976931348623157e308, 2 ** 53, 1e21, -1.5e-7, 123456789012345680000],
  "strings of every kind": ["", "plain", "ünïcödé ✓ 漢字 🎉", "quote \" back \\ slash /", "line\nfeed\ttab\u0000nul\u001eseparator\u2028"],
  "nested arrays and objects": [{ a: [{ b: [[], {}, [[1]]] }], "": "empty key", "ключ": 1 }],
  "an object that looks like a placeholder's neighbour": [{ _placeholder: false, num: 0 }, { num: 1 }],
};

const BINARY = {
  "one attachment": [Buffer.from([0, 255, 30, 4, 98])],
  "an empty attachment": [Buffer.alloc(0)],
  "attachments at several depths, in order": [
    Buffer.from("0"),
    { list: [Buffer.from("1"), { deep: { deeper: Buffer.from("2") } }, "text"], more: Buffer.from("3") },
    "between",
    [[[Buffer.from("4")]]],
  ],
  "ten attachments": Array.from({ length: 10 }, (_, n) => Buffer.alloc(n * 100, n)),
  "a large attachment": [Buffer.from(Uint8Array.from({ length: 300_000 }, (_, n) => (n * 7) % 256))],
};

export const values = async (audience) => {
  const { sender } = audience;

  for (const [what, args] of [...Object.entries(PLAIN), ...Object.entries(BINARY)]) {
    await test(`${what} survive the way there and back, as event and as ack`, () =>
      audience.noted(["sender"], args, async () => {
        assert.deepEqual(await sender.ask("binary-echo", ...args), args);
      }));
  }

  await test("the same bytes twice in one message arrive twice", async () => {
    const bytes = Buffer.from("same");
    assert.deepEqual(await sender.ask("binary-echo", bytes, { again: bytes }), [bytes, { again: bytes }]);
  });

  await test("an ArrayBuffer and a typed array arrive as bytes", async () => {
    const bytes = Uint8Array.from([1, 2, 3]);
    assert.deepEqual(await sender.ask("echo", bytes, bytes.buffer), [Buffer.from(bytes), Buffer.from(bytes)]);
  });

  await test("undefined becomes null and a date its text, as in JSON", async () => {
    const date = new Date(0);
    assert.deepEqual(await sender.ask("echo", undefined, date), [null, "1970-01-01T00:00:00.000Z"]);
  });

  await test("the keys of an object keep their order", async () => {
    const [back] = await sender.ask("echo", { z: 1, a: 2, m: { y: 1, b: 2 } });
    assert.equal(JSON.stringify(back), '{"z":1,"a":2,"m":{"y":1,"b":2}}');
  });

  await test("half of a surrogate pair survives, as JSON allows it", async () => {
    assert.deepEqual(await sender.ask("echo", "\ud83d"), ["\ud83d"]);
  });

  await test("a message of 900 kB with characters of several bytes arrives whole", async () => {
    const large = "漢".repeat(300_000);
    const [back] = await sender.ask("echo", large);
    assert.ok(back === large);
  });

  await test("an event may be named by a number", async () => {
    // Nobody listens to it; that the connection lives on is the point.
    sender.socket.emit(42, "numeric");
    assert.deepEqual(await sender.ask("echo", "still here"), ["still here"]);
  });
};
