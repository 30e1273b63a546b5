// Messages that nobody would think of: drawn at random, from a seed that a failure names.

import { assert } from "../support.mjs";

const MESSAGES = 150;
// Under way at a time: what waits for one client is bounded.
const WINDOW = 25;
const ATTACHMENTS_MAX = 10;

// Numbers from 0 to 1, the same for the same seed (mulberry32).
const generator = (seed) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
};

// Draws the arguments of one message, as they come back.
const draw = (random) => {
  const below = (count) => Math.floor(random() * count);
  const oneOf = (choices) => choices[below(choices.length)];
  const several = (make, most = 5) => Array.from({ length: below(most) }, make);
  let attachments = 0;

  const text = () => oneOf([
    () => "",
    () => several(() => String.fromCharCode(below(0x10000)), 20).join(""),
    () => several(() => oneOf(['"', "\\", "\u001e", "\u2028", "é", "漢", "🎉", "\ud83d", "\u0000", "num", "b"]), 12).join(""),
    () => oneOf(["_placeholder", "num", "4", "2probe", '42["x"]', "b4", "__proto__", "toJSON"]),
    () => "x".repeat(below(3000)),
  ])();
  const key = () => (random() < 0.2 ? `k${below(5)}` : `${below(1000)}:${text().toWellFormed?.() ?? ""}`);
  const scalar = () => oneOf([null, true, false, 0, 1, -1, below(2 ** 31), random() * 1e6, random() / 1e9, random() * 1e300, 2 ** 53 - 1, 1e21]);
  const bytes = () => (attachments++ < ATTACHMENTS_MAX ? Buffer.from(several(() => below(256), 200)) : null);
  const value = (depth) => oneOf([
    scalar,
    text,
    bytes,
    () => (depth === 0 ? scalar() : several(() => value(depth - 1))),
    () => (depth === 0 ? text() : Object.fromEntries(several(() => [key(), value(depth - 1)]))),
  ])();
  return several(() => value(below(6)), 6);
};

export const random = (test) => {
  const seed = Number(process.env.JUDGE_SEED) || (Date.now() ^ process.pid) & 0x7fffffff;

  test("messages drawn at random come back as they went, in events, in acks, in order", async (stage) => {
    const client = await stage.connect();
    const next = generator(seed);
    const messages = Array.from({ length: MESSAGES }, () => draw(next));
    const acks = [];
    while (acks.length < MESSAGES) {
      const some = messages.slice(acks.length, acks.length + WINDOW);
      acks.push(...await Promise.all(some.map((args) => client.ask("binary-echo", ...args))));
    }
    const events = client.take().map(([, ...args]) => args);
    for (const [n, args] of messages.entries()) {
      const what = `message ${n} of JUDGE_SEED=${seed}`;
      assert.deepEqual(acks[n], args, `the ack of ${what}`);
      assert.deepEqual(events[n], args, what);
    }
    assert.equal(events.length, MESSAGES);
  });

  test("answers drawn at random reach the server as they went", async (stage) => {
    const client = await stage.connect();
    const next = generator(seed + 1);
    for (let n = 0; n < MESSAGES / 3; n++) {
      const [question, answer] = [draw(next), draw(next)];
      client.answers = (...args) => {
        assert.deepEqual(args, question, `question ${n} of JUDGE_SEED=${seed}`);
        return answer;
      };
      assert.deepEqual(await client.ask("emit-with-ack", ...question), answer, `answer ${n} of JUDGE_SEED=${seed}`);
    }
  });
};
