// Moving from polling to WebSocket: features 2.4.

const ON = ["polling"];
const script = (run, profile = "default") => ({ on: ON, profile, run: async (t) => run(t, await t.joined()) });

const probed = async (w) => {
  const probe = await w.probe();
  probe.send("2probe");
  await probe.next();
  return probe;
};

/** A packet on the probe that ends it; the session polls on. */
const endsProbe = (packet, isProbed) =>
  script(async (t, w) => {
    const probe = isProbed ? await probed(w) : await w.probe();
    probe.send(packet);
    await probe.ended();
    t.note("probe", probe.heard);
    t.note("outcome", await w.outcome('42["echo","still polling"]'));
    withoutNoops(w);
  });

/** How many noops come is a matter of time. */
const withoutNoops = (w) => {
  w.heard = w.heard.filter((packet) => packet !== "6");
};

export const scripts = {
  "probe-and-move": script(async (t, w) => {
    const probe = await probed(w);
    probe.send("5");
    t.note("outcome", await probe.outcome('42["echo",1]'));
    t.note("probe", probe.heard);
    t.note("get", (await w.get()).body);
    t.note("post", (await w.post("3")).body);
  }),
  "move-without-probe": script(async (t, w) => {
    const probe = await w.probe();
    probe.send("5");
    t.note("outcome", await probe.outcome('42["echo",1]'));
    t.note("probe", probe.heard);
  }),
  "probe-twice": script(async (t, w) => {
    const probe = await probed(w);
    probe.send("2probe");
    await probe.next();
    probe.send("5");
    t.note("outcome", await probe.outcome());
    t.note("probe", probe.heard);
  }),
  "noop-answers-the-poll": script(async (t, w) => {
    const pending = w.get();
    const probe = await probed(w);
    t.note("pending", (await pending).body);
    t.note("next", (await w.get()).body);
    probe.send("5");
    t.note("outcome", await probe.outcome());
  }),
  "traffic-stays-on-polling": script(async (t, w) => {
    const probe = await probed(w);
    t.note("outcome", await w.outcome('42["echo",1]', '42["echo",2]'));
    withoutNoops(w);
    probe.send("5");
    t.note("moved", await probe.outcome('42["echo",3]'));
    t.note("probe", probe.heard);
  }),
  "waiting-packets-move": script(async (t, w) => {
    const probe = await probed(w);
    await w.send('42["echo",1]', '451-["echo",{"_placeholder":true,"num":0}]', Buffer.from([7]));
    probe.send("5", '42["echo",3]');
    t.note("outcome", await probe.outcome());
    t.note("probe", probe.heard);
  }),
  "attachment-over-the-other-transport": script(async (t, w) => {
    const probe = await probed(w);
    await w.send('451-["echo",{"_placeholder":true,"num":0}]');
    probe.send("5", Buffer.from([9]));
    t.note("outcome", await probe.outcome());
    t.note("probe", probe.heard);
  }),
  "message-on-the-probe": endsProbe('42["echo",1]', false),
  "message-on-the-probe-behind-probe": endsProbe('42["echo",1]', true),
  "ping-of-another-word": endsProbe("2other", false),
  "pong-on-the-probe": endsProbe("3", true),
  "close-on-the-probe": endsProbe("1", true),
  "garbage-on-the-probe": endsProbe("x", true),
  "binary-on-the-probe": endsProbe(Buffer.from([1]), true),
  "second-websocket-while-moving": script(async (t, w) => {
    const probe = await probed(w);
    const second = await w.probe();
    await second.ended();
    t.note("second", second.heard);
    probe.send("5");
    t.note("outcome", await probe.outcome());
  }),
  "websocket-for-a-moved-session": script(async (t, w) => {
    const probe = await probed(w);
    probe.send("5");
    await probe.outcome();
    const second = await w.probe();
    await second.ended();
    t.note("second", second.heard);
    t.note("outcome", await probe.outcome('42["echo",1]'));
    t.note("probe", probe.heard);
  }),
  "client-closes-while-moving": script(async (t, w) => {
    const probe = await probed(w);
    await w.send("1");
    await probe.ended();
    t.note("probe", probe.heard);
    t.note("get", (await w.get()).body);
  }),
  "fault-on-polling-while-moving": script(async (t, w) => {
    const probe = await probed(w);
    await w.send("x");
    await probe.ended();
    t.note("probe", probe.heard);
    t.note("get", (await w.get()).body);
  }),
  "probe-that-never-moves": script(async (t, w) => {
    const probe = await probed(w);
    await probe.ended();
    t.note("probe", probe.heard);
    t.note("outcome", await w.outcome('42["echo","still polling"]'));
    withoutNoops(w);
  }, "hasty"),
  "probe-that-breaks-off": script(async (t, w) => {
    const probe = await probed(w);
    probe.ws.terminate();
    t.note("outcome", await w.outcome('42["echo","still polling"]'));
    withoutNoops(w);
  }),
  "official-client-moves": {
    on: ["upgrade"],
    run: async (t) => {
      const [a] = await t.clients("a");
      for (let i = 0; i < 30; i++) a.emit("echo", i);
      await t.fence(a);
      t.note("transport", a.engine.transport.name);
    },
  },
  "events-around-the-move-in-order": {
    on: ["upgrade"],
    run: async (t) => {
      const [a] = await t.clients("a");
      a.heard.length = 0;
      const early = await t.attempt("b", { upgrade: true });
      for (let i = 0; i < 50; i++) early.emit("echo", i);
      await t.fence(early, a);
    },
  },
  "second-websocket-of-a-websocket": {
    on: ["websocket"],
    run: async (t) => {
      const w = await t.joined();
      await t.upgrade("answer", { sid: w.sid });
      t.note("outcome", await w.outcome('42["echo",1]'));
    },
  },
};
