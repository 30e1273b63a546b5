// Listeners of the client: for one event, for all, for what goes out, and in which order they hear.

import { assert } from "../support.mjs";

export const listeners = (test) => {
  // A connected client, and a story that its listeners write.
  const scene = async (stage) => {
    const client = await stage.connect();
    await client.heard(([event]) => event === "welcome");
    const { socket } = client;
    socket.offAny();
    const story = [];
    const note = (who) => (...args) => story.push([who, ...args.filter((arg) => typeof arg !== "function")].join(" "));
    return { client, socket, story, note };
  };

  test("listeners for any event hear before the event's own, in the order of declaration", async (stage) => {
    const { client, socket, story, note } = await scene(stage);
    socket.on("note", note("own"));
    socket.onAny(note("any"));
    socket.prependAny(note("first"));
    await client.ask("to-sender", 1);
    assert.deepEqual(story, ["first note 1", "any note 1", "own 1"]);
    assert.equal(socket.listenersAny().length, 2);
  });

  test("listeners for any event hear questions with the ack, and no acks or ends", async (stage) => {
    const { client, socket, story } = await scene(stage);
    socket.onAny((event, ...args) => story.push([event, typeof args.at(-1)]));
    client.answers = () => ["answer"];
    assert.deepEqual(await client.ask("emit-with-ack", 1), ["answer"]);
    socket.disconnect();
    assert.deepEqual(story, [["question", "function"]]);
  });

  test("offAny removes one listener or all", async (stage) => {
    const { client, socket, story, note } = await scene(stage);
    const [first, second] = [note("first"), note("second")];
    socket.onAny(first).onAny(second);
    socket.offAny(first);
    await client.ask("to-sender", 1);
    socket.offAny();
    await client.ask("to-sender", 2);
    assert.deepEqual(story, ["second note 1"]);
  });

  test("listeners for what goes out hear emits when they go out, and no acks", async (stage) => {
    const client = stage.start({ autoConnect: false });
    const { socket } = client;
    const story = [];
    const hear = (who) => (event, ...args) => story.push([who, event, args.length]);
    socket.onAnyOutgoing(hear("later"));
    socket.prependAnyOutgoing(hear("sooner"));
    socket.emit("to-sender", 1, 2);
    assert.deepEqual(story, [], "it waits");
    client.answers = () => ["no emit"];
    socket.connect();
    await client.connected();
    assert.deepEqual(story, [["sooner", "to-sender", 2], ["later", "to-sender", 2]]);
    socket.offAnyOutgoing();
    assert.deepEqual(await client.ask("emit-with-ack"), ["no emit"]);
    assert.equal(story.length, 2);
  });

  test("offAnyOutgoing removes one listener or all", async (stage) => {
    const { client, socket, story, note } = await scene(stage);
    const [first, second] = [note("first"), note("second")];
    socket.onAnyOutgoing(first).onAnyOutgoing(second).offAnyOutgoing(first);
    await client.ask("echo", 1);
    assert.deepEqual(socket.listenersAnyOutgoing(), [second]);
    socket.offAnyOutgoing();
    await client.ask("echo", 2);
    assert.deepEqual(story, ["second echo 1"]);
  });

  test("the server hears every event by its own onAny, in order and with its arguments", async (stage) => {
    const client = await stage.connect();
    await client.ask("listen-any");
    client.socket.emit("nobody listens", 1, Buffer.from("2"));
    client.socket.emit("to-sender", "somebody does");
    client.socket.emit("", null);
    client.socket.volatile.emit("never sent");
    const [heard] = await client.ask("heard-any");
    assert.deepEqual(heard, [["nobody listens", 1, Buffer.from("2")], ["to-sender", "somebody does"], ["", null]]);
  });

  test("once hears once, off not at all, and a listener may remove itself", async (stage) => {
    const { client, socket, story, note } = await scene(stage);
    const own = note("on");
    socket.once("note", note("once"));
    socket.on("note", own);
    socket.on("note", function itself() {
      socket.off("note", itself);
      story.push("itself");
    });
    await client.ask("to-sender", 1);
    socket.off("note", own);
    await client.ask("to-sender", 2);
    assert.deepEqual(story, ["once 1", "on 1", "itself"]);
    assert.equal(socket.hasListeners("note"), false);
  });

  test("an exception in a listener does not end the connection", async (stage) => {
    const { client, socket, story, note } = await scene(stage);
    const thrown = new Promise((resolve) => process.once("uncaughtException", resolve));
    socket.once("note", () => {
      throw new Error("thrown on purpose");
    });
    socket.emit("to-sender", 1);
    assert.equal((await thrown).message, "thrown on purpose");
    socket.on("note", note("later"));
    await client.ask("to-sender", 2);
    assert.deepEqual(story, ["later 2"]);
  });
};
