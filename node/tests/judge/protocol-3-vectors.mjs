// Writes what the official codec of protocol 3 makes of packets, payloads, forms and scripts, as a table for the tests of
// fanfare-engineio: node protocol-3-vectors.mjs > ../../engineio/src/v3/tests/vectors.json
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
// The packages export neither of them.
const built = require.resolve("engine.io").replace(/engine\.io\.js$/, "");
const parser = require(`${built}parser-v3/index.js`);
const { JSONP } = require(`${built}transports/polling-jsonp.js`);

const texts = ["", "2[\"e\",\"hello\"]", "2[\"é\"]", "2[\"€\",\"\u{1f600}\"]", "\u{1f600}\u{1f600}", "a:b", "12:4x", "\u2028\n\\n",
  "\u0000\u001e\u007f\u0080\u07ff\u0800\uffff\u{10ffff}"];
const blobs = [[], [0], [255], [1, 2, 3], [4, 52, 255, 0], Array.from({ length: 300 }, (_, index) => index % 256)];
const text = (data) => ({ type: "message", data });
const blob = (bytes) => ({ type: "message", data: Buffer.from(bytes) });
const groups = [
  ...texts.map((data) => [text(data)]),
  ...blobs.map((bytes) => [blob(bytes)]),
  texts.map(text),
  blobs.map(blob),
  [text(texts[3]), blob(blobs[3]), { type: "ping" }, { type: "pong", data: "probe" }, { type: "noop" }, text("end")],
];

// A packet as a test reads it: its type, and what it holds.
const shown = ({ type, data }) =>
  Buffer.isBuffer(data) ? { type, base64: data.toString("base64") } : { type, text: data ?? "" };

const now = (call) => {
  let result;
  call((value) => (result = value));
  return result;
};

const encoded = groups.map((packets) => ({
  packets: packets.map(shown),
  text: now((done) => parser.encodePayload(packets, false, done)),
  binary: now((done) => parser.encodePayloadAsBinary(packets, done)).toString("base64"),
}));

const bodies = ["", "0:", "1:2", "1:20:1:3", "2:4a2:4b", "2:4a1:", "2:4a1", "2:4a:", "3:4a", "1:", ":4", "x:4", "3:4\u{1f600}",
  "4:4a2:4b", "2:7a", "2:4a2:7a2:4b", "02:4a", "b4AQID", "6:b4AQID", "10:b4AQIDBA==", "6:b4AQ==", "2:b4", "3:4:a", "2:5x", "10000000000000000000000000:4"];
const decoded = bodies.map((body) => {
  const packets = [];
  let failed = false;
  parser.decodePayload(body, (packet) => {
    if (packet.type === "error") failed = true;
    else packets.push(shown(packet));
  });
  return { body, packets, failed };
});

const frames = [[4], [4, 1, 2], [2, 1], [5], [6], [1], [0, 1]].map((bytes) => {
  const { type } = parser.decodePacket(Buffer.from(bytes));
  return { bytes, type };
});

const jsonp = (j) => new JSONP({ _query: { j } });
const scripts = ["0", "17", "", "a1b2", "0](x)//"].flatMap((j) =>
  ["", "3:42[", "\u2028\u2029\"\\\n</script>", "\u0000\b\f\r\t\u001f\u007f é \u{1f600}"].map((payload) => {
    const transport = jsonp(j);
    let script;
    transport.req = { headers: {} };
    transport.res = { writeHead() {}, end: (data) => (script = data) };
    transport.doWrite(payload, {}, () => {});
    return { j, payload, script };
  }));

const forms = ["d=1%3A2", "d=", "x=1", "", "d", "d=1&d=2", "d=a+b%20c", "d=%E2%82%AC%F0%9F%98%80", "d=a%5Cnb", "d=a%5C%5Cnb", "d=a%5C%5C%5Cnb",
  "d=a%5C%5C%5C%5Cnb", "d=%5Cn%5Cn%5C%5Cn%5C", "d=%zz%", "e=1&d=2&f=3", "%64=1", "d=%FF"].map((form) => {
  const transport = jsonp("0");
  let payload = null;
  transport.protocol = 3;
  transport.parser = { decodePayload: (data) => (payload = data) };
  transport.onData(form);
  return { form, payload };
});

process.stdout.write(`${JSON.stringify({ encoded, decoded, frames, scripts, forms }, null, 1)}\n`);
