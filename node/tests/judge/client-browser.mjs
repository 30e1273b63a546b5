// The official client where most of its users are: the bundle that the server serves, in a real browser.
//
//   node client-browser.mjs URL,ELSEWHERE [--target official|fanfare] [--only REGEX] [--skip REGEX]
//
// URL is a contract server that serves the bundle. ELSEWHERE is one that clients reach under /elsewhere and that allows
// pages of http://page.test, with credentials, and of no other origin.

import { launch } from "./chromium.mjs";
import { expectedParting, parting, watch } from "./lifecycle/watching.mjs";
import { assert, closeAll, commandLine, finish, test, together } from "./support.mjs";

const DEADLINE_MS = 60_000;
const CASE_TIMEOUT_MS = 90_000;
const ALLOWED = "http://page.test";

const { urls: [url, elsewhere], flags } = commandLine({
  deadlineSeconds: 220,
  flags: { target: { type: "string", default: "fanfare" } },
});
const { target } = flags;
assert.ok(elsewhere && ["official", "fanfare"].includes(target), "URL,ELSEWHERE --target official|fanfare");

const browser = await launch();
browser.context.setDefaultTimeout(DEADLINE_MS);
const watcher = await watch(url, "websocket");

// --------------------------------------------------------------------------------------------------------- the page

// Runs in every page, before its own scripts.
const tools = () => {
  // A client with its story: what it heard, in order.
  window.open_ = (options = {}, address = location.origin) => {
    const socket = io(address, { reconnection: false, forceNew: true, ...options });
    const story = (window.story = []);
    for (const event of ["connect", "disconnect", "connect_error"]) {
      socket.on(event, (detail, more) => story.push([event, detail?.message ?? detail, more?.description].filter(Boolean).join(": ")));
    }
    return (window.socket = socket);
  };
  window.connected = (socket) =>
    new Promise((resolve, reject) => {
      if (socket.connected) return resolve(socket);
      socket.once("connect", () => resolve(socket));
      socket.once("connect_error", reject);
    });
  window.settled = async (socket) => {
    const { engine } = socket.io;
    const upgraded = new Promise((resolve) => engine.once("upgrade", resolve));
    await connected(socket);
    if (engine.transport.name !== "websocket") await upgraded;
    return socket;
  };
  // What can be compared outside of the page: bytes as {type, bytes}.
  window.plain = (value) => {
    if (value instanceof ArrayBuffer) return { type: "ArrayBuffer", bytes: [...new Uint8Array(value)] };
    if (Array.isArray(value)) return value.map(plain);
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]));
    return value;
  };
};

// A page of `origin`, whose script is the server's bundle. It counts the requests that begin sessions.
const openPage = async (origin = url, { bundle = "socket.io.js", type = "text/javascript", script = "" } = {}) => {
  const page = await browser.context.newPage();
  page.counts = { polling: 0, websocket: 0 };
  page.on("request", (request) => {
    const query = new URL(request.url()).searchParams;
    if (query.get("transport") === "polling" && !query.has("sid")) page.counts.polling++;
  });
  page.on("websocket", () => page.counts.websocket++);
  await page.addInitScript(tools);
  const tag = type === "module" ? `<script type="module">${script}</script>` : `<script src="${url}/socket.io/${bundle}"></script>`;
  await page.route(`${origin}/page`, (route) =>
    route.fulfill({ contentType: "text/html", body: `<!doctype html><title>judge</title>${tag}` }));
  await page.goto(`${origin}/page`);
  await page.waitForFunction(() => typeof window.io === "function");
  return page;
};

const onPage = async (body, ...options) => {
  const page = await openPage(...options);
  try {
    await body(page);
  } finally {
    await page.close();
  }
};

const cases = [];
const judge = (name, body, ...options) => cases.push([name, () => onPage(body, ...options)]);
// For what concerns every page of the browser.
const judgeAlone = (name, body) => () => test(name, () => onPage(body), CASE_TIMEOUT_MS);

const bytesOf = (text) => ({ type: "ArrayBuffer", bytes: [...Buffer.from(text)] });

// ----------------------------------------------------------------------------------------------- coming and speaking

