// Where Fanfare differs on purpose: for a script the row of docs/differences.md, and for each way of connecting (or for
// `everywhere`) exactly what differs, each as [path in the transcript, official, ours].

const ACK_IDS = "Ack id above 2^53";
const REASON = "Reason when a client breaks the order of packets";

/** On WebSocket the official server takes another reason than while something waits to be sent. */
const forcedServerClose = [1, 2].map((entry) => [`notes.server.<w>.${entry}.reason`, "forced close", "forced server close"]);
const brokenOrder = { row: REASON, websocket: forcedServerClose, upgrade: forcedServerClose };

/** A WebSocket that is closed where the official server goes on; `at` is the place in what the client heard. */
const closes = (at) => [[`heard.w.${at}`, "(nothing)", "(closed 1005)"], ["notes.outcome", "open", "closed"]];

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
  "ending/wire-close-packet": { row: "Close packet (`1`) on WebSocket", websocket: closes(1), upgrade: closes(2) },
};
