// What the official client can do, option by option and event by event: connecting, coming back, buffers, acks, bytes,
// values, listeners, transports, and every way to end.
//
//   node client.mjs URL [polling|websocket|upgrade] [--target official|fanfare] [--path PATH | --heartbeat]
//       [--only REGEX] [--skip REGEX]
//
// --target names the server that is judged, for the few places where Fanfare differs from the official one on purpose.
// With --path, a server is judged that clients reach under PATH and that sets its cookie; with --heartbeat, one whose
// heartbeats are short, but long enough for a busy machine to answer them. Only the cases for such a server are played.
//
// The cases are played several at a time, each with its own clients. Those in client/alone.mjs concern every client of
// the process and come last, one by one.

import "./client/window.mjs";
import { acknowledgements } from "./client/acknowledgements.mjs";
import { alone, frozen } from "./client/alone.mjs";
import { binary } from "./client/binary.mjs";
import { buffers } from "./client/buffers.mjs";
import { connecting } from "./client/connecting.mjs";
import { elsewhere } from "./client/elsewhere.mjs";
import { ending } from "./client/ending.mjs";
import { heartbeat } from "./client/heartbeat.mjs";
import { listeners } from "./client/listeners.mjs";
import { namespaces } from "./client/namespaces.mjs";
import { random } from "./client/random.mjs";
import { reconnecting } from "./client/reconnecting.mjs";
import { Stage } from "./client/stage.mjs";
import { transports } from "./client/transports.mjs";
import { values } from "./client/values.mjs";
import { assert, closeAll, commandLine, finish, together } from "./support.mjs";

const CASE_TIMEOUT_MS = 90_000;
const AT_ONCE = 10;

const { url, mode, flags } = commandLine({
  deadlineSeconds: 220,
  flags: { target: { type: "string", default: "fanfare" }, path: { type: "string" }, heartbeat: { type: "boolean" } },
});
const { target, path } = flags;
assert.ok(["official", "fanfare"].includes(target), "--target official|fanfare");

// The cases that a part declares.
const casesOf = (part) => {
  const cases = [];
  const declare = (name, body) => cases.push([name, () => onStage(body)]);
  part(declare, { mode, target, path });
  return cases;
};

const onStage = async (body) => {
  const stage = new Stage({ url, mode, options: path ? { path } : {} });
  try {
    await body(stage);
  } finally {
    stage.close();
  }
};

const usual = [connecting, namespaces, reconnecting, buffers, acknowledgements, binary, values, random, listeners, transports, ending];
const [parts, last] = flags.heartbeat ? [[heartbeat], [frozen]] : path ? [[elsewhere], []] : [usual, [alone]];
await together(AT_ONCE, parts.flatMap(casesOf), CASE_TIMEOUT_MS);
closeAll();
await together(1, last.flatMap(casesOf), CASE_TIMEOUT_MS);
closeAll();
finish();
