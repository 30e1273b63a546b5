// Volatile emits: dropped when, and only when, the client's transport is not writable at that moment.
//
// On WebSocket one batch is in flight at a time, so of a burst made in one go exactly the first arrives. On polling
// a client is writable while a GET waits at the server; whether one waits just now is a race that the client cannot
// see (its GET and its POST travel over two connections). There the cases ask for what holds either way, none or the
// first one, and repeat until one arrived.

//
// On another node of a cluster the members of a broadcast are judged where they are: each emit of a burst arrives there
// by itself, and a later one may find the client writable again.

import { assert, test } from "../support.mjs";
import { A } from "./audience.mjs";

const TRIES = 50;

export const volatile = async (audience) => {
  const { sender, mode } = audience;
  const alwaysWritable = mode !== "polling";

  // The clients `names` hear the first note of the burst, and nobody hears anything else.
  const firstOnly = async (names, args, action) => {
    const note = ["note", ...args];
    const near = audience.together(names);
    const missing = new Set(names);
    for (let tried = 0; tried < (alwaysWritable ? 1 : TRIES) && missing.size > 0; tried++) {
      for (const [name, heard] of Object.entries(await audience.heardAfter(action))) {
        if (heard.length === 0) continue;
        assert.ok(names.includes(name), `${name} should hear nothing`);
        if (near.includes(name) || alwaysWritable) assert.deepEqual(heard[0], note);
        if (near.includes(name)) assert.equal(heard.length, 1, `${name} should hear one note`);
        missing.delete(name);
      }
    }
    assert.deepEqual([...missing], [], "these should hear the first note and heard nothing");
  };

  const bytes = { bytes: Buffer.from([1, 2, 3]) };

  await test("socket.volatile reaches a client that is writable [text]", () =>
    firstOnly(["sender"], ["maybe"], () => sender.ask("volatile", "maybe")));

  await test("socket.volatile reaches a client that is writable [binary]", () =>
    firstOnly(["sender"], [bytes], () => sender.ask("volatile", bytes)));

  await test("of 10 volatile emits in a loop the first alone arrives [text]", () =>
    firstOnly(["sender"], [0], () => sender.ask("volatile-burst", 10)));

  await test("of 10 volatile emits in a loop the first alone arrives, with its attachment [binary]", () =>
    firstOnly(["sender"], [0, bytes], () => sender.ask("volatile-burst", 10, bytes)));

  await test("of 10 volatile broadcasts in a loop the first alone arrives at each member [text]", () =>
    firstOnly(["sender", "a", "ab", "abc"], [0], () => sender.ask("volatile-burst-room", A, 10)));

  await test("of 10 volatile broadcasts in a loop the first alone arrives at each member [binary]", () =>
    firstOnly(["sender", "a", "ab", "abc"], [0, bytes], () => sender.ask("volatile-burst-room", A, 10, bytes)));

  await test("a volatile emit right behind an ordinary one is dropped", () =>
    audience.hears({ sender: [["note", "kept"]] }, () => sender.ask("volatile-after-emit")));

  await test("volatile holds for one emit alone: ordinary emits after it all arrive", async () => {
    await sender.ask("volatile", "maybe");
    const notes = Array.from({ length: 20 }, (_, n) => ["note", n]);
    await audience.hears({ sender: notes }, () => Promise.all(notes.map(([, n]) => sender.ask("to-sender", n))));
  });

  await test("a client's volatile emit arrives when it is connected", async () => {
    // The same race as above on polling: the client is not writable while one of its POSTs is under way.
    for (let tried = 0; tried < TRIES; tried++) {
      const { sender: heard } = await audience.heardAfter(() => sender.socket.volatile.emit("to-sender", "perhaps"));
      assert.ok(heard.length <= 1);
      if (heard.length === 1) return assert.deepEqual(heard, [["note", "perhaps"]]);
    }
    assert.fail("none arrived");
  });
};
