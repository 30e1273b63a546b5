// The limit on what one message may weigh, announced in the handshake as maxPayload.

import { assert, connect, test } from "../support.mjs";
import { RawPolling, RawWebSocket } from "../raw.mjs";
import { parting, watch } from "./watching.mjs";

// An event of exactly `bytes` bytes that is echoed under ack id 1.
const echoOf = (bytes) => `421["echo","${"a".repeat(bytes - '421["echo",""]'.length)}"]`;

export const limits = async ({ url, mode }) => {
  if (mode === "polling") {
    await test("the client splits what it has to say into requests that maxPayload allows", async () => {
      const client = await connect({ url, mode });
      const payloads = Array.from({ length: 8 }, (_, n) => String(n).repeat(300_000));
      // Kept and not sent back at once: a server may bound what it queues for one client.
      await Promise.all(payloads.map((payload) => client.ask("data-set", payload)));
      const [last] = await client.ask("data-get");
      assert.ok(last === payloads.at(-1));
      client.close();
    });

    await test("a request of maxPayload bytes is taken, a larger one is answered 413, and the session lives", async () => {
      const raw = await RawPolling.open(url);
      const { maxPayload } = raw.handshake;
      await raw.post("40");
      assert.equal((await raw.post(echoOf(maxPayload))).status, 200);
      await raw.until((packet) => packet.startsWith("431"));
      assert.equal((await raw.post(echoOf(maxPayload + 1))).status, 413);
      assert.equal((await raw.post('422["echo","alive"]')).status, 200);
      await raw.until((packet) => packet === '432["alive"]');
      await raw.post("1");
    });

    await test("a client that sends too much on polling loses its connection and nobody else does", async () => {
      const watcher = await watch(url, mode);
      const client = await connect({ url, mode });
      client.socket.emit("to-sender", "a".repeat(1_100_000));
      assert.equal(await client.ended(), "transport error");
      assert.deepEqual(await watcher.ask("echo", "alive"), ["alive"]);
      watcher.close();
    });
    return;
  }

  await test("a message of maxPayload bytes is taken, a larger one ends the connection with 1009", async () => {
    const watcher = await watch(url, mode);
    const raw = await RawWebSocket.open(url, { connect: "/" });
    const { maxPayload } = raw.handshake;
    raw.send(echoOf(maxPayload));
    assert.equal((await raw.next()).length, maxPayload - '421["echo",""]'.length + '431[""]'.length);
    raw.send(echoOf(maxPayload + 1));
    assert.equal(await raw.closed(), 1009);
    const [disconnecting] = await parting(watcher, raw.sid);
    assert.equal(disconnecting.reason, "transport error");
    watcher.close();
  });

  await test("an attachment of maxPayload bytes is taken, a larger one ends the connection", async () => {
    const client = await connect({ url, mode });
    const limit = 1_000_000;
    assert.equal((await client.ask("echo", Buffer.alloc(limit)))[0].length, limit);
    client.socket.emit("to-sender", Buffer.alloc(limit + 1));
    assert.equal(await client.ended(), "transport close");
  });
};
