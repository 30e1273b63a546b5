// The interpreter on the official server: every profile on a free port, and a control port.
//
//   node differential/official-server.mjs        prints "listening URL" of the control port; ends with its stdin
//
// CONTROL, `GET URL/VERB?JSON` with a JSON answer:
//   profiles                                            the URL of each profile
//   open     {profile, namespace, use, connect, …}      declares a namespace with its hooks, each a list of steps:
//                                                       `use` (a list of middlewares), `connect`, `disconnecting`, `disconnect`
//   log      {profile, namespace}                       what the server saw there
//   release  {gate}                                     lets `server.wait(gate)` go on
//   close    {profile}                                  io.close()
//
// EVENTS of every namespace:
//   do ...steps       carries the steps out, all in one turn unless one of them waits; acknowledges with their results
//   echo ...args      emits "echo" with the same arguments
//   ack ...args       acknowledges with the same arguments

import { createServer } from "node:http";
import { Server } from "socket.io";
import { Interpreter } from "./official-steps.mjs";
import { PROFILES } from "./profiles.mjs";

const ios = {};
const urls = {};
const interpreter = new Interpreter();

for (const [name, options] of Object.entries(PROFILES)) {
  const http = createServer((_request, response) => response.writeHead(404).end());
  ios[name] = new Server(http, options);
  interpreter.declare(name, ios[name], "/", {});
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  urls[name] = `http://127.0.0.1:${http.address().port}`;
}

// Hooks of the engine. Errors are told under the `mark` of the request, in the log of the namespace "engine".
const { engine } = ios.hooked;
engine.on("initial_headers", (headers) => (headers["x-initial"] = "first"));
engine.on("headers", (headers, request) => (headers["x-every"] = new URL(request.url, "http://x").searchParams.get("mark") ?? "none"));
engine.on("connection_error", ({ req, code, message }) => {
  const id = new URL(req.url, "http://x").searchParams.get("mark");
  interpreter.log("hooked", "engine").push({ id, what: "refused", code, message });
});

const verbs = {
  profiles: () => urls,
  open: ({ profile, namespace, ...hooks }) => interpreter.declare(profile, ios[profile], namespace, hooks),
  log: ({ profile, namespace }) => interpreter.log(profile, namespace),
  release: ({ gate }) => interpreter.gate(gate).open(),
  close: ({ profile }) => void ios[profile].close(),
};

const control = createServer((request, response) => {
  const [, verb, json = "{}"] = /^\/(\w+)(?:\?(.*))?$/.exec(request.url);
  const answer = verbs[verb](JSON.parse(decodeURIComponent(json)));
  response.end(JSON.stringify(answer ?? null));
});
await new Promise((resolve) => control.listen(0, "127.0.0.1", resolve));
console.log(`listening http://127.0.0.1:${control.address().port}`);
process.stdin.on("end", () => process.exit()).resume();
