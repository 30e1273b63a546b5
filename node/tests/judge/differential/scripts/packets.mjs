// What a client may send, and what comes back, packet by packet: features 2.1.

const RESERVED = ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

/** Packets in the main namespace: what comes back, and whether the connection lives. */
const sent = (...packets) => async (t) => {
  const w = await t.joined();
  t.note("outcome", await w.outcome(...packets));
  await t.eventually("the end of a closed connection", () => true);
};

/** The same, with what the server saw of the socket that is closed. */
const closing = (...packets) => async (t) => {
  const w = await t.wire();
  const sid = await w.join();
  t.note("outcome", await w.outcome(...packets));
  await t.seen([sid], { namespace: "/" });
};

/** Packets as the first ones of a connection. */
const first = (...packets) => async (t) => {
  const w = await t.wire();
  await w.send(...packets);
  await w.ended();
};

export const scripts = {
  "event": sent('42["echo",1,"a",null,true,{"b":[]}]'),
  "event-in-main-by-name": sent('42/,["echo",1]', '42/,5["ack"]'),
  "ack": sent('4212["ack","a",{"b":1}]'),
  "ack-id-zero": sent('420["ack"]'),
  "ack-id-again": sent('421["ack",1]', '421["ack",2]'),
  "ack-id-largest-safe": sent('429007199254740991["ack"]'),
  "ack-id-leading-zeros": sent('42007["ack",1]'),
  "ack-id-space": sent('42 ["ack",1]'),
  "ack-id-beyond-double": sent('42123456789012345678901["ack"]'),
  "ack-id-above-safe": sent('429007199254740993["ack"]'),
  "whitespace": sent('42[ "echo" , 1 ]  '),
  "escapes": sent('42["echo","\\u00e9\\ud83c\\udfba\\u2028\\"\\\\/\\n","e\u0301"]'),
  "keys-keep-their-order": sent('42["echo",{"z":1,"a":{"y":2,"b":3}}]'),
  "numbers": sent('42["echo",0,-1,1.5,100,-0.25]'),
  "no-payload": sent("42"),
  "id-without-payload": sent("4212"),
  "numeric-event-name": sent("42[1,2]", "42[0]"),
  "empty-event-name": sent('42[""]'),
  "error-is-no-reserved-name": sent('42["error",{"message":"x"}]'),
  "unheard-event": sent('42["nobody"]', '425["nobody"]'),
  "unknown-ack": sent('43999["x"]', "431", '43["x"]'),
  "prototype-keys": sent('42["__proto__"]', '42["constructor"]', '42["toString"]'),
  "empty-array-closes": closing("42[]"),
  "null-name-closes": closing("42[null]"),
  "true-name-closes": closing("42[true]"),
  "object-name-closes": closing("42[{}]"),
  "object-payload-closes": closing("42{}"),
  "string-payload-closes": closing('42"echo"'),
  "broken-json-closes": closing('42abc["echo"]'),
  "cut-off-json-closes": closing('42["echo",1'),
  "trailing-garbage-closes": closing('42["echo"]x'),
  "namespace-behind-id-closes": closing('425/custom,["echo"]'),
  "negative-ack-id-closes": closing('42-1["ack"]'),
  ...Object.fromEntries(RESERVED.map((name) => [`reserved-${name}-closes`, closing(`42["${name}"]`)])),
  "ack-object-closes": closing("431{}"),
  "connect-error-from-client-closes": closing('44{"message":"x"}'),
  "unknown-type-closes": closing('49["echo"]'),
  "letter-type-closes": closing("4abc"),
  "disconnect-with-payload-closes": closing("41{}"),
  "second-connect-closes": closing("40"),
  "empty-engine-message-closes": closing("4"),
  "first-packet-event-closes": first('42["echo"]'),
  "first-packet-disconnect-closes": first("41"),
  "first-connect-with-array-closes": first("40[1]"),
  "first-connect-with-string-closes": first('40"s"'),
  "first-connect-with-null-closes": first("40null"),
  "first-connect-with-broken-json-closes": first('40{"a":'),
  "first-packet-garbage-closes": first("4xyz"),
};
