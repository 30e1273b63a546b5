// Opening a session, and the HTTP answers of the engine: features 1.2 and 1.3.

import { socket } from "../steps.mjs";

// One way of connecting for what is about requests and not about connections.
const ONCE = ["polling"];
const once = (run, profile) => ({ on: ONCE, profile, run });
const polling = { transport: "polling" };

/** The answer to one request. */
const request = (query, options, profile) => once((t) => t.request("answer", query, options), profile);
/** The answer to one request for a WebSocket. */
const upgrade = (query, options, profile) => once((t) => t.upgrade("answer", query, options), profile);

export const scripts = {
  "open-packet": async (t) => {
    const w = await t.wire();
    t.note("open", { ...w.handshake, sid: w.sid.length });
    t.note("keys", Object.keys(w.handshake));
    t.note("status", w.opening.status);
  },
  "open-packet-of-other-options": {
    profile: "heartbeat",
    run: async (t) => {
      const w = await t.wire();
      t.note("open", { ...w.handshake, sid: "" });
    },
  },
  "open-packet-of-a-small-payload": {
    profile: "small",
    run: async (t) => {
      const w = await t.wire();
      t.note("open", { ...w.handshake, sid: "" });
    },
  },
  "no-upgrades": {
    on: ["polling", "websocket"],
    profile: "no-upgrades",
    run: async (t) => {
      const w = await t.joined();
      t.note("upgrades", w.handshake.upgrades);
      t.note("outcome", await w.outcome());
    },
  },
  "polling-only": {
    on: ["polling"],
    profile: "polling-only",
    run: async (t) => {
      const w = await t.wire();
      t.note("upgrades", w.handshake.upgrades);
      await t.request("websocket", { transport: "websocket" });
      await t.upgrade("upgrade", {});
    },
  },
  "websocket-only": {
    on: ["websocket"],
    profile: "websocket-only",
    run: async (t) => {
      const w = await t.joined();
      t.note("outcome", await w.outcome());
      await t.request("polling", polling);
    },
  },
  "other-path": {
    profile: "elsewhere",
    run: async (t) => {
      const w = await t.joined();
      t.note("outcome", await w.outcome());
      t.note("official path", (await t.ask(polling, { path: "/socket.io/" })).status);
    },
  },
  "official-client-on-other-path": {
    profile: "elsewhere",
    run: async (t) => {
      const a = await t.client("a", { path: "/elsewhere" });
      await a.do(socket.emit("note", 1));
      await t.fence(a);
    },
  },
  "deeper-path": once(async (t) => t.note("status", (await t.ask(polling, { path: "/socket.io/foo/bar" })).status)),
  "path-without-slash": once(async (t) => t.note("status", (await t.ask(polling, { path: "/socket.io" })).status)),
  "other-paths": once(async (t) => {
    for (const path of ["/", "/Socket.IO/", "/socket.iox/", "/engine.io/", "/x/socket.io/"]) {
      t.note(path, (await t.ask(polling, { path })).status);
    }
  }),
  "handshake-headers": once(async (t) => {
    const { opening } = await t.wire();
    t.note("answer", { status: opening.status, headers: opening.headers, length: opening.length });
  }),
  "old-explorer-gets-a-header": once(async (t) => {
    const { headers } = await t.ask(polling, { headers: { "user-agent": "Mozilla/5.0 (MSIE 9.0; Windows NT 6.1; Trident/5.0)" } });
    t.note("header", headers["x-xss-protection"] ?? "(none)");
  }),
  "unknown-parameters": once(async (t) => t.note("status", (await t.ask({ ...polling, t: "P4x.9z", foo: "b&r=1", "": "1" })).status)),
  // Refusals.
  "no-transport": request({}),
  "unknown-transport": request({ transport: "carrier-pigeon" }),
  "transport-of-object-property": request({ transport: "constructor" }),
  "webtransport-is-unknown": request({ transport: "webtransport" }),
  "unknown-sid": request({ ...polling, sid: "AAAAAAAAAAAAAAAAAAAA" }),
  "unknown-sid-post": request({ ...polling, sid: "x" }, { method: "POST", body: "40" }),
  "handshake-by-post": request(polling, { method: "POST", body: "40" }),
  "handshake-by-put": request(polling, { method: "PUT" }),
  "handshake-by-options": request(polling, { method: "OPTIONS" }),
  "websocket-without-upgrade": request({ transport: "websocket" }),
  "eio-3": request({ ...polling, EIO: 3 }),
  "no-eio": request({ ...polling, EIO: null }),
  "odd-eio": once(async (t) => {
    for (const EIO of ["", "5", "04", "4.0", "four"]) await t.request(`EIO ${EIO}`, { ...polling, EIO });
  }),
  "refused": request(polling, { headers: { "x-refuse": "1" } }, "refusing"),
  "refused-with-message": request(polling, { headers: { "x-refuse": "why" } }, "refusing"),
  "admitted": once(async (t) => t.note("status", (await t.ask(polling)).status), "refusing"),
  "refused-client": {
    profile: "refusing",
    run: async (t) => {
      const a = await t.attempt("a", { extraHeaders: { "x-refuse": "why" } });
      t.note("heard", a.heard.splice(0)[0][1]);
    },
  },
  "requests-of-a-session-are-not-asked": {
    on: ONCE,
    profile: "refusing",
    run: async (t) => {
      const w = await t.wire();
      await w.join();
      t.note("post", (await t.ask({ ...polling, sid: w.sid }, { method: "POST", body: "3", headers: { "x-refuse": "1" } })).status);
      t.note("outcome", await w.outcome());
    },
  },
  // The order of the checks.
  "transport-before-sid": request({ transport: "x", sid: "x" }),
  "transport-before-method": request({ transport: "x" }, { method: "POST" }),
  "sid-before-eio": request({ ...polling, EIO: 3, sid: "x" }),
  "method-before-upgrade": request({ transport: "websocket" }, { method: "POST" }),
  "method-before-eio": request({ ...polling, EIO: 3 }, { method: "POST" }),
  "method-before-refusal": request(polling, { method: "POST", headers: { "x-refuse": "1" } }, "refusing"),
  "refusal-before-eio": request({ ...polling, EIO: 3 }, { headers: { "x-refuse": "1" } }, "refusing"),
  // Refused upgrades.
  "upgrade-unknown-transport": upgrade({ transport: "x" }),
  "upgrade-unknown-sid": upgrade({ sid: "x" }),
  "upgrade-by-post": upgrade({}, { method: "POST" }),
  "upgrade-eio-3": upgrade({ EIO: 3 }),
  "upgrade-refused": upgrade({}, { headers: { "x-refuse": "why" } }, "refusing"),
  "upgrade-headers": upgrade({}),
  // Requests of the other transport.
  "other-transport-for-a-session": {
    run: async (t) => {
      const w = await t.joined();
      const other = t.mode === "polling" ? { transport: "websocket" } : polling;
      await t.request("get", { ...other, sid: w.sid });
      if (t.mode !== "polling") await t.request("post", { ...other, sid: w.sid }, { method: "POST", body: "3" });
      t.note("outcome", await w.outcome());
    },
  },
  "other-eio-for-a-session": {
    on: ONCE,
    run: async (t) => {
      const w = await t.joined();
      for (const EIO of [3, 5, null]) await t.request(`EIO ${EIO}`, { ...polling, EIO, sid: w.sid });
      t.note("outcome", await w.outcome());
    },
  },
  // Cookies.
  "cookie": {
    on: ["polling", "websocket"],
    profile: "cookie",
    run: async (t) => {
      const w = await t.joined();
      t.note("cookie", w.opening.headers["set-cookie"] ?? "(none)");
      t.note("outcome", await w.outcome());
    },
  },
  "cookie-of-later-answers": {
    on: ONCE,
    profile: "cookie",
    run: async (t) => {
      const w = await t.joined();
      const answer = await t.ask({ ...polling, sid: w.sid }, { method: "POST", body: "3" });
      t.note("cookie", answer.headers["set-cookie"] ?? "(none)");
    },
  },
  "cookie-with-attributes": {
    on: ONCE,
    profile: "cookie-named",
    run: async (t) => {
      const w = await t.wire();
      t.note("cookie", w.opening.headers["set-cookie"]);
    },
  },
  // Files of the client.
  "client-file": once(async (t) => {
    for (const file of ["socket.io.js", "socket.io.min.js", "socket.io.esm.min.js", "socket.io.msgpack.min.js", "socket.io.js.map"]) {
      const { status, headers, body } = await t.ask({ EIO: null }, { path: `/socket.io/${file}` });
      t.note(file, { status, headers, length: body.length });
    }
  }),
  "client-file-not-modified": once(async (t) => {
    const path = "/socket.io/socket.io.js";
    const { headers } = await t.ask({ EIO: null }, { path });
    await t.request("again", { EIO: null }, { path, headers: { "if-none-match": headers.etag } });
    await t.request("weak", { EIO: null }, { path, headers: { "if-none-match": `W/${headers.etag}` } });
    t.note("other", (await t.ask({ EIO: null }, { path, headers: { "if-none-match": '"0.0.0"' } })).status);
  }),
  "client-file-unknown": once(async (t) => {
    t.note("status", (await t.ask({ EIO: null }, { path: "/socket.io/nothing.js" })).status);
  }),
  "client-file-compressed": once(async (t) => {
    const answer = await t.ask({ EIO: null }, { path: "/socket.io/socket.io.js", headers: { "accept-encoding": "gzip" } });
    t.note("answer", [answer.status, answer.headers["content-encoding"]]);
  }),
};
