// Steps that a script has the server do: written as calls of the official API, recorded as plain data, and carried out
// by the interpreter of either server.
//
//   socket.to(["a", "b"]).except("c").emit("x", 1)     is     ["socket", ["to", ["a", "b"]], ["except", "c"], ["emit", "x", 1]]
//
// A name without a call is a getter: `socket.volatile.emit("x")`. What can be called stands in `official-server.mjs`.

const CALLS = Symbol("the calls so far");

const record = (calls, getter) =>
  new Proxy(function () {}, {
    get: (_, name) => {
      const before = getter === undefined ? calls : [...calls, [getter]];
      if (name === CALLS) return before;
      // Not a promise, whoever asks.
      return typeof name === "symbol" || name === "then" ? undefined : record(before, name);
    },
    apply: (_, __, args) => record([...calls, [getter, ...args.map(plain)]]),
  });

/** Steps anywhere in a value as the data that they are. */
export const plain = (value) => {
  if (typeof value === "function") return value[CALLS];
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object" || ArrayBuffer.isView(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
};

/** The socket that asks, or whose hook it is. */
export const socket = record(["socket"]);
/** The namespace of that socket. */
export const nsp = record(["nsp"]);
/** The whole server: `io.of(name)`. */
export const io = record(["io"]);
/** The interpreter itself: `server.note(…)`, `server.wait(gate)`, `server.refuse(message, data)`. */
export const server = record(["server"]);
