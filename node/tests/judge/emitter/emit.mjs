// Emits an event to the clients of a cluster: node emit.mjs NATS_URL NAMESPACE ROOM|- EVENT JSON_ARGUMENTS…
import { fileURLToPath } from "node:url";
import { connect } from "nats";
import protobuf from "protobufjs";

const SCHEMA = "../../../../proto/proto/fanfare/v1/envelope.proto";
const PREFIX = process.env.FANFARE_PREFIX ?? "fanfare";
const ROOM_BUCKETS = Number(process.env.FANFARE_ROOM_BUCKETS ?? 1024);

// A namespace as one word between dots: letters, digits and - stay, any other byte is _ and two hexadecimal digits.
function token(namespace) {
  const bytes = Buffer.from(namespace.replace(/^\//, ""));
  const escaped = (byte) => {
    const char = String.fromCharCode(byte);
    return /[A-Za-z0-9-]/.test(char) ? char : "_" + byte.toString(16).toUpperCase().padStart(2, "0");
  };
  const token = [...bytes].map(escaped).join("") || "_";
  return token.length <= 64 ? token : "_h" + fnv1a(bytes, 64).toString(16).padStart(16, "0");
}

function fnv1a(bytes, bits) {
  const [start, prime] = bits === 32 ? [0x811c9dc5n, 0x01000193n] : [0xcbf29ce484222325n, 0x100000001b3n];
  return bytes.reduce((hash, byte) => BigInt.asUintN(bits, (hash ^ BigInt(byte)) * prime), start);
}

// One subject, since nobody could tell the copies of an envelope without numbers from each other.
function subject(namespace, rooms) {
  const bucket = (room) => fnv1a(Buffer.from(room), 32) % BigInt(ROOM_BUCKETS);
  const buckets = new Set(rooms.map(bucket));
  const mayBeSocket = rooms.some((room) => /^[A-Za-z0-9_-]{20}$/.test(room));
  const [only] = buckets.size === 1 && !mayBeSocket ? buckets : [];
  return `${PREFIX}.v1.${token(namespace)}.${only === undefined ? "all" : `room.${only}`}`;
}

const [url, namespace, room, event, ...texts] = process.argv.slice(2);
if (!event || !namespace.startsWith("/")) {
  console.error("node emit.mjs NATS_URL NAMESPACE ROOM|- EVENT JSON_ARGUMENTS…");
  process.exit(2);
}
const rooms = room === "-" ? [] : [room];
const packet = JSON.stringify([event, ...texts.map((text) => JSON.parse(text))]);
const broadcast = {
  target: { namespace, rooms },
  packet: "42" + (namespace === "/" ? "" : namespace + ",") + packet,
};

const schema = await protobuf.load(fileURLToPath(new URL(SCHEMA, import.meta.url)));
const Envelope = schema.lookupType("fanfare.v1.Envelope");
const connection = await connect({ servers: url });
connection.publish(subject(namespace, rooms), Envelope.encode({ version: 1, broadcast }).finish());
// Waits until the server has it.
await connection.drain();
