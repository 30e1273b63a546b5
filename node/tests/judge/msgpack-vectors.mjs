// Packets as npm `socket.io-msgpack-parser` and `socket.io-parser` write them, as the table of a unit test:
//
//     node msgpack-vectors.mjs > ../../socketio/src/msgpack/vectors.json
//
// Each row holds the same packet in both formats: `node` and `browser` are the two builds of msgpack (hexadecimal; the
// second only where it differs), `default` the text, `attachments` its bytes. `plain` says that a
// server which is given the text and the bytes has to write exactly what Node writes.

import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const msgpack = require("socket.io-msgpack-parser");
const browser = require(require.resolve("notepack.io").replace(/lib.index\.js$/, "browser/encode.js"));
const { Encoder } = require("socket.io-parser");

const event = (...data) => ({ type: 2, data, nsp: "/" });
const chain = (levels) => (levels === 0 ? 1 : [chain(levels - 1)]);
const text = (length) => "x".repeat(length);
const list = (length) => Array.from({ length }, (_, index) => index);
const object = (length) => Object.fromEntries(list(length).map((index) => [`k${index}`, index]));
const bytes = (length) => Buffer.alloc(length, 7);

const plain = [
  { type: 0, nsp: "/" },
  { type: 0, data: { token: "é\n\"\\", n: 1 }, nsp: "/admin" },
  { type: 1, nsp: "/" },
  { type: 1, nsp: "/admin" },
  { type: 4, data: { message: "no", data: { code: 1 } }, nsp: "/admin" },
  { type: 2, data: ["hello"], nsp: "/" },
  { type: 2, data: ["hello", 1, "a"], id: 12, nsp: "/admin" },
  { type: 2, data: ["e"], id: 0, nsp: "/" },
  { type: 3, data: [], id: 7, nsp: "/" },
  { type: 3, data: ["x", [1, 2]], id: 4294967296, nsp: "/a" },
  event("numbers", 0, 1, 127, 128, 255, 256, 65535, 65536, 4294967295, 4294967296, 9007199254740992),
  event("negative", -1, -32, -33, -128, -129, -32768, -32769, -2147483648, -2147483649, -9007199254740991),
  event("floats", 0.1, -1.5, 1e-7, 5e-324),
  event("others", null, true, false, "", [], {}),
  event("texts", text(31), text(32), text(255), text(256)),
  event("unicode", "é\u2028😀\u0000\u0001\u001f\u007f/", { "ключ": "значение" }),
  event("arrays", list(15), list(16), list(300)),
  event("objects", object(15), object(16), object(300)),
  event("nested", { a: { b: [{ c: [[]] }, {}] } }, chain(20)),
  event("placeholder", { _placeholder: true, num: 0 }),
  event("bytes", bytes(0), { x: [bytes(3), { y: bytes(255) }] }, bytes(256)),
];

const node = [
  event("undefined", undefined, [undefined], { a: undefined, b: 1, c: undefined }),
  event("dates", new Date(0), new Date(951827696123), new Date(-1), { at: new Date(1e12) }),
  event("far", new Date(8.64e15), new Date(-8.64e15), new Date(-62198755200000), new Date(253402300800000)),
  event("views", Uint8Array.of(1, 2, 3).buffer, Uint8Array.of(9), new ArrayBuffer(300)),
  event("json", { toJSON: () => ({ a: [1] }) }),
  event("numbers", NaN, Infinity, -Infinity),
];

const hex = (buffer) => Buffer.from(buffer).toString("hex");

// The browser's build knows no Buffer.
function forBrowser(value) {
  if (Buffer.isBuffer(value)) return value.buffer.slice(value.byteOffset, value.byteOffset + value.length);
  if (ArrayBuffer.isView(value)) return value.buffer;
  if (value === null || typeof value !== "object" || value instanceof Date || value instanceof ArrayBuffer) return value;
  if (typeof value.toJSON === "function") return value;
  if (Array.isArray(value)) return value.map(forBrowser);
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, forBrowser(member)]));
}

function row(packet, isPlain) {
  const [encoded] = new msgpack.Encoder().encode(packet);
  const inBrowser = hex(browser(forBrowser(packet)));
  const [text, ...attachments] = new Encoder().encode(packet);
  return {
    plain: isPlain,
    node: hex(encoded),
    ...(inBrowser === hex(encoded) ? {} : { browser: inBrowser }),
    default: text,
    attachments: attachments.map(hex),
  };
}

const rows = [...plain.map((packet) => row(packet, true)), ...node.map((packet) => row(packet, false))];
process.stdout.write(`[\n${rows.map((each) => JSON.stringify(each)).join(",\n")}\n]\n`);
