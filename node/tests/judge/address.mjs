// Official clients through a proxy that speaks the PROXY protocol: the server knows the address of each, and not the
// proxy's.
//
//   node address.mjs URL [polling|websocket|upgrade] [--secure]
//
// The server's event "address" acknowledges the address of the handshake, "ADDRESS:PORT", and whether the client came
// encrypted; --secure says that it must. Each client has an address of its own: 127.0.2.1 and up.

import http from "node:http";
import https from "node:https";
import { assert, closeAll, commandLine, connect, finish, test } from "./support.mjs";

const { url, mode, flags } = commandLine({
  deadlineSeconds: 120,
  flags: { secure: { type: "boolean", default: false } },
});
const CLIENTS = 5;
const { Agent } = new URL(url).protocol === "https:" ? https : http;

await test(`the server knows where ${CLIENTS} clients are`, async () => {
  const judged = async (n) => {
    const localAddress = `127.0.2.${n + 1}`;
    // Of every connection that this client has had.
    const ports = new Set();
    class NotingAgent extends Agent {
      createConnection(options, callback) {
        const socket = super.createConnection({ ...options, localAddress }, callback);
        socket.once("connect", () => ports.add(socket.localPort));
        return socket;
      }
    }
    const agent = new NotingAgent({ keepAlive: false });
    const client = await connect({ url, mode, agent, forceNew: true });
    const [seen, secure] = await client.ask("address");
    const [address, port] = seen.split(":");
    assert.equal(address, localAddress);
    assert.ok(ports.has(Number(port)), `${seen} is none of ${[...ports]}`);
    assert.equal(secure, flags.secure);
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, n) => judged(n)));
});

closeAll();
finish();
