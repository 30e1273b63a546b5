// How a client comes, how it goes, and how it comes back: connecting and being refused, several namespaces on one
// connection, every reason of disconnection on both sides, reconnection, and what the wire looks like meanwhile.
//
//   node lifecycle.mjs URL [polling|websocket|upgrade] [--target official|fanfare] [--only REGEX] [--skip REGEX]
//
// --target names the server that is judged, for the few places where Fanfare differs from the official one on purpose.
// The cases named "heartbeat" need a server with short heartbeats (ping interval and timeout together under 5 s) and
// are skipped on others; the cases named "wire" speak WebSocket or HTTP by themselves and are played in mode websocket.

import { connecting } from "./lifecycle/connecting.mjs";
import { ending } from "./lifecycle/ending.mjs";
import { heartbeat } from "./lifecycle/heartbeat.mjs";
import { limits } from "./lifecycle/limits.mjs";
import { reconnecting } from "./lifecycle/reconnecting.mjs";
import { wire } from "./lifecycle/wire.mjs";
import { assert, closeAll, commandLine, finish } from "./support.mjs";

const { url, mode, flags } = commandLine({
  deadlineSeconds: 200,
  flags: { target: { type: "string", default: "fanfare" } },
});
const target = flags.target;
assert.ok(["official", "fanfare"].includes(target), "--target official|fanfare");

for (const part of [connecting, ending, reconnecting, limits, wire, heartbeat]) await part({ url, mode, target });
closeAll();
finish();