judge("a page connects by polling and goes on by WebSocket", async (page) => {
  const name = await page.evaluate(async () => {
    const socket = await settled(open_());
    await socket.emitWithAck("echo");
    return socket.io.engine.transport.name;
  });
  assert.equal(name, "websocket");
  assert.deepEqual(page.counts, { polling: 1, websocket: 1 });
});

for (const [transport, counts] of [["polling", { polling: 1, websocket: 0 }], ["websocket", { polling: 0, websocket: 1 }]]) {
  judge(`a page connects by ${transport} alone`, async (page) => {
    const answer = await page.evaluate(async (transport) => {
      const socket = await connected(open_({ transports: [transport] }));
      return [socket.io.engine.transport.name, await socket.emitWithAck("echo", "hello")];
    }, transport);
    assert.deepEqual(answer, [transport, "hello"]);
    assert.deepEqual(page.counts, counts);
  });
}

for (const [what, options] of [
  ["the minified bundle", { bundle: "socket.io.min.js" }],
  ["the bundle as a module", { type: "module", script: 'import { io } from "/socket.io/socket.io.esm.min.js"; window.io = io;' }],
]) {
  judge(`${what} works`, async (page) => {
    assert.equal(await page.evaluate(async () => (await connected(open_())).emitWithAck("echo", "hello")), "hello");
  }, url, options);
}

judge("io() without an address finds the page's server, and a path is a namespace", async (page) => {
  const found = await page.evaluate(async () => {
    const [main, custom] = await Promise.all([io(), io("/custom")].map(connected));
    const answers = [await main.emitWithAck("echo", 1), await custom.emitWithAck("echo", 2)];
    return { answers, namespace: custom.nsp, one: main.io === custom.io };
  });
  assert.deepEqual(found, { answers: [1, 2], namespace: "/custom", one: true });
});

for (const options of [{ transports: ["polling"] }, { transports: ["websocket"] }, { transports: ["websocket"], forceBase64: true }]) {
  judge(`bytes of every type a page knows come back [${JSON.stringify(options)}]`, async (page) => {
    const heard = await page.evaluate(async (options) => {
      const socket = await connected(open_(options));
      const bytes = Uint8Array.from([0, 30, 98, 255]);
      const heard = [];
      socket.on("note", (...args) => heard.push(plain(args)));
      for (const given of [bytes, bytes.buffer, bytes.subarray(1, 3), new Blob(["a blob"]), new File(["a file"], "name.txt"), new Blob([])]) {
        heard.push(plain(await socket.emitWithAck("binary-echo", "first", { deep: [given, "between", given] })));
      }
      socket.on("question", (ack) => ack({ answer: new Blob(["the answer"]) }));
      heard.push(plain(await socket.emitWithAck("emit-with-ack")));
      return heard;
    }, options);
    const expected = [[0, 30, 98, 255], [0, 30, 98, 255], [30, 98], "a blob", "a file", ""].flatMap((given) => {
      const bytes = bytesOf(given);
      return [["first", { deep: [bytes, "between", bytes] }], "first"];
    });
    assert.deepEqual(heard, [...expected, { answer: bytesOf("the answer") }]);
  });
}

judge("a Blob keeps its place among other messages", async (page) => {
  const heard = await page.evaluate(async () => {
    const socket = await settled(open_());
    const heard = [];
    socket.on("note", (...args) => heard.push(plain(args)));
    for (let n = 0; n < 20; n++) socket.emit("to-sender", n, n % 2 ? new Blob([String(n)]) : "text");
    await socket.emitWithAck("echo");
    return heard;
  });
  assert.deepEqual(heard, Array.from({ length: 20 }, (_, n) => [n, n % 2 ? bytesOf(String(n)) : "text"]));
});

judge("a page speaks a subprotocol", async (page) => {
  const protocol = await page.evaluate(async () => {
    const socket = await connected(open_({ transports: ["websocket"], protocols: ["judge.v1", "judge.v2"] }));
    return socket.io.engine.transport.ws.protocol;
  });
  assert.equal(protocol, "judge.v1");
});

