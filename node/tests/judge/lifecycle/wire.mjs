// What only a client without a library can do: the order of packets on the wire, and packets that should not be.

import { assert, skip, test } from "../support.mjs";
import { RawWebSocket } from "../raw.mjs";
import { parting, watch } from "./watching.mjs";

// The reasons for a packet that does not fit the state of its namespace. The official server means the second, but on
// WebSocket its engine closes in the same tick and is first to tell.
const VIOLATION = ["forced close", "forced server close"];

const SID = /^[A-Za-z0-9_-]{20}$/;

export const wire = async ({ url, mode, target }) => {
  if (mode !== "websocket") return skip("wire", "played in mode websocket");
  const watcher = await watch(url, mode);
  const reasonOf = async (raw) => (await parting(watcher, raw.sid))[0].reason;

  await test("wire: the engine's handshake says what it should", async () => {
    const raw = await RawWebSocket.open(url);
    const { sid, upgrades, pingInterval, pingTimeout, maxPayload, ...more } = raw.handshake;
    assert.match(sid, SID);
    assert.deepEqual(upgrades, []);
    assert.ok(pingInterval > 0 && pingTimeout > 0);
    assert.equal(maxPayload, 1_000_000);
    assert.deepEqual(more, {});
    raw.close();
  });

  for (const [text, prefix] of [
    ["40", "40{"],
    ["40{}", "40{"],
    ["40/custom,", "40/custom,{"],
    ["40/custom", "40/custom,{"],
    ['40/auth,{"token":"secret"}', "40/auth,{"],
  ]) {
    await test(`wire: ${text} is answered ${prefix}"sid":…}, and events come behind it`, async () => {
      const raw = await RawWebSocket.open(url);
      raw.send(text);
      const answer = await raw.next();
      assert.ok(answer.startsWith(prefix), answer);
      const { sid, ...more } = JSON.parse(answer.slice(prefix.length - 1));
      assert.match(sid, SID);
      assert.notEqual(sid, raw.handshake.sid);
      assert.deepEqual(more, {});
      assert.equal(await raw.next(), `42${prefix.slice(2, -1)}["welcome","${sid}"]`);
      raw.close();
    });
  }

  for (const [text, answer] of [
    ["40/unknown,", '44/unknown,{"message":"Invalid namespace"}'],
    ["40/custom?a=b,", '44/custom?a=b,{"message":"Invalid namespace"}'],
    ["40/auth,", '44/auth,{"message":"not authorized","data":{"reason":"token"}}'],
  ]) {
    await test(`wire: ${text} is answered ${answer}`, async () => {
      const raw = await RawWebSocket.open(url);
      raw.send(text);
      assert.equal(await raw.next(), answer);
      raw.close();
    });
  }

  await test("wire: what a middleware emits goes out before CONNECT", async () => {
    const raw = await RawWebSocket.open(url);
    raw.send("40/joiner,");
    assert.equal(await raw.next(), '42/joiner,["from-middleware","hello"]');
    assert.match(await raw.next(), /^40\/joiner,\{"sid":/);
    assert.match(await raw.next(), /^42\/joiner,\["welcome",/);
    raw.close();
  });

  await test("wire: what a middleware emits goes out before its refusal", async () => {
    const raw = await RawWebSocket.open(url);
    raw.send('40/joiner,{"reject":true}');
    assert.equal(await raw.next(), '42/joiner,["from-middleware","hello"]');
    assert.equal(await raw.next(), '44/joiner,{"message":"rejected"}');
    raw.close();
  });

  await test("wire: a first packet that is not CONNECT closes the connection", async () => {
    const raw = await RawWebSocket.open(url);
    raw.send('42["to-sender"]');
    await raw.closed();
  });

  await test("wire: CONNECT to a namespace that is joined already closes the connection", async () => {
    const raw = await RawWebSocket.open(url, { connect: "/" });
    raw.send("40");
    await raw.closed();
    assert.ok(VIOLATION.includes(await reasonOf(raw)));
  });

  await test("wire: an event for a namespace that was never joined closes the connection", async () => {
    const raw = await RawWebSocket.open(url, { connect: "/" });
    raw.send('42/custom,["to-sender"]');
    await raw.closed();
    assert.ok(VIOLATION.includes(await reasonOf(raw)));
  });

  await test("wire: two CONNECTs while the middleware is pending (official: two sockets, Fanfare: one)", async () => {
    const slowWatcher = await watch(url, mode, "/slow");
    await slowWatcher.ask("leave", "watchers");
    const raw = await RawWebSocket.open(url);
    // The main namespace is only there for the probe at the end.
    raw.send("40/slow,", "40/slow,", "40");
    await raw.next();
    await raw.next();
    const first = await raw.next();
    const sid = JSON.parse(first.slice(first.indexOf("{"))).sid;
    assert.equal(await raw.next(), `42/slow,["welcome","${sid}"]`);
    if (target === "official") {
      assert.match(await raw.next(), /^40\/slow,\{/);
      assert.match(await raw.next(), /^42\/slow,\["welcome",/);
    } else {
      // A second answer would come at the same time as the first: it would be here before the ack of a later event.
      assert.deepEqual(await raw.outcome(), { state: "open", heard: [] });
      raw.send('42/slow,7["rooms"]');
      assert.equal(await raw.next(), `43/slow,7[["${sid}"]]`);
    }
    raw.close();
    slowWatcher.close();
  });

  await test("wire: an event for a namespace left a moment ago (official: closes all, Fanfare: ignores it)", async () => {
    const raw = await RawWebSocket.open(url, { connect: "/" });
    raw.send("40/custom,");
    await raw.next();
    await raw.next();
    raw.send("41/custom,");
    await raw.outcome(); // the namespace is left for good
    const { state } = await raw.outcome('42/custom,["to-sender","late"]');
    assert.equal(state, target === "official" ? "closed" : "open");
    raw.close();
  });

  await test("wire: an engine close packet on WebSocket (official: ignored, Fanfare: ends the session at once)", async () => {
    const raw = await RawWebSocket.open(url, { connect: "/" });
    const { state } = await raw.outcome("1");
    assert.equal(state, target === "official" ? "open" : "closed");
    raw.close();
  });

  // [what the client sends in "/", what becomes of the connection, the reason on the server when it is closed]
  const oddities = [
    ["an event without name", ["42[]"], "forced close"],
    ["an event named null", ["42[null]"], "forced close"],
    ["an event that is no array", ["42{}"], "forced close"],
    ["an event that is no JSON", ["42abc[1]"], "forced close"],
    ["garbage behind the JSON", ['42["e"]x'], "forced close"],
    ["a reserved event name", ['42["connect"]'], "forced close"],
    ["another reserved event name", ['42["disconnecting","x"]'], "forced close"],
    ["an unknown packet type", ["49[1]"], "forced close"],
    ["no packet type", ["4abc"], "forced close"],
    ["an empty message", ["4"], "forced close"],
    ["a DISCONNECT with payload", ["41{}"], "forced close"],
    ["a CONNECT_ERROR from a client", ['44{"message":"x"}'], VIOLATION],
    ["an attachment without header", [Buffer.from([1])], "forced close"],
    ["a text instead of an attachment", ['451-["e",{"_placeholder":true,"num":0}]', '42["e"]'], "forced close"],
    ["an attachment count of nothing", ['45-["e"]'], "forced close"],
    ["an attachment count of zero", ['450-["e"]'], "forced close"],
    ["more than ten attachments", ['4511-["e"]'], "forced close"],
    ["a placeholder out of range", ['451-["e",{"_placeholder":true,"num":1}]', Buffer.from([1])], "forced close"],
    ["a ping from the client", ["2"], "transport error"],
    ["an unknown engine packet", ["9"], "parse error"],
    ["an event named by a number", ["42[1,2]"], undefined],
    ["an event named error", ['42["error","x"]'], undefined],
    ["an ack that nobody asked for", ['43999["x"]'], undefined],
    ["an ack that nobody asked for, without payload", ["43998[]"], undefined],
    ["a pong that nobody asked for", ["3"], undefined],
    ["a pong between a header and its attachment", ['451-["no one",{"_placeholder":true,"num":0}]', "3", Buffer.from([1])], undefined],
  ];
  for (const [what, frames, reason] of oddities) {
    await test(`wire: ${what} ${reason ? "closes the connection" : "leaves the connection open"}`, async () => {
      const raw = await RawWebSocket.open(url, { connect: "/" });
      const { state } = await raw.outcome(...frames);
      assert.equal(state, reason ? "closed" : "open");
      if (reason) {
        assert.ok([reason].flat().includes(await reasonOf(raw)), await reasonOf(raw));
      }
      raw.close();
    });
  }

  watcher.close();
};
