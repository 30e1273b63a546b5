// Steps carried out on the official API; see `steps.mjs`. Nearly all are calls of the same name; those that need words
// are in `OWN`.

/** A gate is closed until it is opened, and open from then on. */
class Gate {
  constructor() {
    this.passed = new Promise((resolve) => (this.open = () => resolve()));
  }
}

const isAck = (args) => typeof args.at(-1) === "function";
const split = (args) => (isAck(args) ? [args.slice(0, -1), args.at(-1)] : [args, undefined]);
/** Bytes in logs. */
const readable = (value) => JSON.parse(JSON.stringify(value ?? null, (_, inner) => (inner?.type === "Buffer" ? { bytes: Buffer.from(inner.data).toString("hex") } : inner)));

const OWN = {
  // Answers of one client: those with a timeout, those without, all arguments of an ack.
  emitWithAck: (_, at, event, ...args) =>
    at.emitWithAck(event, ...args).then(
      (answer) => (Array.isArray(answer) && !isSocket(at) ? { timedOut: false, answers: answer } : { answer: answer ?? null }),
      (error) => (isSocket(at) ? { timedOut: true } : { timedOut: true, answers: error.responses }),
    ),
  emitAck: (_, at, event, ...args) => new Promise((resolve) => at.emit(event, ...args, (...answer) => resolve(answer))),
  // What the server knows.
  rooms: (_, at) => ({ rooms: [...at.rooms] }),
  data: (_, at) => at.data ?? null,
  setData: (_, at, value) => void (at.data = value),
  handshake: (_, at) => at.handshake,
  transport: (_, at) => at.conn.transport.name,
  protocol: (_, at) => at.conn.protocol,
  closeConn: (_, at) => void at.conn.close(),
  fetchSockets: async (_, at) => {
    const found = await at.fetchSockets();
    return { sockets: found.map(({ id, rooms, data, handshake }) => ({ id, rooms: [...rooms], data, auth: handshake.auth })) };
  },
  // Listeners, which log what they heard under a tag.
  on: (context, at, event, tag) => void at.on(event, context.hear(tag, event)),
  once: (context, at, event, tag) => void at.once(event, context.hear(tag, event)),
  off: (_, at, event) => void at.removeAllListeners(event),
  onAny: (context, at, tag) => void at.onAny(context.hearAny("any", tag)),
  prependAny: (context, at, tag) => void at.prependAny(context.hearAny("any", tag)),
  offAny: (_, at) => void at.offAny(),
  onAnyOutgoing: (context, at, tag) => void at.onAnyOutgoing(context.hearAny("outgoing", tag)),
  offAnyOutgoing: (_, at) => void at.offAnyOutgoing(),
  use: (context, at, middleware) => void at.use(context.middleware(middleware)),
  onError: (context, at, tag) => {
    const message = (error) => (error instanceof Refusal ? error.message : "(invalid packet)");
    at.on("error", (error) => context.log({ what: "error", tag, message: message(error) }));
  },
  onUpgrade: (context, at, tag) => void at.conn.on("upgrade", ({ name }) => context.log({ what: "upgrade", tag, transport: name })),
  // Events of the adapter, to be asked for.
  watchRooms: (context, at) => {
    const events = context.interpreter.roomEvents(...context.key);
    for (const event of ["create-room", "delete-room", "join-room", "leave-room"]) {
      at.adapter.on(event, (room, id) => events.push(id === undefined ? [event, room] : [event, room, id]));
    }
  },
  roomEvents: (context) => context.interpreter.roomEvents(...context.key).splice(0),
  // The interpreter.
  note: (context, _, ...args) => context.log({ what: "note", args }),
  wait: (context, _, gate) => context.interpreter.gate(gate).passed,
  refuse: (_context, _, message, data) => {
    throw Object.assign(new Refusal(message), data === undefined ? {} : { data });
  },
};

class Refusal extends Error {}

const isSocket = (at) => at.constructor.name === "Socket";

