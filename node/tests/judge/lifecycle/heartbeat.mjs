// The heartbeat, on a server whose heartbeats are short enough to wait for.

import { assert, connect, skip, test } from "../support.mjs";
import { RawPolling, RawWebSocket } from "../raw.mjs";
import { expectedParting, parting, watch } from "./watching.mjs";

const PATIENCE_MS = 5_000;

export const heartbeat = async ({ url, mode, target }) => {
  const probe = await RawWebSocket.open(url);
  const { pingInterval, pingTimeout } = probe.handshake;
  probe.close();
  if (pingInterval + pingTimeout > PATIENCE_MS) return skip("heartbeat", "the server's heartbeats are slow");
  const watcher = await watch(url, mode);

  await test("heartbeat: a client that answers lives on", async () => {
    const client = await connect({ url, mode, target });
    await new Promise((resolve) => {
      let pings = 0;
      client.socket.io.on("ping", () => ++pings === 5 && resolve());
    });
    assert.equal(client.socket.connected, true);
    assert.deepEqual(await client.ask("echo", "alive"), ["alive"]);
    client.close();
  });

  await test("heartbeat: a client that is busy and idle by turns lives on", async () => {
    const client = await connect({ url, mode, target });
    let pings = 0;
    client.socket.io.on("ping", () => pings++);
    for (let n = 0; pings < 5; n++) assert.deepEqual(await client.ask("echo", n), [n]);
    client.close();
  });

  await test("heartbeat: a WebSocket client that answers nothing is ended by ping timeout", async () => {
    const raw = await RawWebSocket.open(url, { connect: "/" });
    raw.silent = true;
    assert.deepEqual(await parting(watcher, raw.sid), expectedParting("ping timeout", raw.sid));
    await raw.closed();
  });

  await test("heartbeat: a polling client that went away is ended by ping timeout", async () => {
    const raw = await RawPolling.open(url);
    await raw.post("40");
    const heard = await raw.until((packet) => packet.startsWith("40"));
    const { sid } = JSON.parse(heard.find((packet) => packet.startsWith("40")).slice(2));
    assert.deepEqual(await parting(watcher, sid), expectedParting("ping timeout", sid));
    const late = await fetch(raw.base);
    assert.equal(late.status, 400);
    assert.equal((await late.json()).code, 1);
  });

  watcher.close();
};
