// Bytes, at the client and on the wire: features 2.1 and 2.2.

import { nsp, socket } from "../steps.mjs";

const placeholder = (num) => ({ _placeholder: true, num });
const one = Buffer.from([1]);
const two = Buffer.from([2, 2]);

/** What the server sends back for packets in the main namespace. */
const wired = (...packets) => async (t) => {
  const w = await t.joined();
  t.note("outcome", await w.outcome(...packets));
  if (t.mode !== "polling") return;
  // The connection is over, or another request is answered.
};

export const scripts = {
  "echo": async (t) => {
    const [a] = await t.clients("a");
    a.emit("echo", one, { a: two, b: [one, { c: two }] }, "text");
    await t.fence(a);
  },
  "empty-bytes": async (t) => {
    const [a] = await t.clients("a");
    a.emit("echo", Buffer.alloc(0), [Buffer.alloc(0)]);
    await t.fence(a);
  },
  "typed-arrays-and-array-buffers": async (t) => {
    const [a] = await t.clients("a");
    a.emit("echo", new Uint8Array([1, 2]), new Uint16Array([1]), new Uint8Array([7, 8]).buffer);
    await t.fence(a);
  },
  "to-many": async (t) => {
    const [a, b] = await t.clients("a", "b");
    await a.do(nsp.emit("note", one, { deep: two }), socket.broadcast.emit("note", two), nsp.to("$id").emit("note", one));
    await t.fence(a, b);
  },
  "mixed-with-text-in-order": async (t) => {
    const [a, b] = await t.clients("a", "b");
    const steps = Array.from({ length: 12 }, (_, i) => nsp.emit("note", i, i % 2 ? Buffer.from([i, i]) : "text"));
    await a.do(...steps);
    await t.fence(a, b);
  },
  "large": async (t) => {
    const [a] = await t.clients("a");
    const bytes = Buffer.alloc(200_000, 7);
    a.socket.on("echo", (back) => t.note("same", bytes.equals(back)));
    a.emit("echo", bytes);
    await t.fence(a);
    a.heard.length = 0;
  },
  "wire-depth-first": wired(`452-${JSON.stringify(["echo", { a: placeholder(1), b: 1 }, placeholder(0)])}`, one, two),
  "wire-used-twice": wired(`451-${JSON.stringify(["echo", placeholder(0), placeholder(0)])}`, one),
  "wire-unused-is-dropped": wired('451-["echo",1]', one),
  "wire-ack": wired(`451-7${JSON.stringify(["ack", placeholder(0), "a"])}`, one),
  "wire-ack-of-text-only": wired(`451-7${JSON.stringify(["ack", "a"])}`, one),
  "wire-ten-attachments": wired(
    `4510-${JSON.stringify(["echo", ...Array.from({ length: 10 }, (_, i) => placeholder(i))])}`,
    ...Array.from({ length: 10 }, (_, i) => Buffer.from([i])),
  ),
  "wire-eleven-attachments": wired(`4511-${JSON.stringify(["echo", ...Array.from({ length: 11 }, (_, i) => placeholder(i))])}`),
  "wire-zero-attachments": wired('450-["echo"]'),
  "wire-pong-between": wired(`451-${JSON.stringify(["echo", placeholder(0)])}`, "3", one),
  "wire-text-between": wired(`451-${JSON.stringify(["echo", placeholder(0)])}`, '42["echo",1]'),
  "wire-attachment-without-header": wired(one),
  "wire-out-of-range": wired(`451-${JSON.stringify(["echo", placeholder(1)])}`, one),
  "wire-negative-placeholder": wired(`451-${JSON.stringify(["echo", placeholder(-1)])}`, one),
  "wire-placeholder-of-text": wired(`451-${JSON.stringify(["echo", placeholder("0")])}`, one),
  "wire-placeholder-without-number": wired(`451-${JSON.stringify(["echo", { _placeholder: true }])}`, one),
  "wire-placeholder-in-text-packet": wired(`42${JSON.stringify(["echo", placeholder(0)])}`),
  "wire-no-count": wired('45-["echo"]'),
  "wire-no-dash": wired('451["echo"]'),
  "wire-fractional-count": wired('451.5-["echo"]'),
  "wire-absurd-count": wired('45999999999999999999-["echo"]'),
  "wire-reserved-name": wired(`451-${JSON.stringify(["connect", placeholder(0)])}`, one),
  "wire-namespace": async (t) => {
    await t.open(t.nsp);
    const w = await t.joined("w", "/", t.nsp);
    t.note("outcome", await w.outcomeIn(t.nsp, `451-${t.nsp},${JSON.stringify(["echo", placeholder(0)])}`, one, `451-${t.nsp},3${JSON.stringify(["ack", placeholder(0)])}`, two));
  },
  "wire-two-namespaces-do-not-interleave": async (t) => {
    await t.open(t.nsp);
    const w = await t.joined("w", "/", t.nsp);
    const packets = Array.from({ length: 6 }, (_, i) => [
      `452-${i % 2 ? `${t.nsp},` : ""}${JSON.stringify(["echo", i, placeholder(0), placeholder(1)])}`, Buffer.from([i, 0]), Buffer.from([i, 1]),
    ]).flat();
    t.note("outcome", await w.outcome(...packets));
    await w.outcomeIn(t.nsp);
    // Namespaces have no order between them; header and attachments of a packet are a unit.
    const units = [];
    for (const packet of w.heard.splice(0)) {
      if (/^45/.test(packet)) units.push([packet]);
      else if (/^(<|b)/.test(packet)) units.at(-1).push(packet);
    }
    t.note("units", { unordered: units });
  },
};
