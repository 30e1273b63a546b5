// The clients in front of which every line of the cheat sheet is played.

import { assert, connect, fence, roomName } from "../support.mjs";

export const A = roomName("a");
export const B = roomName("b");
export const C = roomName("c");
export const EMPTY = roomName("empty");

// Who is in which rooms. The names say it: `ab` is in the rooms A and B. `sender` is in A. The last two are in
// "/custom": `customA` in that namespace's room A over its own connection, `customX` in no room and over the
// connection of `x`, so that two namespaces share a connection.
const MEMBERS = { sender: [A], a: [A], b: [B], ab: [A, B], abc: [A, B, C], c: [C], x: [] };

export class Audience {
  static async gather(urls, mode) {
    const audience = new Audience();
    audience.mode = mode;
    audience.urls = urls;
    audience.clients = {};
    let dealt = 0;
    for (const [name, rooms] of Object.entries(MEMBERS)) {
      const client = await connect({ url: urls[dealt % urls.length], mode });
      client.node = dealt++ % urls.length;
      for (const room of rooms) await client.ask("join", room);
      audience.clients[name] = client;
    }
    const customA = await connect({ url: urls[dealt % urls.length], mode, namespace: "/custom" });
    await customA.ask("join", A);
    audience.clients.customA = customA;
    audience.clients.customX = await audience.clients.x.sibling("/custom").connected();
    return audience;
  }

  get sender() {
    return this.clients.sender;
  }

  get everybody() {
    return Object.values(this.clients);
  }

  // The names of the clients of the main namespace, less some.
  mainBut(...names) {
    return Object.keys(MEMBERS).filter((name) => !names.includes(name));
  }

  // The names of those of `names` who are surely served by the thread that serves the sender.
  together(names) {
    return this.threads ? names.filter((name) => this.clients[name] === this.sender) : this.near(names);
  }

  // The names of those of `names` who are on the sender's node.
  near(names) {
    return names.filter((name) => this.clients[name].node === this.sender.node);
  }

  // Does `action`, sends a fence behind it, and gives what each client heard in between: {name: [[event, ...args]]}.
  async heardAfter(action, by = this.sender) {
    // A case that failed half-way may have left something behind.
    await fence(by, this.everybody);
    for (const client of this.everybody) client.take();
    await action();
    await fence(by, this.everybody);
    return Object.fromEntries(Object.entries(this.clients).map(([name, client]) => [name, client.take()]));
  }

  // The clients in `expected` ({name: [[event, ...args]]}) hear exactly that, in that order; all others hear nothing.
  async hears(expected, action, by = this.sender) {
    const silence = Object.fromEntries(Object.keys(this.clients).map((name) => [name, []]));
    assert.deepEqual(await this.heardAfter(action, by), { ...silence, ...expected });
  }

  // The clients `names` hear ("note", ...args) once; all others hear nothing.
  async noted(names, args, action, by = this.sender) {
    await this.hears(Object.fromEntries(names.map((name) => [name, [["note", ...args]]])), action, by);
  }
}
