// Where Fanfare differs on purpose: for a script the row of docs/differences.md, and for each way of connecting (or for
// `everywhere`) exactly what differs, each as [path in the transcript, official, ours].

const ACK_IDS = "Ack id above 2^53";
const REASON = "Reason when a client breaks the order of packets";

/** On WebSocket the official server takes another reason than while something waits to be sent. */
const forcedServerClose = [1, 2].map((entry) => [`notes.server.<w>.${entry}.reason`, "forced close", "forced server close"]);
const brokenOrder = { row: REASON, websocket: forcedServerClose, upgrade: forcedServerClose };

/** A WebSocket that is closed where the official server goes on; `at` is the place in what the client heard. */
const closes = (at) => [[`heard.w.${at}`, "(nothing)", "(closed 1005)"], ["notes.outcome", "open", "closed"]];

/** A refused upgrade request: text of the official server, ours in JSON. */
const refusedUpgrade = (code, message) => ({
  row: "Upgrade request that is refused",
  everywhere: [
    ["notes.answer.headers.content-type", "text/html", "application/json"],
    ["notes.answer.body", message, JSON.stringify({ code, message })],
  ],
});
const COMPRESSED = "`Vary` of answers that can be compressed, or of any origin";
const byEncoding = (path) => [path, "(nothing)", { unordered: ["accept-encoding"] }];
const noExposedHeaders = {
  row: "CORS preflight",
  everywhere: [["notes.answer.headers.access-control-expose-headers", "x-extra", "(nothing)"]],
};
const notModified = (label) => [
  [`notes.${label}.headers.cache-control`, "(nothing)", "public, max-age=0"],
  [`notes.${label}.headers.etag`, "(nothing)", '"4.8.4"'],
];
const FILES = ["socket.io.js", "socket.io.min.js", "socket.io.esm.min.js", "socket.io.msgpack.min.js", "socket.io.js.map"];

export const DIFFERENCES = {
  "packets/ack-id-above-safe": {
    row: ACK_IDS,
    polling: [["heard.w.1", "439007199254740992[]", "439007199254740993[]"]],
    websocket: [["heard.w.1", "439007199254740992[]", "439007199254740993[]"]],
    upgrade: [["heard.w.2", "439007199254740992[]", "439007199254740993[]"]],
  },
  "packets/ack-id-beyond-double": {
    row: ACK_IDS,
    polling: [
      ["heard.w.1", "43123456789012345680000[]", "6"],
      ["heard.w.2", "(nothing)", "1"],
      ["heard.w.3", "(nothing)", '(400 {"code":1,"message":"Session ID unknown"})'],
      ["notes.outcome", "open", "closed"],
    ],
    websocket: [["heard.w.1", "43123456789012345680000[]", "(closed 1005)"], ["notes.outcome", "open", "closed"]],
    upgrade: [["heard.w.2", "43123456789012345680000[]", "(closed 1005)"], ["notes.outcome", "open", "closed"]],
  },
  "packets/connect-error-from-client-closes": brokenOrder,
  "packets/second-connect-closes": brokenOrder,
  "namespaces/disconnect-packet-of-unjoined-closes": brokenOrder,
  "namespaces/event-for-unjoined-closes": brokenOrder,
  "namespaces/ack-for-unjoined-closes": brokenOrder,
  "namespaces/event-while-pending-closes": brokenOrder,
  "namespaces/two-connects-while-pending": {
    row: "Second CONNECT while a middleware decides",
    everywhere: [["notes.sockets", 2, 1]],
  },
  "handshake/upgrade-by-post": refusedUpgrade(2, "Bad handshake method"),
  "handshake/upgrade-unknown-transport": refusedUpgrade(0, "Transport unknown"),
  "handshake/upgrade-unknown-sid": refusedUpgrade(1, "Session ID unknown"),
  "handshake/upgrade-refused": refusedUpgrade(4, "because"),
  "handshake/upgrade-eio-3": {
    row: "Upgrade request that is refused",
    everywhere: [
      ["notes.answer.status", 101, 400],
      ["notes.answer.headers.content-type", "(nothing)", "application/json"],
      ["notes.answer.body", "", '{"code":5,"message":"Unsupported protocol version"}'],
    ],
  },
  "handshake/client-file": { row: COMPRESSED, everywhere: FILES.map((file) => byEncoding(`notes.${file}.headers.vary`)) },
  "handshake/client-file-not-modified": {
    row: "304 for a file of the client",
    everywhere: [...notModified("again"), ...notModified("weak")],
  },
  "polling/not-compressed-when-not-asked": { row: COMPRESSED, everywhere: [byEncoding("notes.get.headers.vary")] },
  "cors/any-origin": {
    row: COMPRESSED,
    everywhere: [["notes.answer.headers.vary", "(nothing)", { unordered: ["access-control-request-headers"] }]],
  },
  "cors/client-file": {
    row: COMPRESSED,
    everywhere: [
      ["notes.answer.headers.vary.unordered.0", "origin", "accept-encoding"],
      ["notes.answer.headers.vary.unordered.1", "(nothing)", "origin"],
    ],
  },
  "cors/preflight": noExposedHeaders,
  "cors/preflight-of-other-origin": noExposedHeaders,
  "cors/websocket-of-other-origin": {
    row: "WebSocket of a page whose origin is not in `cors.origins`",
    everywhere: [
      ["notes.answer.status", 101, 403],
      ["notes.answer.headers.content-type", "(nothing)", "application/json"],
      ["notes.answer.body", "", '{"code":4,"message":"Origin not allowed"}'],
    ],
  },
  "listeners/middleware-comes-before-any": {
    row: "Listeners of any event, and middlewares of a socket",
    everywhere: [
      ["notes.server.<a>.1.what", "any", "middleware"],
      ["notes.server.<a>.1.tag", "any", "use"],
      ["notes.server.<a>.2.what", "middleware", "any"],
      ["notes.server.<a>.2.tag", "use", "any"],
    ],
  },
  "listeners/refused-event-with-ack": {
    row: "Event that a middleware of the socket refuses, of a client that waits for an acknowledgement",
    everywhere: [["notes.answer", "(none)", []]],
  },
  "old/unknown-namespace": {
    row: "Namespace that does not exist, to such a client",
    everywhere: [["notes.packets.0", '44/nobody,{"message":"Invalid namespace"}', '44/nobody,"Invalid namespace"']],
  },
  "old/script-elements": {
    row: "Answer to a poll by a script element (JSONP)",
    everywhere: [["notes.first poll.headers.content-type", "text/plain; charset=UTF-8", "text/javascript; charset=UTF-8"]],
  },
  "ending/wire-close-packet": { row: "Close packet (`1`) on WebSocket", websocket: closes(1), upgrade: closes(2) },
};
