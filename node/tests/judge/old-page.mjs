// Programs of 2018 in a page with the client file of that time: a client that sends numbers, and a chat.
//
//   node old-page.mjs URL
//
// The server answers "number" above 0.95 with "warn" a second later, and the count of such numbers of this client; "chat
// message" goes to everybody.

import { launch } from "./chromium.mjs";
import { browserFile } from "./old-support.mjs";
import { assert, commandLine, connect, finish, test } from "./support.mjs";

const { url } = commandLine({ deadlineSeconds: 300 });
const MODES = [["polling"], ["websocket"], ["polling", "websocket"]];
const browser = await launch();

const open = async (client) => {
  const page = await browser.context.newPage();
  page.setDefaultTimeout(60_000);
  await page.goto(`${url}/`);
  await page.addScriptTag({ path: browserFile(client) });
  return page;
};

const numbers = (transports) => {
  // Every event of the page's life, in order.
  const events = [];
  const socket = io(location.origin, { transports, forceNew: true, autoConnect: false, reconnectionDelay: 10 });
  for (const event of ["connecting", "connect", "disconnect", "reconnecting", "reconnect", "reconnect_failed", "error"]) {
    socket.on(event, () => events.push(event));
  }
  const drawn = [0.2, 0.97, 0.5, 0.951, 0.95];
  socket.once("connect", () => {
    const timer = setInterval(() => (drawn.length > 0 ? socket.emit("number", drawn.shift()) : clearInterval(timer)), 500);
  });
  const counts = [];
  return new Promise((resolve) => {
    socket.on("warn", (count) => {
      counts.push(count);
      if (counts.length < 2) return;
      // The cable is pulled; what the socket kept is gone with it.
      socket.once("reconnect", () => socket.emit("number", 1));
      if (counts.length === 2) socket.io.engine.close();
      else resolve({ counts, events });
    });
    socket.open();
  });
};

for (const client of ["socket.io-client-2.0", "socket.io-client-1"]) {
  for (const transports of MODES) {
    await test(`${client} over ${transports}: warnings are counted, and a lost connection comes back`, async () => {
      const page = await open(client);
      const { counts, events } = await page.evaluate(numbers, transports);
      assert.deepEqual(counts, [1, 2, 1]);
      assert.deepEqual(events, ["connecting", "connect", "disconnect", "reconnecting", "reconnect", "connect"]);
      await page.close();
    }, 90_000);

    await test(`${client} over ${transports}: a chat with a client of today`, async () => {
      // What Socket.IO 1 says over polling it encodes twice. What it hears is right.
      const says1 = client.endsWith("-1") && transports.includes("polling");
      const said = says1 ? "good to see you" : "schön, daß du da bist \u{1f600}";
      const fresh = await connect({ url, mode: "websocket" });
      const heard = new Promise((resolve) => fresh.socket.once("chat message", resolve));
      const page = await open(client);
      const lines = page.evaluate(
        ([transports, said]) => {
          const socket = io(location.origin, { transports, forceNew: true });
          socket.on("connect", () => socket.emit("chat message", said));
          return new Promise((resolve) => {
            const lines = [];
            socket.on("chat message", (line) => lines.push(line) === 2 && resolve(lines));
          });
        },
        [transports, said],
      );
      assert.equal(await heard, said);
      fresh.socket.emit("chat message", "auf später \u{1f600}");
      assert.deepEqual(await lines, [said, "auf später \u{1f600}"]);
      fresh.close();
      await page.close();
    }, 90_000);
  }
}

await browser.close();
finish();
