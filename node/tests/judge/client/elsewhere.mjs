// A server at a path of its own that sets its cookie.

import { assert, once } from "../support.mjs";
import { RETURNING } from "./stage.mjs";

export const elsewhere = (test, { mode, path }) => {
  for (const given of [path, `${path}/`]) {
    test(`elsewhere: the path ${given} leads to the server`, async (stage) => {
      const gate = await stage.gate();
      const client = await stage.connect({ url: gate.url, path: given });
      assert.deepEqual(await client.ask("echo", "found"), ["found"]);
      assert.ok(gate.requests.every(({ url }) => url.startsWith(`${path}/?`)));
    });
  }

  test("elsewhere: the usual path does not lead to it", async (stage) => {
    const client = stage.start({ path: "/socket.io", timeout: 1_500 });
    await once(client.socket, "connect_error");
    assert.equal(client.socket.connected, false);
  });

  test("elsewhere: withCredentials brings the session's cookie back on every request but the first", async (stage) => {
    const gate = await stage.gate();
    const client = await stage.connect({ url: gate.url, withCredentials: true, ...RETURNING });
    await client.ask("echo");
    const first = client.engine.id;
    const cookie = mode === "websocket" ? undefined : `io=${first}`;
    assert.deepEqual(gate.requests.map(({ headers }) => headers.cookie), gate.requests.map((_, n) => (n === 0 ? undefined : cookie)));
    const back = once(client.socket, "connect");
    client.engine.close();
    await back;
    assert.deepEqual(await client.ask("echo", "back"), ["back"]);
  });

  test("elsewhere: without withCredentials no cookie comes back", async (stage) => {
    const gate = await stage.gate();
    const client = await stage.connect({ url: gate.url });
    await client.ask("echo");
    assert.ok(gate.requests.length > 0 && gate.requests.every(({ headers }) => !headers.cookie));
  });
};
