// Acknowledgements: features 1.4 and 2.8.

import { nsp, socket } from "../steps.mjs";

export const scripts = {
  "client-is-acknowledged": async (t) => {
    const [a] = await t.clients("a");
    t.note("answers", [await a.ask("ack"), await a.ask("ack", 1), await a.ask("ack", 1, "two", [3], { four: null })]);
  },
  "client-acks-many-at-once": async (t) => {
    const [a] = await t.clients("a");
    t.note("answers", await Promise.all(Array.from({ length: 20 }, (_, i) => a.ask("ack", i))));
  },
  "client-ack-with-bytes": async (t) => {
    const [a] = await t.clients("a");
    t.note("answers", await a.ask("ack", Buffer.from([1, 2]), { deep: [Buffer.from([])] }));
  },
  "server-asks": async (t) => {
    const [a] = await t.clients("a");
    a.answers.question = (...args) => ["answer", ...args];
    t.note("results", await a.do(socket.emitWithAck("question", 1, 2), socket.emitAck("question", 3)));
  },
  "server-asks-with-bytes": async (t) => {
    const [a] = await t.clients("a");
    a.answers.question = (bytes) => [{ bytes }, Buffer.from([9])];
    t.note("results", await a.do(socket.emitAck("question", Buffer.from([1, 2, 3]))));
  },
  "answer-without-arguments": async (t) => {
    const [a] = await t.clients("a");
    a.answers.question = [];
    t.note("results", await a.do(socket.emitWithAck("question"), socket.emitAck("question")));
  },
  "answer-of-several": async (t) => {
    const [a] = await t.clients("a");
    a.answers.question = [1, 2, 3];
    t.note("results", await a.do(socket.emitAck("question"), socket.emitWithAck("question"), socket.timeout(15_000).emitWithAck("question")));
  },
  "timeout-of-one": async (t) => {
    const [a] = await t.clients("a");
    t.note("results", await a.do(socket.timeout(50).emitWithAck("question", 1)));
  },
  "timeout-kept": async (t) => {
    const [a] = await t.clients("a");
    a.answers.question = ["in time"];
    t.note("results", await a.do(socket.timeout(15_000).emitWithAck("question", 1)));
  },
  "room-asks": async (t) => {
    const [a, b, c] = await t.clients("a", "b", "c");
    for (const client of [a, b, c]) client.answers.question = (n) => [`${client.name} ${n}`];
    await a.do(socket.join("x"));
    await b.do(socket.join("x"));
    t.note("results", await a.do(nsp.to("x").timeout(15_000).emitWithAck("question", 1)));
    t.note("all", await a.do(nsp.timeout(15_000).emitWithAck("question", 2)));
    t.note("others", await a.do(socket.broadcast.timeout(15_000).emitWithAck("question", 3)));
  },
  "room-asks-with-bytes": async (t) => {
    const [a, b] = await t.clients("a", "b");
    for (const client of [a, b]) client.answers.question = (bytes) => [Buffer.concat([bytes, Buffer.from(client.name)])];
    t.note("results", await a.do(nsp.timeout(15_000).emitWithAck("question", Buffer.from([1]))));
  },
  "room-first-argument-counts": async (t) => {
    const [a, b] = await t.clients("a", "b");
    a.answers.question = [1, 2];
    b.answers.question = [];
    t.note("results", await a.do(nsp.timeout(15_000).emitWithAck("question")));
  },
  "room-partial-after-timeout": async (t) => {
    const [a, b] = await t.clients("a", "b");
    b.answers.question = ["b"];
    t.note("results", await a.do(nsp.timeout(5_000).emitWithAck("question")));
  },
  "room-of-nobody": async (t) => {
    const [a] = await t.clients("a");
    t.note("results", await a.do(nsp.to("nobody").timeout(15_000).emitWithAck("question")));
  },
  "late-answer-is-ignored": async (t) => {
    const [a] = await t.clients("a");
    let late;
    a.socket.on("question", (ack) => (late = ack));
    t.note("results", await a.do(socket.timeout(20).emitWithAck("question")));
    late("too late");
    t.note("after", await a.ask("ack", "alive"));
  },
};
