// Acknowledgements in both directions, with and without a time limit, from one client and from many.

import { assert, test } from "../support.mjs";
import { A, EMPTY } from "./audience.mjs";

export const acknowledgements = async (audience) => {
  const { sender, clients } = audience;
  const answerWith = (answers) => {
    for (const [name, client] of Object.entries(clients)) client.answers = answers[name];
  };

  await test("a client's event is acknowledged with several arguments", async () => {
    assert.deepEqual(await sender.ask("ack-me", 1, "2", [3]), ["acked", 1, "2", [3]]);
  });

  await test("a client's event is acknowledged without arguments", async () => {
    assert.deepEqual(await sender.ask("echo"), []);
  });

  await test("a client's event is acknowledged with attachments", async () => {
    const value = { deep: [Buffer.from([1, 2]), "text", Buffer.from([3])] };
    assert.deepEqual(await sender.ask("ack-me", value), ["acked", value]);
  });

  await test("the client's emitWithAck works", async () => {
    assert.equal(await sender.socket.emitWithAck("echo", "answer"), "answer");
  });

  await test("an event without listener is not acknowledged, and the client's time limit says so", async () => {
    const error = await new Promise((resolve) => sender.socket.timeout(100).emit("no such event", resolve));
    assert.equal(error?.message, "operation has timed out");
    assert.deepEqual(await sender.ask("echo", "still here"), ["still here"]);
  });

  await test("200 pipelined events are acknowledged each with its own answer, in order", async () => {
    const order = [];
    await Promise.all(
      Array.from({ length: 200 }, async (_, n) => {
        const payload = n % 3 === 0 ? Buffer.from(String(n)) : n;
        assert.deepEqual(await sender.ask("echo", payload), [payload]);
        order.push(n);
      }),
    );
    assert.deepEqual(order, Array.from({ length: 200 }, (_, n) => n));
  });

  for (const [kind, value] of [["text", "do you think so?"], ["binary", { bytes: Buffer.from([1, 2, 3]) }]]) {
    await test(`socket.emit with an ack asks the sender alone and gets its whole answer [${kind}]`, async () => {
      answerWith({ sender: (...args) => ["yes", ...args] });
      await audience.hears({ sender: [["question", value]] }, async () => {
        assert.deepEqual(await sender.ask("emit-with-ack", value), ["yes", value]);
      });
    });
  }

  await test("an ack without arguments arrives", async () => {
    answerWith({ sender: () => [] });
    assert.deepEqual(await sender.ask("emit-with-ack", 1), []);
  });

  await test("socket.timeout().emitWithAck gets the first argument of an answer in time", async () => {
    answerWith({ sender: () => ["first", "second"] });
    assert.deepEqual(await sender.ask("emit-with-ack-timeout", 5000, 1), [{ timedOut: false, answer: "first" }]);
  });

  await test("socket.timeout().emitWithAck fails when nobody answers", async () => {
    answerWith({});
    assert.deepEqual(await sender.ask("emit-with-ack-timeout", 50, 1), [{ timedOut: true }]);
  });

  await test("an answer after the time limit is ignored", async () => {
    // The answer is sent only when the server has given up, which its own ack tells.
    let lateAck;
    sender.socket.off("question");
    sender.socket.on("question", (...args) => (lateAck = args.pop()));
    assert.deepEqual(await sender.ask("emit-with-ack-timeout", 50, 1), [{ timedOut: true }]);
    lateAck("late");
    sender.socket.off("question");
    sender.socket.on("question", (...args) => args.pop()("in time"));
    assert.deepEqual(await sender.ask("emit-with-ack", 2), ["in time"]);
    sender.socket.off("question");
    sender.socket.on("question", (...args) => {
      const ack = args.pop();
      if (sender.answers) ack(...sender.answers(...args));
    });
  });

  await test("many questions to one client at once get each its own answer", async () => {
    answerWith({ sender: (n) => [n * 2] });
    const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => sender.ask("emit-with-ack", n)));
    assert.deepEqual(answers, Array.from({ length: 50 }, (_, n) => [n * 2]));
  });

  await test("a broadcast with acks asks the room alone and collects every answer", async () => {
    answerWith(Object.fromEntries(Object.keys(clients).map((name) => [name, () => [name, "ignored"]])));
    const asked = [["question", "who?"]];
    await audience.hears({ sender: asked, a: asked, ab: asked, abc: asked }, async () => {
      const [{ timedOut, answers }] = await sender.ask("room-with-ack", A, 5000, "who?");
      assert.equal(timedOut, false);
      assert.deepEqual(answers.sort(), ["a", "ab", "abc", "sender"]);
    });
  });

  await test("a broadcast with acks collects binary answers", async () => {
    const bytes = Buffer.from([9, 8, 7]);
    answerWith({ sender: () => [bytes], a: () => [bytes], ab: () => [bytes], abc: () => [bytes] });
    const [{ timedOut, answers }] = await sender.ask("room-with-ack", A, 5000, bytes);
    assert.equal(timedOut, false);
    assert.deepEqual(answers, [bytes, bytes, bytes, bytes]);
  });

  await test("a broadcast with acks gives the answers that came when the time is up", async () => {
    answerWith({ a: () => ["a"], abc: () => ["abc"] });
    const [{ timedOut, answers }] = await sender.ask("room-with-ack", A, 500, "who?");
    assert.equal(timedOut, true);
    assert.deepEqual(answers.sort(), ["a", "abc"]);
  });

  await test("a broadcast with acks to nobody is complete at once", async () => {
    assert.deepEqual(await sender.ask("room-with-ack", EMPTY, 5000, "who?"), [{ timedOut: false, answers: [] }]);
  });

  answerWith({});
};
