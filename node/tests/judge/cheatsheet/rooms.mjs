// Joining and leaving, what a socket keeps, and the commands to many sockets at once.

import { assert, connect, fence, roomName, test } from "../support.mjs";
import { A, B } from "./audience.mjs";

export const rooms = async (audience) => {
  const { sender, clients, mode, urls } = audience;
  const { x, b } = clients;
  const room = roomName("d");
  const other = roomName("e");
  const sorted = async (client) => (await client.ask("rooms"))[0].sort();
  const last = urls[urls.length - 1];

  await test("a socket is in the room of its own id from the start", async () => {
    assert.deepEqual(await sorted(x), [x.id]);
    assert.deepEqual(await sorted(sender), [sender.id, A].sort());
  });

  await test("who joins receives, and who leaves receives no more", async () => {
    await x.ask("join", room);
    assert.deepEqual(await sorted(x), [x.id, room].sort());
    await audience.noted(["x"], ["in"], () => sender.ask("in-room", room, "in"));
    await x.ask("leave", room);
    assert.deepEqual(await sorted(x), [x.id]);
    await audience.noted([], ["out"], () => sender.ask("in-room", room, "out"));
  });

  await test("joining twice is joining once", async () => {
    await x.ask("join", room);
    await x.ask("join", room);
    await audience.noted(["x"], ["once"], () => sender.ask("in-room", room, "once"));
    await x.ask("leave", room);
    await audience.noted([], ["out"], () => sender.ask("in-room", room, "out"));
  });

  await test("leaving a room that one is not in does nothing", async () => {
    await x.ask("leave", roomName("never"));
    assert.deepEqual(await sorted(x), [x.id]);
  });

  await test("several rooms can be joined at once", async () => {
    await x.ask("join-rooms", [room, other]);
    assert.deepEqual(await sorted(x), [x.id, room, other].sort());
    await audience.noted(["x"], ["both"], () => sender.ask("in-rooms", [room, other], "both"));
    await x.ask("leave", room);
    await x.ask("leave", other);
  });

  await test("pipelined joins, emits and leaves take effect in the order in which they were sent", () =>
    audience.hears({ sender: [["note", 1], ["note", 3]] }, () =>
      Promise.all([
        sender.ask("in-room", room, 0),
        sender.ask("join", room),
        sender.ask("in-room", room, 1),
        sender.ask("leave", room),
        sender.ask("in-room", room, 2),
        sender.ask("join", room),
        sender.ask("in-room", room, 3),
        sender.ask("leave", room),
      ]),
    ));

  for (const name of ["with spaces", "a.b.*.>", "..", "ünïcödé ✓", "/slash#hash?x=1", "", "r".repeat(1000)]) {
    await test(`a room may be named ${JSON.stringify(name.slice(0, 20))}`, async () => {
      await x.ask("join", name);
      await audience.noted(["x"], ["named"], () => sender.ask("in-room", name, "named"));
      await x.ask("leave", name);
      await audience.noted([], ["left"], () => sender.ask("in-room", name, "left"));
    });
  }

  await test("who joins a room named after another's id hears what is meant for that id", async () => {
    await x.ask("join", b.id);
    await audience.noted(["b", "x"], ["overheard"], () => sender.ask("to-id", b.id, "overheard"));
    await audience.noted([], ["sender spared"], () => b.ask("to-room", roomName("nobody"), "sender spared"));
    // `b` excludes the room of its own id, and thereby `x` as well.
    await audience.noted(audience.mainBut("b", "x"), ["others"], () => b.ask("to-others", "others"), b);
    await x.ask("leave", b.id);
  });

  await test("a socket keeps its data, per namespace", async () => {
    const { customX } = clients;
    assert.deepEqual(await x.ask("data-get"), [null]);
    await x.ask("data-set", { name: "x", list: [1] });
    assert.deepEqual(await x.ask("data-get"), [{ name: "x", list: [1] }]);
    assert.deepEqual(await customX.ask("data-get"), [null]);
  });

  await test("fetchSockets gives the id, rooms and data of every member", async () => {
    await x.ask("data-set", "kept");
    await x.ask("join", room);
    await b.ask("join", room);
    const [found] = await sender.ask("fetch-sockets", room);
    const byId = Object.fromEntries(found.map((socket) => [socket.id, { rooms: socket.rooms.sort(), data: socket.data }]));
    assert.deepEqual(byId, {
      [x.id]: { rooms: [x.id, room].sort(), data: "kept" },
      [b.id]: { rooms: [b.id, B, room].sort(), data: null },
    });
    await x.ask("leave", room);
    await b.ask("leave", room);
    assert.deepEqual(await sender.ask("fetch-sockets", room), [[]]);
  });

  await test("socketsJoin and socketsLeave move all members of a room, and them alone", async () => {
    await x.ask("join", room);
    await b.ask("join", room);
    await sender.ask("sockets-join", room, other);
    await fence(sender, audience.everybody);
    await audience.noted(["b", "x"], ["joined"], () => sender.ask("in-room", other, "joined"));
    await sender.ask("sockets-leave", room, other);
    await fence(sender, audience.everybody);
    await audience.noted([], ["left"], () => sender.ask("in-room", other, "left"));
    await x.ask("leave", room);
    await b.ask("leave", room);
  });

  await test("disconnectSockets ends all members of a room in this namespace, and nobody else", async () => {
    const first = await connect({ url: last, mode });
    const second = await connect({ url: urls[0], mode });
    const custom = await second.sibling("/custom").connected();
    for (const client of [first, second, custom]) await client.ask("join", room);
    await sender.ask("disconnect-sockets", room, false);
    assert.equal(await first.ended(), "io server disconnect");
    assert.equal(await second.ended(), "io server disconnect");
    assert.deepEqual(await custom.ask("echo", "alive"), ["alive"]);
    assert.deepEqual(await sender.ask("fetch-sockets", room), [[]]);
    await audience.noted(audience.mainBut(), ["rest"], () => sender.ask("everybody", "rest"));
    first.close();
    custom.close();
  });

  await test("disconnectSockets(true) ends the whole connection of every member", async () => {
    const first = await connect({ url: last, mode });
    const custom = await first.sibling("/custom").connected();
    await first.ask("join", room);
    await sender.ask("disconnect-sockets", room, true);
    assert.equal(await first.ended(), "io server disconnect");
    assert.equal(await custom.ended(), "io server disconnect");
  });

  await test("a room is gone when its last member is disconnected", async () => {
    const guest = await connect({ url: last, mode });
    const { id } = guest;
    await guest.ask("join", room);
    await sender.ask("watch");
    guest.socket.disconnect();
    await sender.heard(([event, left]) => event === "left" && left.id === id && left.phase === "disconnect");
    assert.deepEqual(await sender.ask("fetch-sockets", room), [[]]);
    await audience.noted([], ["gone"], () => sender.ask("in-room", room, "gone"));
    await sender.ask("leave", "watchers");
  });
};
