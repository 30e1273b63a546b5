// Requests and payloads of a polling session: features 1.3 and 2.2.

import { SEPARATOR } from "../wire.mjs";

const ON = ["polling"];
const session = (run, profile = "default") => ({ on: ON, profile, run: async (t) => run(t, await t.joined()) });
const long = "x".repeat(3_000);

/** Notes an answer. */
const noted = async (t, label, answer) => {
  const { status, headers, body } = await answer;
  t.note(label, { status, headers, body });
};

export const scripts = {
  "post-answer": session(async (t, w) => noted(t, "post", w.post("3"))),
  "get-answer": session(async (t, w) => {
    await w.post('42["echo","é🎺"]');
    const answer = w.get();
    await noted(t, "get", answer);
    t.note("tells its length", (await answer).length);
  }),
  "packets-of-one-payload": session(async (t, w) => {
    await w.post(['42["echo",1]', '42["echo",2]', '427["ack",3]'].join(SEPARATOR));
    t.note("outcome", await w.outcome());
  }),
  "bytes-are-base64": session(async (t, w) => {
    await w.post(['452-["echo",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]', "bAQID", "b/w=="].join(SEPARATOR));
    t.note("outcome", await w.outcome());
  }),
  "escaped-separator": session(async (t, w) => t.note("outcome", await w.outcome('42["echo","\\u001e"]'))),
  "empty-post-closes": session(async (t, w) => {
    await noted(t, "post", w.post(""));
    await w.ended();
  }),
  "trailing-separator-closes": session(async (t, w) => {
    await noted(t, "post", w.post(`42["echo",1]${SEPARATOR}`));
    await w.ended();
  }),
  "bad-packet-behind-a-good-one": session(async (t, w) => {
    await noted(t, "post", w.post(`42["echo",1]${SEPARATOR}x`));
    await w.ended();
  }),
  "octet-stream-is-refused": session(async (t, w) => {
    await noted(t, "post", w.post("3", { "content-type": "application/octet-stream" }));
    await noted(t, "then", w.get());
  }),
  "other-content-types": session(async (t, w) => {
    for (const type of ["text/plain", "application/json", "text/html"]) await noted(t, type, w.post("3", { "content-type": type }));
    t.note("outcome", await w.outcome());
  }),
  "put-and-delete": session(async (t, w) => {
    for (const method of ["PUT", "DELETE", "PATCH"]) {
      const { status, body } = await t.ask({ transport: "polling", sid: w.sid }, { method });
      t.note(method, { status, body });
    }
    t.note("outcome", await w.outcome());
  }),
  "too-large": session(async (t, w) => {
    const { status, body } = await w.post(`42["echo","${long}"]`);
    t.note("post", { status, body });
    t.note("outcome", await w.outcome());
  }, "small"),
  "as-large-as-allowed": session(async (t, w) => {
    const text = "x".repeat(2_000 - '42["echo",""]'.length);
    t.note("post", (await w.post(`42["echo","${text}"]`)).status);
    t.note("outcome", await w.outcome());
  }, "small"),
  "compressed": session(async (t, w) => {
    w.headers = { "accept-encoding": "gzip" };
    await w.post(`42["echo","${long}"]`);
    const { status, headers, bytes } = await w.get();
    t.note("get", { status, encoding: headers["content-encoding"], shorter: bytes.length < 1_000, type: headers["content-type"] });
  }),
  "compressed-with-deflate": session(async (t, w) => {
    w.headers = { "accept-encoding": "deflate" };
    await w.post(`42["echo","${long}"]`);
    const { status, headers, bytes } = await w.get();
    t.note("get", { status, encoding: headers["content-encoding"], shorter: bytes.length < 1_000 });
  }),
  "short-is-not-compressed": session(async (t, w) => {
    w.headers = { "accept-encoding": "gzip" };
    await w.post('42["echo","short"]');
    await noted(t, "get", w.get());
  }),
  "not-compressed-when-not-asked": session(async (t, w) => {
    await w.post(`42["echo","${long}"]`);
    await noted(t, "get", w.get());
  }),
  "not-compressed-when-turned-off": session(async (t, w) => {
    w.headers = { "accept-encoding": "gzip" };
    await w.post(`42["echo","${long}"]`);
    await noted(t, "get", w.get());
  }, "uncompressed"),
  "not-compressed-by-flag": session(async (t, w) => {
    w.headers = { "accept-encoding": "gzip" };
    await w.post(`42["do",["socket",["compress",false],["emit","note","${long}"]]]`);
    await noted(t, "get", w.get());
  }),
  "two-gets-at-once": {
    on: ON,
    run: async (t) => {
      const w = await t.joined();
      const answers = await Promise.all([w.get(), w.get()]);
      t.note("answers", { unordered: answers.map(({ status, body }) => `${status} ${body}`) });
      await noted(t, "then", w.get());
    },
  },
  "client-closes": session(async (t, w) => {
    const pending = w.get();
    // Nothing on the wire tells that the poll waits: each of these is a round trip on a connection of its own.
    for (let i = 0; i < 6; i++) await w.post("3");
    await noted(t, "post", w.post("1"));
    await noted(t, "pending", pending);
    await noted(t, "then", w.get());
  }),
};
