// Sees from the server's side how sockets end.

import { connect } from "../support.mjs";

// A client that is told of every end in its namespace.
export const watch = async (url, mode, namespace = "/") => {
  const watcher = await connect({ url, mode, namespace });
  await watcher.ask("watch");
  return watcher;
};

// What the server's handlers saw when the socket `id` ended: [disconnecting, disconnect], in the order they ran.
export const parting = async (watcher, id) => {
  await watcher.heard(([event, left]) => event === "left" && left.id === id && left.phase === "disconnect");
  return watcher.received
    .filter(([event, left]) => event === "left" && left.id === id)
    .map(([, { phase, reason, rooms }]) => ({ phase, reason, rooms: rooms.sort() }));
};

// What `parting` must be for a socket that ended for `reason` while in `rooms` besides its own.
export const expectedParting = (reason, id, rooms = []) => [
  { phase: "disconnecting", reason, rooms: [id, ...rooms].sort() },
  { phase: "disconnect", reason, rooms: [] },
];
