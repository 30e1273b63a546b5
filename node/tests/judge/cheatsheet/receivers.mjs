// Who receives: each line once with text and once with nested attachments.

import { test } from "../support.mjs";
import { A, B, C, EMPTY } from "./audience.mjs";

const PAYLOADS = {
  text: ["hello", 1, "2", { 3: ["4"] }],
  binary: ["hello", { deep: [{ bytes: Buffer.from([1, 2, 3]) }] }, Buffer.from("tail")],
};

export const receivers = async (audience) => {
  const { sender, clients, mainBut } = audience;
  const all = audience.mainBut();

  // [what it shows, the receivers, the event and its first arguments, who sends (the sender unless named)]
  const lines = [
    ["socket.emit reaches the sender alone", ["sender"], ["to-sender"]],
    ["socket.broadcast reaches all but the sender", audience.mainBut("sender"), ["to-others"]],
    ["socket.to(room) reaches the room but the sender", ["a", "ab", "abc"], ["to-room", A]],
    ["socket.to(room) of another room reaches that room", ["b", "ab", "abc"], ["to-room", B]],
    ["socket.to(room without members) reaches nobody", [], ["to-room", EMPTY]],
    ["socket.to(socket.id) reaches nobody", [], ["to-room", sender.id]],
    ["socket.to(id of another) reaches that one", ["x"], ["to-room", clients.x.id]],
    ["socket.to([a, b]) reaches the union once, but the sender", ["a", "b", "ab", "abc"], ["to-rooms", [A, B]]],
    ["socket.to(a).to(b) reaches the union once, but the sender", ["a", "b", "ab", "abc"], ["to-rooms-chained", [A, B]]],
    ["socket.to([a, b]).except(c) spares c", ["a", "b", "ab"], ["to-rooms-except", [A, B], [C]]],
    ["socket.broadcast.except(c) spares c and the sender", ["a", "b", "ab", "x"], ["to-others-except", [C]]],
    ["io.in(room) reaches the room with the sender", ["sender", "a", "ab", "abc"], ["in-room", A]],
    ["io.in(room without members) reaches nobody", [], ["in-room", EMPTY]],
    ["io.in([a, b]) reaches the union once, with the sender", ["sender", "a", "b", "ab", "abc"], ["in-rooms", [A, B]]],
    ["io.in([a, a]) reaches each once", ["sender", "a", "ab", "abc"], ["in-rooms", [A, A]]],
    ["io.in([]) reaches the whole namespace", all, ["in-rooms", []]],
    ["io.to([a, b]).except(c) spares c", ["sender", "a", "b", "ab"], ["in-rooms-except", [A, B], [C]]],
    ["io.to(a).except(a) reaches nobody", [], ["in-rooms-except", [A], [A]]],
    ["io.to(a).except(socket id) spares that one", ["sender", "ab", "abc"], ["in-rooms-except", [A], [clients.a.id]]],
    ["io.except(c) spares c", ["sender", "a", "b", "ab", "x"], ["except", [C]]],
    ["io.except([a, c]) spares both", ["b", "x"], ["except", [A, C]]],
    ["io.emit reaches the whole namespace and no other", all, ["everybody"]],
    ["io.local reaches the clients of this node", audience.near(all), ["local"]],
    ["socket.local.to(room) reaches the room on this node", audience.near(["a", "ab", "abc"]), ["local-to-room", A]],
    ["io.to(socket id) is a private message", ["b"], ["to-id", clients.b.id]],
    ["io.to(own socket id) reaches the sender", ["sender"], ["to-id", sender.id]],
    ["io.to(unknown id) reaches nobody", [], ["to-id", "aaaaaaaaaaaaaaaaaaaa"]],
    ["io.to(id of another namespace) reaches nobody", [], ["to-id", clients.customA.id]],
    ["io.of(namespace) reaches that namespace alone", ["customA", "customX"], ["nsp-all", "/custom"]],
    ["io.of(namespace).to(room) reaches that namespace's room alone", ["customA"], ["nsp-room", "/custom", A]],
    ["io.of('/') from another namespace reaches the main one", all, ["nsp-all", "/"], "customA"],
    ["io.emit in another namespace stays there", ["customA", "customX"], ["everybody"], "customX"],
    ["socket.broadcast in another namespace stays there", ["customA"], ["to-others"], "customX"],
    ["io.in(room) in another namespace means its own room", ["customA"], ["in-room", A], "customX"],
    ["socket.compress(false) reaches the sender", ["sender"], ["compress-false"]],
    ["io.compress(false).to(room) reaches the room", ["sender", "a", "ab", "abc"], ["compress-false-room", A]],
  ];

  for (const [what, names, call, by = "sender"] of lines) {
    for (const [kind, payload] of Object.entries(PAYLOADS)) {
      await test(`${what} [${kind}]`, () =>
        audience.noted(names, payload, () => clients[by].ask(...call, ...payload), clients[by]));
    }
  }

  await test("socket.send is an event named message", () =>
    audience.hears({ sender: [["message", "hi", 2]] }, () => sender.ask("message", "hi", 2)));

  await test("the client's send is an event named message", () =>
    audience.hears({ sender: [["message", "hi"]] }, () => sender.socket.send("hi")));

  await test("a message large enough to be compressed arrives whole", async () => {
    const large = ["lorem ipsum ".repeat(1000)];
    await audience.noted(["sender"], large, () => sender.ask("to-sender", ...large));
    await audience.noted(["sender"], large, () => sender.ask("compress-false", ...large));
  });

  await test("an operator that is kept and refined is never changed by the refinement", () =>
    audience.hears(
      {
        sender: [["note", 1], ["note", 2], ["note", 3], ["note", 4]],
        a: [["note", 1], ["note", 2], ["note", 3], ["note", 4]],
        b: [["note", 2]],
        ab: [["note", 1], ["note", 2], ["note", 4]],
        abc: [["note", 1], ["note", 2], ["note", 4]],
      },
      () => sender.ask("kept-operator", A, B),
    ));

  await test("emits of different kinds reach a socket in the order in which they were made", async () => {
    const bytes = Buffer.alloc(2000, 7);
    await audience.hears(
      {
        a: [["note", 0], ["note", 1, bytes], ["note", 2], ["note", 3, bytes], ["note", 4]],
        b: [["note", 1, bytes], ["note", 3, bytes]],
        ab: [["note", 0], ["note", 1, bytes], ["note", 3, bytes]],
        abc: [["note", 0], ["note", 1, bytes], ["note", 3, bytes]],
        c: [["note", 1, bytes], ["note", 3, bytes]],
        x: [["note", 1, bytes], ["note", 3, bytes]],
        sender: [["note", 3, bytes]],
      },
      () =>
        Promise.all([
          sender.ask("to-room", A, 0),
          sender.ask("to-others", 1, bytes),
          sender.ask("to-id", clients.a.id, 2),
          sender.ask("everybody", 3, bytes),
          sender.ask("to-room", clients.a.id, 4),
        ]),
    );
  });

  for (const name of ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"]) {
    await test(`the server refuses to emit the reserved event ${name}`, () =>
      audience.hears({}, async () => {
        const [accepted] = await sender.ask("emit-named", name, 1);
        if (accepted) throw new Error("it was accepted");
      }));
  }

  for (const name of ["error", "", "note/with,punctuation-1[", "Ünïcödé ✓", "with \"quotes\" and \\", "123"]) {
    await test(`an event may be named ${JSON.stringify(name)}`, () =>
      audience.hears({ sender: [[name, 1]] }, () => sender.ask("emit-named", name, 1)));
  }
};
