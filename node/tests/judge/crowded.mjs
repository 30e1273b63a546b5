// What the official client makes of a server that is full, and what it does when there is room again.
//
//   node crowded.mjs URL [polling|websocket|upgrade]
//
// The server must be one that admits a single connection.

import { assert, closeAll, commandLine, connect, finish, once, start, test, within } from "./support.mjs";

const { url, mode } = commandLine({ deadlineSeconds: 120 });

await test("a client that finds no room gets a connect_error and comes in by itself when there is some", async () => {
  const first = await connect({ url, mode });
  const second = start({ url, mode, reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 50 });
  // Read at once: the client aborts its request as soon as it has told of the error.
  const error = await new Promise((resolve) =>
    second.socket.once("connect_error", (error) => resolve({ ...error, body: error.context?.responseText, message: error.message })),
  );
  if (mode === "websocket") {
    assert.equal(error.message, "websocket error");
    assert.match(error.description.message, /503/);
  } else {
    assert.equal(error.message, "xhr poll error");
    assert.equal(error.description, 503);
    assert.deepEqual(JSON.parse(error.body), { code: 4, message: "too many connections" });
  }
  assert.ok(second.socket.active, "it goes on trying");
  const again = await once(second.socket.io, "reconnect_error");
  assert.equal(again.message, error.message);
  const inside = once(second.socket, "connect");
  first.close();
  await within(30_000, inside, "room for the second client");
  await second.ask("hello");
  second.close();
});

closeAll();
finish();