judge("text from every corner of Unicode comes back", async (page) => {
  const same = await page.evaluate(async () => {
    const texts = ["ünïcödé 漢字 🎉", "\ud83d half", "\u0000\u001e\u2028", "👩‍👩‍👧‍👦".repeat(1000)];
    const answers = [];
    for (const transports of [["polling"], ["websocket"]]) {
      const socket = await connected(open_({ transports }));
      // A frame of a WebSocket holds Unicode only, and so the client's JSON escapes the half.
      for (const text of texts) answers.push((await socket.emitWithAck("echo", text)) === text);
    }
    return answers;
  });
  assert.deepEqual(same, Array(8).fill(true));
});

// ------------------------------------------------------------------------------------------------------ ends of pages

for (const transport of ["polling", "websocket"]) {
  judge(`closeOnBeforeunload closes the connection of a page without a word to it [${transport}]`, async (page) => {
    const id = await page.evaluate(async (transport) => {
      const socket = await connected(open_({ transports: [transport], closeOnBeforeunload: true }));
      window.dispatchEvent(new Event("beforeunload"));
      return socket.id;
    }, transport);
    assert.deepEqual(await parting(watcher, id), expectedParting("transport close", id));
    assert.deepEqual(await page.evaluate(() => [story, socket.connected]), [["connect"], true]);
  });

  judge(`without closeOnBeforeunload a page that asks before it goes keeps its connection [${transport}]`, async (page) => {
    const answer = await page.evaluate(async (transport) => {
      const socket = await connected(open_({ transports: [transport] }));
      window.dispatchEvent(new Event("beforeunload"));
      return socket.emitWithAck("echo", "still here");
    }, transport);
    assert.equal(answer, "still here");
  });
}

judge("a page that goes elsewhere is seen to leave, and its successor is somebody new", async (page) => {
  const id = await page.evaluate(async () => (await settled(open_({ closeOnBeforeunload: true }))).id);
  await page.reload();
  await page.waitForFunction(() => typeof window.io === "function");
  assert.deepEqual(await parting(watcher, id), expectedParting("transport close", id));
  const next = await page.evaluate(async () => (await settled(open_())).id);
  assert.notEqual(next, id);
});

judge("a page that is closed is seen to leave", async (page) => {
  const id = await page.evaluate(async () => (await settled(open_())).id);
  await page.close();
  assert.deepEqual(await parting(watcher, id), expectedParting("transport close", id));
});

const offline = judgeAlone("a page that is offline loses its connection at once, and comes back when it is online", async (page) => {
  const id = await page.evaluate(async () => (await settled(open_({ reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 50 }))).id);
  await browser.context.setOffline(true);
  await page.waitForFunction(() => story.length >= 3);
  await browser.context.setOffline(false);
  await page.waitForFunction(() => story.at(-1) === "connect");
  const story = await page.evaluate(() => window.story);
  assert.deepEqual(story.slice(0, 2), ["connect", "disconnect: transport close: network connection lost"]);
  assert.match(story[2], /^connect_error: (xhr poll error|websocket error)$/);
  const [next, answer] = await page.evaluate(async () => [socket.id, await socket.emitWithAck("echo", "online")]);
  assert.notEqual(next, id);
  assert.equal(answer, "online");
});

// ------------------------------------------------------------------------------------------------------ other origins

const visit = (page, options) =>
  page.evaluate(async ([address, options]) => {
    const socket = open_({ path: "/elsewhere", ...options }, address);
    return Promise.race([connected(socket).then(() => "connected"), new Promise((resolve) => socket.once("connect_error", (error) => resolve(error.message)))]);
  }, [elsewhere, options]);

judge("a page of an allowed origin comes in by every transport, with credentials", async (page) => {
  for (const options of [{ transports: ["polling"] }, { transports: ["websocket"] }, {}, { extraHeaders: { "x-judge": "preflight" } }]) {
    assert.equal(await visit(page, { withCredentials: true, ...options }), "connected", JSON.stringify(options));
    assert.equal(await page.evaluate(() => socket.emitWithAck("echo", "hello")), "hello");
  }
}, ALLOWED);

judge("a page of another origin is kept out (official: by polling only)", async (page) => {
  assert.equal(await visit(page, { transports: ["polling"], withCredentials: true }), "xhr poll error");
  const bySocket = await visit(page, { transports: ["websocket"] });
  assert.equal(bySocket, target === "official" ? "connected" : "websocket error");
}, "http://stranger.test");

await together(3, cases, CASE_TIMEOUT_MS);
await offline();
watcher.close();
closeAll();
await browser.close();
finish();
