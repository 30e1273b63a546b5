// Sessions of Engine.IO 3 over polling, as clients of Socket.IO 1 and 2 open them.

const profile = "old";
const on = ["polling"];

/** The packets of a body of text: `<length>:<packet>` again and again. */
const packetsOf = (body) => {
  const packets = [];
  for (let rest = body; rest !== ""; ) {
    const colon = rest.indexOf(":");
    const end = colon + 1 + Number(rest.slice(0, colon));
    packets.push(rest.slice(colon + 1, end));
    rest = rest.slice(end);
  }
  return packets;
};

const framed = (...packets) => packets.map((packet) => `${packet.length}:${packet}`).join("");

/** A session in the main namespace; its first poll, with the CONNECT packet, is behind it. */
const opened = async (t, query = {}) => {
  const base = { EIO: 3, transport: "polling", ...query };
  const answer = await t.ask(base);
  const [open] = packetsOf(answer.body);
  const session = { ...base, sid: JSON.parse(open.slice(1)).sid };
  const old = {
    answer,
    open: JSON.parse(open.slice(1)),
    session,
    get: () => t.ask(session),
    post: (body, headers = { "content-type": "text/plain;charset=UTF-8" }) => t.ask(session, { method: "POST", body, headers }),
  };
  old.first = await old.get();
  return old;
};

const script = (run, query) => ({ on, profile, run: async (t) => run(t, await opened(t, query)) });
const B64 = { b64: 1 };

export const scripts = {
  handshake: script((t, { answer: { status, headers }, open: { maxPayload: _, ...open }, first }) => {
    t.note("answer", { status, headers });
    t.note("open", open);
    t.note("first poll", first);
  }),
  "without-a-version": {
    on,
    profile,
    run: async (t) => {
      const { status, headers } = await t.ask({ EIO: null, transport: "polling" });
      t.note("answer", { status, headers });
    },
  },
  "post-answer": script(async (t, old) => t.note("post", await old.post(framed('42["echo",1]')))),
  "lengths-count-utf-16": script(async (t, old) => {
    await old.post(framed('42["echo","é🎺"]'));
    t.note("poll", await old.get());
  }, B64),
  "packets-of-one-payload": script(async (t, old) => {
    await old.post(framed('42["echo",1]', '42["echo",2]', '42["echo",3]'));
    const packets = [];
    while (packets.length < 3) packets.push(...packetsOf((await old.get()).body));
    t.note("packets", packets);
  }),
  "bytes-are-base64": script(async (t, old) => {
    await old.post(framed('451-["echo",{"_placeholder":true,"num":0}]', "b4AQID"));
    t.note("poll", await old.get());
  }, B64),
  "bytes-are-bytes": script(async (t, old) => {
    await old.post(framed('451-["echo",{"_placeholder":true,"num":0}]', "b4AQID"));
    t.note("poll", await old.get());
  }),
  "bytes-come-as-bytes": script(async (t, old) => {
    const head = Buffer.from('451-["echo",{"_placeholder":true,"num":0}]');
    const digits = [...String(head.length)].map(Number);
    const body = Buffer.concat([Buffer.from([0, ...digits, 255]), head, Buffer.from([1, 4, 255, 4, 1, 2, 3])]);
    t.note("post", await old.post(body, { "content-type": "application/octet-stream" }));
    t.note("poll", await old.get());
  }),
  "client-pings": script(async (t, old) => {
    await old.post(framed("2"));
    t.note("poll", await old.get());
  }),
  "bad-length-closes": script(async (t, old) => {
    const { status } = await old.post("99:2");
    t.note("post", status);
    t.note("poll", await old.get());
  }),
  "close-packet": script(async (t, old) => {
    t.note("post", (await old.post(framed("1"))).status);
    t.note("poll", await old.get());
  }),
  "namespace-with-a-query": script(async (t, old) => {
    await t.open(t.nsp);
    await old.post(framed(`40${t.nsp}?token=a%20b,`));
    t.note("packets", packetsOf((await old.get()).body).map((packet) => packet.replace(t.nsp, "/main")));
  }),
  "unknown-namespace": script(async (t, old) => {
    await old.post(framed("40/nobody,"));
    t.note("packets", packetsOf((await old.get()).body));
  }),
  "another-version-is-refused": script(async (t, old) => t.note("poll", await t.ask({ ...old.session, EIO: 4 }))),
};

/** A page that polls by script elements. */
scripts["script-elements"] = {
  on,
  profile,
  run: async (t) => {
    const base = { EIO: 3, transport: "polling", j: "7x" };
    const read = ({ body }) => JSON.parse(body.slice(body.indexOf("(") + 1, body.lastIndexOf(")")));
    const [open] = packetsOf(read(await t.ask(base)));
    const session = { ...base, sid: JSON.parse(open.slice(1)).sid };
    t.note("first poll", await t.ask(session));
    // Forms change ends of lines, so pages write those that are escaped with one more backslash.
    const d = framed('42["echo","a\u2028\\n"]').replaceAll("\\n", "\\\\n");
    const body = new URLSearchParams({ d }).toString();
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    t.note("post", await t.ask(session, { method: "POST", body, headers }));
    t.note("poll", (await t.ask(session)).body);
  },
};
