// The parsers that clients can have, by name.

import { Token, Type, decode, encode } from "cborg";
import * as msgpack from "socket.io-msgpack-parser";

// What the example `own_parser` of the server understands: each packet is one map of CBOR.
// Keys stay in their order, and a date is its text, as in JSON.
const options = {
  mapSorter: () => 0,
  typeEncoders: { Date: (date) => [new Token(Type.string, date.toISOString())] },
};

// Bytes are buffers to the judges, as they are with other parsers.
const withBuffers = (value) => {
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (Array.isArray(value)) return value.map(withBuffers);
  if (!value || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, withBuffers(part)]));
};

const cbor = {
  Encoder: class {
    encode({ type, nsp, id, data }) {
      return [encode({ type, nsp, id, data }, options)];
    }
  },
  Decoder: class {
    on(_, listener) {
      this.listener = listener;
    }

    off() {
      this.listener = undefined;
    }

    add(message) {
      const { id, data, ...packet } = withBuffers(decode(message));
      this.listener?.({ ...packet, id: id ?? undefined, data: data ?? undefined });
    }

    destroy() {}
  },
};

export const parserOf = (name) => {
  const known = { default: undefined, msgpack, cbor };
  if (!(name in known)) throw new Error(`no parser is called ${name}`);
  return known[name];
};
