// Pages of other origins: features 1.2, `cors`.

const polling = { transport: "polling" };
const request = (profile, query, options) => ({ on: ["polling"], profile, run: (t) => answer(t, "answer", query, options) });

/** Status and headers; the open packet is random. */
const answer = async (t, label, query, options) => {
  const { status, headers } = await t.ask(query, options);
  t.note(label, { status, headers });
};

const from = (origin, more = {}) => ({ headers: { origin, ...more } });
const preflight = (origin, more = {}) => ({
  method: "OPTIONS",
  headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "x-asked", ...more },
});

export const scripts = {
  "none-by-default": request("default", polling, from("https://one.example")),
  "options-without-cors": request("default", polling, preflight("https://one.example")),
  "allowed-origin": request("cors", polling, from("https://one.example")),
  "second-allowed-origin": request("cors", polling, from("https://two.example")),
  "other-origin": request("cors", polling, from("https://evil.example")),
  "no-origin": request("cors", polling, {}),
  "any-origin": request("cors-any", polling, from("https://evil.example")),
  "preflight": request("cors", polling, preflight("https://one.example")),
  "preflight-of-other-origin": request("cors", polling, preflight("https://evil.example")),
  "preflight-of-any": request("cors-any", polling, preflight("https://evil.example")),
  "preflight-of-any-without-headers": request("cors-any", polling, {
    method: "OPTIONS",
    headers: { origin: "https://a.example", "access-control-request-method": "POST" },
  }),
  "error-has-headers-too": request("cors", { transport: "x" }, from("https://one.example")),
  "unknown-sid-has-headers-too": request("cors", { ...polling, sid: "x" }, from("https://one.example")),
  "requests-of-a-session": {
    on: ["polling"],
    profile: "cors",
    run: async (t) => {
      const w = await t.wire("w", { headers: { origin: "https://one.example" } });
      await w.join();
      await answer(t, "post", { ...polling, sid: w.sid }, { method: "POST", body: "3", headers: { origin: "https://one.example" } });
      t.note("outcome", await w.outcome());
    },
  },
  "websocket-of-allowed-origin": {
    on: ["websocket"],
    profile: "cors",
    run: async (t) => {
      const w = await t.wire("w", { headers: { origin: "https://one.example" } });
      await w.join();
      t.note("headers", w.opening.headers);
      t.note("outcome", await w.outcome());
    },
  },
  "websocket-of-other-origin": {
    on: ["websocket"],
    profile: "cors",
    run: (t) => t.upgrade("answer", {}, { headers: { origin: "https://evil.example" } }),
  },
  "client-file": {
    on: ["polling"],
    profile: "cors",
    run: (t) => answer(t, "answer", { EIO: null }, { path: "/socket.io/socket.io.js", headers: { origin: "https://one.example" } }),
  },
};
