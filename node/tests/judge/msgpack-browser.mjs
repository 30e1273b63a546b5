// The official client with its msgpack parser where most of its users are: the bundle that the server serves, in a real
// browser, whose build of msgpack is another one than that of Node.js.
//
//   node msgpack-browser.mjs URL [polling|websocket|upgrade] [--only REGEX] [--skip REGEX]
//
// URL is a contract server that serves the bundle and speaks msgpack.

import { launch } from "./chromium.mjs";
import { assert, commandLine, finish, test } from "./support.mjs";

const { url } = commandLine({ deadlineSeconds: 220 });
const browser = await launch();
browser.context.setDefaultTimeout(60_000);
const page = await browser.context.newPage();
const script = `<script src="${url}/socket.io/socket.io.msgpack.min.js"></script>`;
await page.route(`${url}/page`, (route) =>
  route.fulfill({ contentType: "text/html", body: `<!doctype html><title>judge</title>${script}` }));
await page.goto(`${url}/page`);
await page.waitForFunction(() => typeof window.io === "function");
// What can be compared outside of the page.
await page.evaluate(() => {
  window.plain = (value) => {
    if (value instanceof ArrayBuffer) return { ArrayBuffer: [...new Uint8Array(value)] };
    if (ArrayBuffer.isView(value)) return { [value.constructor.name]: [...value] };
    if (Array.isArray(value)) return value.map(plain);
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]));
    return value;
  };
});

for (const transport of ["polling", "websocket"]) {
  const ask = (body) =>
    page.evaluate(
      async ([transport, body]) => {
        const socket = io({ transports: [transport], reconnection: false, forceNew: true });
        await new Promise((resolve, reject) => socket.on("connect", resolve).on("connect_error", reject));
        const answer = await new Function("socket", `return (${body})(socket)`)(socket);
        socket.disconnect();
        return answer;
      },
      [transport, String(body)],
    );

  await test(`${transport}: values come back as they went out`, async () => {
    const back = await ask(async (socket) => plain(await new Promise((resolve) =>
      socket.emit("echo", 1, -2.5, "é😀", null, { a: [true, {}] }, 2 ** 40, "x".repeat(300), (...answers) => resolve(answers)))));
    assert.deepEqual(back, [1, -2.5, "é😀", null, { a: [true, {}] }, 2 ** 40, "x".repeat(300)]);
  });

  await test(`${transport}: an ArrayBuffer comes back as one, at any depth and of any size`, async () => {
    const back = await ask(async (socket) => plain(await new Promise((resolve) => {
      const bytes = (length) => new Uint8Array(length).fill(7).buffer;
      socket.emit("echo", bytes(0), { deep: [bytes(3)] }, bytes(300), bytes(70_000), (...answers) => resolve(answers));
    })));
    const bytes = (length) => ({ ArrayBuffer: Array(length).fill(7) });
    assert.deepEqual(back, [bytes(0), { deep: [bytes(3)] }, bytes(300), bytes(70_000)]);
  });

  await test(`${transport}: undefined, dates and typed arrays become what they are in JSON`, async () => {
    const back = await ask(async (socket) => plain(await new Promise((resolve) =>
      socket.emit("echo", undefined, { a: undefined, b: 1 }, new Date(0), Uint8Array.of(5, 6), (...answers) => resolve(answers)))));
    assert.deepEqual(back, [null, { b: 1 }, "1970-01-01T00:00:00.000Z", { 0: 5, 1: 6 }]);
  });
}

await browser.close();
finish();
