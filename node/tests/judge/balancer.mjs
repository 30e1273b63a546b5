// Official clients through a load balancer: each stays on one node, all nodes are used, and everybody hears everybody.
//
//   node balancer.mjs URL [polling|websocket|upgrade] [--nodes 3] [--clients 40]
//
// --nodes is on how many nodes the clients must end. Each client has an address of its own, 127.0.1.1 and up, for
// balancers that go by it, and keeps no cookies, as is the habit of the official client outside browsers. It uses only
// the relay ("join", "emit", "broadcast", "echo").

import http from "node:http";
import { assert, closeAll, commandLine, connect, finish, roomName, test, within } from "./support.mjs";

const { url, mode, flags } = commandLine({
  deadlineSeconds: 120,
  flags: { nodes: { type: "string", default: "3" }, clients: { type: "string", default: "40" } },
});
const NODES = Number(flags.nodes);
const CLIENTS = Number(flags.clients);
// Each of them is a POST and a GET or two on polling: enough to be sent astray if the balancer forgets.
const QUESTIONS = 10;

const room = roomName("balancer");
let clients = [];

// The client's error says what failed; the status of the answer is beside it.
const explain = (error) => {
  throw new Error(`${error.message}: ${error.description?.message ?? error.description}`);
};

// The first four characters of an id name the node.
const nodeOf = ({ id }) => id.slice(0, 4);

await test(`${CLIENTS} clients are on ${NODES} nodes`, async () => {
  const agent = (n) => new http.Agent({ keepAlive: false, localAddress: `127.0.1.${n + 1}` });
  clients = await Promise.all(
    Array.from({ length: CLIENTS }, (_, n) => connect({ url, mode, agent: agent(n), forceNew: true }).catch(explain)),
  );
  const nodes = new Set(clients.map(nodeOf));
  assert.equal(nodes.size, NODES, `on the nodes ${[...nodes]}`);
});

await test("each stays where it is", async () => {
  const ids = clients.map(({ id }) => id);
  const converse = async (client, n) => {
    for (let question = 0; question < QUESTIONS; question++) {
      assert.deepEqual(await client.ask("echo", n, question), [n, question]);
    }
  };
  await Promise.all(clients.map(converse));
  assert.deepEqual(clients.map(({ id }) => id), ids);
  assert.deepEqual(clients.flatMap(({ reasons }) => reasons), []);
});

await test("what one says in a room reaches all of them, once", async () => {
  await Promise.all(clients.map((client) => client.ask("join", room)));
  await Promise.all(clients.map((client, n) => client.ask("emit", room, n)));
  const everybody = clients.map((_, n) => n);
  for (const client of clients) {
    const missing = () => everybody.filter((n) => !client.received.some(([event, from]) => event === "msg" && from === n));
    await within(30_000, Promise.all(everybody.map((n) => client.heard(([event, from]) => event === "msg" && from === n))),
      `what ${missing().length} others said`);
    const heard = client.received.filter(([event]) => event === "msg").map(([, from]) => from);
    assert.deepEqual(heard.sort((a, b) => a - b), everybody);
  }
});

closeAll();
finish();
