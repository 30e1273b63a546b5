// Frames of a WebSocket: features 2.1 to 2.3.

const ON = ["websocket", "upgrade"];
const sent = (...packets) => ({
  on: ON,
  run: async (t) => {
    const w = await t.wire();
    const sid = await w.join();
    const outcome = t.note("outcome", await w.outcome(...packets));
    if (outcome === "closed") await t.seen([sid], { namespace: "/" });
  },
});

const limited = (run) => ({ on: ON, profile: "small", run });
const filled = (bytes) => `42["echo","${"x".repeat(bytes - '42["echo",""]'.length)}"]`;

export const scripts = {
  "text": sent('42["echo","é🎺"]'),
  "binary": sent('451-["echo",{"_placeholder":true,"num":0}]', Buffer.from([4, 0, 255])),
  "base64-text-is-binary": sent('451-["echo",{"_placeholder":true,"num":0}]', "bAQID"),
  "base64-without-header": sent("bAQID"),
  "b64-makes-text": {
    on: ["websocket"],
    run: async (t) => {
      const w = await t.wire("w", { query: { b64: 1 } });
      await w.join();
      t.note("outcome", await w.outcome('451-["echo",{"_placeholder":true,"num":0}]', Buffer.from([1, 2, 3])));
    },
  },
  "empty-binary": sent('452-["echo",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]', Buffer.alloc(0), "b"),
  "separator-means-nothing": sent('42["echo",1]\x1e42["echo",2]'),
  "noop-open-upgrade-pong-are-ignored": sent("6", "0", "5", "3", "3probe"),
  "ping-closes": sent("2"),
  "probe-on-a-session-closes": sent("2probe"),
  "empty-frame-closes": sent(""),
  "unknown-packet-closes": sent("7"),
  "letter-closes": sent("é"),
  "limit-reached": limited(async (t) => {
    const w = await t.joined();
    t.note("outcome", await w.outcome(filled(2_000)));
  }),
  "limit-passed": limited(async (t) => {
    const w = await t.wire();
    const sid = await w.join();
    t.note("outcome", await w.outcome(filled(2_001)));
    await t.seen([sid], { namespace: "/" });
  }),
  "limit-passed-in-binary": limited(async (t) => {
    const w = await t.joined();
    t.note("outcome", await w.outcome('451-["echo",{"_placeholder":true,"num":0}]', Buffer.alloc(2_001)));
  }),
  "limit-is-for-each-attachment": limited(async (t) => {
    const w = await t.joined();
    t.note("outcome", await w.outcome('452-["echo",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]', Buffer.alloc(1_500, 1), Buffer.alloc(1_500, 2)));
  }),
  "limit-counts-bytes": limited(async (t) => {
    const w = await t.joined();
    t.note("outcome", await w.outcome(`42["echo","${"é".repeat(1_000)}"]`));
  }),
  "fragments": {
    on: ON,
    run: async (t) => {
      const w = await t.joined();
      w.ws.send('42["ec', { fin: false });
      w.ws.send('ho","', { fin: false });
      w.ws.ping();
      w.ws.send('abc"]', { fin: true });
      t.note("outcome", await w.outcome());
    },
  },
  "many-in-order": sent(...Array.from({ length: 100 }, (_, i) => (i % 2 ? `42["echo",${i}]` : `42${i}["ack",${i}]`))),
};
