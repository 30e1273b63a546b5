// Pings of the server, and clients that do not answer: features 2.3. No script asserts a time: only what comes, in which order.

import { within } from "../waiting.mjs";

const profile = "heartbeat";

export const scripts = {
  "server-pings": {
    profile,
    run: async (t) => {
      const w = await t.joined();
      for (let i = 0; i < 3; i++) {
        await w.until("2");
        await w.send("3");
      }
      t.note("outcome", await w.outcome());
      // A further ping may have come already.
      w.heard = w.heard.slice(0, w.heard.indexOf("2") + 3);
    },
  },
  "no-pong-is-a-ping-timeout": {
    profile,
    run: async (t) => {
      const w = await t.wire();
      const sid = await w.join();
      await w.until("2");
      await w.ended();
      await t.seen([sid], { namespace: "/" });
    },
  },
  "pong-unasked-is-harmless": {
    profile,
    run: async (t) => {
      const w = await t.joined();
      await w.send("3");
      await w.send("3");
      await w.until("2");
      await w.send("3");
      t.note("outcome", await w.outcome());
      w.heard = w.heard.filter((packet) => packet !== "2");
    },
  },
  "official-client-stays": {
    profile,
    run: async (t) => {
      const [a] = await t.clients("a");
      let pings = 0;
      a.engine.on("ping", () => pings++);
      a.socket.io.on("ping", () => {});
      await t.eventually("three pings", () => pings >= 3);
      t.note("alive", await a.ask("ack", 1));
    },
  },
  "official-client-that-falls-silent": {
    profile,
    on: ["websocket", "upgrade"],
    run: async (t) => {
      const [a] = await t.clients("a");
      const { id } = a;
      a.engine.sendPacket = () => {};
      a.engine._sendPacket = () => {};
      await t.seen([id]);
      a.heard.length = 0;
    },
  },
  "timeout-while-upgrading-closes-the-probe": {
    profile,
    on: ["polling"],
    run: async (t) => {
      const w = await t.wire();
      const sid = await w.join();
      const probe = await w.probe();
      probe.send("2probe");
      t.note("probe", [await probe.next()]);
      await probe.ended();
      t.note("probe ended", probe.heard);
      await t.seen([sid], { namespace: "/" });
    },
  },
  "client-that-joins-nothing": {
    profile: "hasty",
    run: async (t) => {
      const w = await t.wire();
      await within(w.ended(), "the connectTimeout");
    },
  },
  "client-that-is-refused": {
    profile: "hasty",
    run: async (t) => {
      const w = await t.wire();
      await w.join("/nowhere");
      await within(w.ended(), "the connectTimeout");
    },
  },
};