/** What a socket's steps know. */
class Context {
  constructor(interpreter, key, io, nsp, socket) {
    Object.assign(this, { interpreter, key, io, nsp, socket, server: {} });
  }

  log(entry) {
    this.interpreter.log(...this.key).push({ id: this.socket.id, ...readable(entry) });
  }

  hear(tag, event) {
    return (...all) => {
      const [args, ack] = split(all);
      this.log({ what: "heard", tag, event, args });
      ack?.(tag);
    };
  }

  /** What serves the harness itself is left out. */
  hearAny(what, tag) {
    return (event, ...all) => ["do", "ack", "$fence"].includes(event) || this.log({ what, tag, event, args: split(all)[0] });
  }

  /** Socket middleware: logs the event, waits for a gate, refuses an event. */
  middleware({ tag, refuse, message, gate }) {
    const told = this.hearAny("middleware", tag);
    return ([event, ...all], next) => {
      told(event, ...all);
      const decide = () => next(event === refuse ? new Refusal(message) : undefined);
      if (gate?.event === event) this.interpreter.gate(gate.name).passed.then(decide);
      else decide();
    };
  }

  /** Carries steps out; nothing comes between two of them unless one waits. */
  async run(steps = []) {
    const results = [];
    for (const step of steps) {
      let result = this.step(step);
      if (typeof result?.then === "function") result = await result;
      results.push(this.told(result, step.at(-1)[0]));
    }
    return results;
  }

  step([base, ...calls]) {
    try {
      return calls.reduce((at, [method, ...args]) => {
        const filled = args.map((arg) => (arg === "$id" ? this.socket.id : arg));
        if (OWN[method]) return OWN[method](this, at, ...filled);
        return typeof at[method] === "function" ? at[method](...filled) : at[method];
      }, this[base]);
    } catch (error) {
      if (error instanceof Refusal) throw error;
      return { failed: true };
    }
  }

  // Operators, sockets and "it was sent" are no results.
  told(result, method) {
    const isPlain = Array.isArray(result) || Object.getPrototypeOf(Object(result)) === Object.prototype;
    const isSent = ["emit", "send", "write"].includes(method) && !result?.failed;
    return result === undefined || isSent || (typeof result === "object" && !isPlain) ? null : result;
  }
}

export class Interpreter {
  #gates = new Map();
  #logs = new Map();
  #roomEvents = new Map();

  gate(name) {
    if (!this.#gates.has(name)) this.#gates.set(name, new Gate());
    return this.#gates.get(name);
  }

  roomEvents(profile, namespace) {
    const key = `${profile} ${namespace}`;
    if (!this.#roomEvents.has(key)) this.#roomEvents.set(key, []);
    return this.#roomEvents.get(key);
  }

  log(profile, namespace) {
    const key = `${profile} ${namespace}`;
    if (!this.#logs.has(key)) this.#logs.set(key, []);
    return this.#logs.get(key);
  }

  declare(profile, io, name, { use = [], connect, disconnecting, disconnect }) {
    const nsp = io.of(name);
    const context = (socket) => new Context(this, [profile, name], io, nsp, socket);
    for (const steps of use) {
      nsp.use((socket, next) => context(socket).run(steps).then(() => next(), next));
    }
    nsp.on("connection", (socket) => {
      const here = context(socket);
      here.log({ what: "connect" });
      const left = (what, steps) => (reason) => {
        here.log({ what, reason, rooms: [...socket.rooms] });
        here.run(steps);
      };
      socket.on("disconnecting", left("disconnecting", disconnecting));
      socket.on("disconnect", left("disconnect", disconnect));
      socket.on("echo", (...all) => socket.emit("echo", ...split(all)[0]));
      socket.on("ack", (...all) => {
        const [args, ack] = split(all);
        ack?.(...args);
      });
      socket.on("do", async (...all) => {
        const [steps, ack] = split(all);
        const results = await here.run(steps);
        ack?.(...results);
      });
      here.run(connect);
    });
  }
}
