// What a program may say: values at the edge of JSON, unusual names of events, messages of every size.

import { readFile } from "node:fs/promises";
import { assert, once } from "../support.mjs";
import { RETURNING } from "./stage.mjs";

const NAMES = JSON.parse(await readFile(new URL("unusual-names.json", import.meta.url)));
const RESERVED = ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

export const values = (test, { mode }) => {
  for (const [what, given, expected] of [
    ["no arguments", [], []],
    ["nothing of every kind", [null, undefined, NaN, Infinity], [null, null, null, null]],
    ["undefined inside", [{ gone: undefined, kept: null }, [undefined]], [{ kept: null }, [null]]],
    ["dates", [new Date(0), { at: new Date(1e12) }], ["1970-01-01T00:00:00.000Z", { at: "2001-09-09T01:46:40.000Z" }]],
    ["objects that are no plain ones", [new Map([[1, 2]]), new Set([1]), /x/, new Error("hidden")], [{}, {}, {}, {}]],
    ["an object that says what it is", [{ toJSON: () => ["itself"] }], [["itself"]]],
    ["functions inside", [{ call: () => 1, text: "kept" }, [() => 1]], [{ text: "kept" }, [null]]],
    ["negative zero and large integers", [-0, 2 ** 53 - 1, -(2 ** 53)], [0, 2 ** 53 - 1, -(2 ** 53)]],
    ["boxed values", [new Number(1), new String("s"), new Boolean(false)], [1, "s", false]],
  ]) {
    test(`${what}: as JSON has it`, async (stage) => {
      const client = await stage.connect();
      assert.deepEqual(await client.ask("binary-echo", ...given), expected);
      assert.deepEqual(client.take(), [["note", ...expected]]);
    });
  }

  for (const [what, text] of [
    ["from every plane of Unicode", "a\u0080\u07ff\u0800\uffff\u{10000}\u{10ffff}"],
    ["with combined characters and directions", "e\u0301 \u202eabc\u202c 👩‍👩‍👧‍👦 नमस्ते \ufeff"],
    ["with halves of surrogate pairs", "\ud800 \udfff x\ude00\ud83d"],
    ["with every control character", Array.from({ length: 33 }, (_, n) => String.fromCharCode(n)).join("")],
    ["with what separates packets in polling", "\u001e4\u001e2[\"forged\"]\u001e"],
    ["that looks like a packet", '42["forged"]'],
    ["that looks like base64", "bAAEC"],
    ["that looks like a placeholder", '{"_placeholder":true,"num":0}'],
    ["of backslashes and quotes", '\\"\\\\"\\u0041\\'],
    ["of one character, 100,000 times", "é".repeat(100_000)],
  ]) {
    test(`a string ${what} comes back as it went`, async (stage) => {
      const client = await stage.connect();
      const [back, key] = await client.ask("binary-echo", text, { [text]: 1 });
      assert.ok(back === text);
      assert.deepEqual(Object.keys(key), [text]);
      assert.deepEqual(client.take(), [["note", text, key]]);
      const beside = { text, bytes: Buffer.from("beside"), more: [{ [text]: text }] };
      assert.deepEqual(await client.ask("binary-echo", beside), [beside]);
      assert.deepEqual(client.take(), [["note", beside]]);
    });
  }

  test("what JSON cannot hold is refused at the client, and nothing else suffers", async (stage) => {
    const client = await stage.connect();
    assert.throws(() => client.socket.emit("to-sender", 1n), TypeError);
    assert.deepEqual(await client.ask("echo", "alive"), ["alive"]);
  });

  test("a message nested a hundred levels deep survives", async (stage) => {
    const client = await stage.connect();
    let deep = "bottom";
    for (let n = 0; n < 50; n++) deep = [{ deep }];
    assert.deepEqual(await client.ask("binary-echo", deep), [deep]);
  });

  // ----------------------------------------------------------------------------------------------------- event names

  test("reserved names are refused by the client", async (stage) => {
    const client = await stage.connect();
    for (const name of RESERVED) assert.throws(() => client.socket.emit(name, "x"), /reserved event name/);
    assert.deepEqual(await client.ask("echo", "alive"), ["alive"]);
  });

  test("reserved names are refused by the server's emit", async (stage) => {
    const client = await stage.connect();
    for (const name of RESERVED) assert.deepEqual(await client.ask("emit-named", name, "x"), [false]);
    client.take();
    assert.deepEqual(await client.ask("echo", "alive"), ["alive"]);
    assert.deepEqual(client.take(), []);
  });

  test("the server hears events by unusual names, each by its own handler", async (stage) => {
    const client = await stage.connect();
    for (const name of NAMES) assert.deepEqual(await client.ask(name, 1, Buffer.from("2")), [name, 1, Buffer.from("2")]);
  });

  test("the client hears events by unusual names, each by its own handler and by onAny", async (stage) => {
    const client = await stage.connect();
    const heard = [];
    for (const name of NAMES) client.socket.on(name, (...args) => heard.push([name, ...args]));
    for (const name of NAMES) assert.deepEqual(await client.ask("emit-named", name, 1, Buffer.from("2")), [true]);
    const expected = NAMES.map((name) => [name, 1, Buffer.from("2")]);
    await client.ask("echo", "behind");
    assert.deepEqual(heard, expected);
    assert.deepEqual(client.take(), expected);
  });

  test("a number is a name as good as its text", async (stage) => {
    const client = await stage.connect();
    assert.deepEqual(await client.ask(42, "numeric"), ["42", "numeric"]);
    assert.deepEqual(await client.ask(1.5, "numeric"), ["1.5", "numeric"]);
  });

  for (const name of [undefined, null, true, {}, []]) {
    test(`an event named ${JSON.stringify(name) ?? name} is none, and ends the connection`, async (stage) => {
      const client = await stage.connect(RETURNING);
      const back = once(client.socket, "disconnect").then(() => once(client.socket, "connect"));
      client.socket.emit(name, "x");
      await back;
      assert.deepEqual(await client.ask("echo", "alive"), ["alive"]);
    });
  }

  test("send() is an event named message, both ways", async (stage) => {
    const client = await stage.connect();
    assert.equal(client.socket.send("hello", { n: 1 }, Buffer.from("b")), client.socket);
    await client.ask("echo", "behind");
    assert.deepEqual(client.take(), [["message", "hello", { n: 1 }, Buffer.from("b")]]);
  });

  // ----------------------------------------------------------------------------------------------------------- size

  test("a message just below maxPayload passes, one above it ends the connection, and the client comes back", async (stage) => {
    const client = await stage.connect(RETURNING);
    const limit = 1_000_000;
    // Room for the frame around the argument: 42<id>["echo",""]
    const [back] = await client.ask("echo", "x".repeat(limit - 30));
    assert.equal(back.length, limit - 30);
    const left = new Promise((resolve) => client.socket.once("disconnect", (reason, details) => resolve({ reason, details })));
    const returned = once(client.socket, "connect");
    client.socket.emit("to-sender", "x".repeat(limit + 1));
    const { reason, details } = await left;
    if (mode === "polling") {
      assert.equal(reason, "transport error");
      assert.deepEqual([details.message, details.description], ["xhr post error", 413]);
    } else {
      assert.equal(reason, "transport close");
      assert.deepEqual([details.description, details.context.code], ["websocket connection closed", 1009]);
    }
    await returned;
    assert.deepEqual(await client.ask("echo", "alive"), ["alive"]);
  });

  test("many messages that are too large together are sent apart", async (stage) => {
    const client = await stage.connect();
    const parts = Array.from({ length: 6 }, (_, n) => String(n).repeat(400_000));
    const answers = Promise.all(parts.map((part) => client.ask("data-set", part)));
    await answers;
    assert.ok((await client.ask("data-get"))[0] === parts.at(-1));
  });

  test("a program may ask for a message without compression", async (stage) => {
    const client = await stage.connect();
    const text = "compressible ".repeat(1000);
    client.socket.compress(false).emit("to-sender", text);
    client.socket.compress(true).emit("to-sender", text, Buffer.from(text));
    await client.ask("compress-false", text);
    assert.deepEqual(client.take(), [["note", text], ["note", text, Buffer.from(text)], ["note", text]]);
  });
};
