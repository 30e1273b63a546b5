// Hooks of the engine: features 1.2, "Engine object".

const polling = { transport: "polling" };
const hooked = (run, on = ["polling"]) => ({ on, profile: "hooked", run });

/** The headers that hooks set. */
const set = ({ headers }) => ({ initial: headers["x-initial"] ?? "(none)", every: headers["x-every"] ?? "(none)" });

/** What the server is told about a request that is refused. */
const refused = (query, options, isUpgrade = false) =>
  hooked(async (t) => {
    const mark = t.gate("mark");
    const ask = isUpgrade ? t.upgrade("answer", { ...query, mark }, options) : t.ask({ ...query, mark }, options);
    await ask;
    const told = async () => (await t.log("engine")).filter(({ id }) => id === mark);
    await t.eventually("the error to be told", async () => (await told()).length > 0);
    t.note("told", (await told()).map(({ code, message }) => ({ code, message })));
    if (isUpgrade) t.forget("answer");
  });

export const scripts = {
  "headers-of-a-polling-session": hooked(async (t) => {
    const w = await t.wire("w", { query: { mark: "m" } });
    t.note("handshake", set(w.opening));
    t.note("post", set(await w.post("40")));
    t.note("get", set(await w.get()));
  }),
  "headers-of-a-websocket": hooked(async (t) => {
    const w = await t.wire("w", { query: { mark: "m" } });
    t.note("handshake", set(w.opening));
  }, ["websocket"]),
  "headers-of-an-upgrade": hooked(async (t) => {
    const w = await t.joined();
    t.note("upgrade", set(await t.ask({ transport: "websocket", sid: w.sid, mark: "m" }, { headers: t.upgradeHeaders })));
  }),
  "headers-of-a-refusal": hooked(async (t) => {
    t.note("refusal", set(await t.ask({ transport: "x", mark: "m" })));
    t.note("unknown sid", set(await t.ask({ ...polling, sid: "x", mark: "m" })));
  }),
  "error-unknown-transport": refused({ transport: "x" }),
  "error-unknown-sid": refused({ ...polling, sid: "x" }),
  "error-bad-method": refused(polling, { method: "POST" }),
  "error-no-upgrade": refused({ transport: "websocket" }),
  "error-eio": refused({ ...polling, EIO: 3 }),
  "error-upgrade-unknown-sid": refused({ sid: "x" }, {}, true),
  "error-upgrade-unknown-transport": refused({ transport: "x" }, {}, true),
};
