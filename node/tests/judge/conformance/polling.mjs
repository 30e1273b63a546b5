// HTTP long-polling: payloads, headers, overlapping and abandoned requests, size limits and compression.

import zlib from "node:zlib";
import { assert, assertEngineError, assertPacket, SEPARATOR, sleep, within } from "./support.mjs";

const big = "x".repeat(3000);

/** Starts a POST whose headers and the beginning of whose body the server has taken. */
async function unfinishedPost(session, start, length) {
  const exchange = session.judge.exchange(session.address(), {
    method: "POST",
    manual: true,
    headers: { "Content-Length": length, Expect: "100-continue" },
  });
  exchange.request.flushHeaders();
  await within(new Promise((resolve) => exchange.request.on("continue", resolve)), "100 Continue");
  exchange.request.write(start);
  return exchange;
}

/** Asserts that an echo of 3000 letters comes back compressed as `expected`, or plain when undefined. */
const compresses = (acceptEncoding, expected, profile = "plain") => async (t) => {
  const session = await t.polling(profile);
  await session.join();
  await session.send(`42["echo","${big}"]`);
  const headers = acceptEncoding === undefined ? {} : { "Accept-Encoding": acceptEncoding };
  const response = await session.get({ headers });
  assert.equal(response.status, 200);
  assert.equal(response.headers["content-encoding"], expected);
  const decode = { gzip: zlib.gunzipSync, deflate: zlib.inflateSync }[expected] ?? ((bytes) => bytes);
  assertPacket(decode(response.bytes).toString(), "42", ["echo", big]);
  if (!expected) assert.equal(response.headers["content-length"], String(response.bytes.length));
};

/** The body of the next answer with anything but pings, which a busy machine takes long enough for; without them. */
async function withoutPings(session) {
  for (;;) {
    const { body } = await session.get();
    const packets = body.split(SEPARATOR).filter((packet) => packet !== "2");
    if (packets.length > 0) return packets.join(SEPARATOR);
  }
}

/** A malformed payload: the POST is still answered ok, and the session ends. */
const endsSession = (payload) => async (t) => {
  const session = await t.polled();
  const response = await session.post(payload);
  assert.equal(`${response.status} ${response.body}`, "200 ok");
  await session.assertGone();
};

/** A malformed payload while a GET is pending: the GET is answered with a close packet. */
const closesPendingGet = (payload) => (t) =>
  t.inOrder(async (settle) => {
    const session = await t.polled();
    const pending = session.get();
    await settle();
    await session.post(payload);
    const answer = await pending;
    if (answer.status === 400) return false;
    assert.equal(`${answer.status} ${answer.body}`, "200 1");
    await session.assertGone();
  });

export const cases = {
  "A GET is answered as text/plain in UTF-8, not stored, with its length in bytes": async (t) => {
    const session = await t.polled();
    await session.send('42["echo","é🎺"]');
    const { headers, bytes, body } = await session.get();
    assertPacket(body, "42", ["echo", "é🎺"]);
    assert.equal(headers["content-type"], "text/plain; charset=UTF-8");
    assert.equal(headers["cache-control"], "no-store");
    assert.equal(headers["content-length"], String(bytes.length));
  },
  "A POST is answered ok as text/html, not stored": async (t) => {
    const session = await t.polling();
    const { status, headers, body } = await session.post("40");
    assert.equal(`${status} ${body}`, "200 ok");
    assert.equal(headers["content-type"], "text/html");
    assert.equal(headers["content-length"], "2");
    assert.equal(headers["cache-control"], "no-store");
  },
  "A GET waits until there is something to send": async (t) => {
    const session = await t.polled();
    const pending = session.get();
    await sleep(100);
    await session.send('42["echo",1]');
    assertPacket((await pending).body, "42", ["echo", 1]);
  },
  "Packets that wait are sent together in one response": (t) =>
    t.inOrder(async (settle) => {
      const session = await t.polled();
      await session.send('42["echo",1]', '42["echo",2]', '427["ack",3]');
      await settle();
      const packets = await session.poll();
      if (packets.length < 3) return false;
      assert.deepEqual(packets, ['42["echo",1]', '42["echo",2]', '437[3]']);
    }),
  "Binary packets are base64 after the letter b, without a 4": (t) =>
    t.inOrder(async (settle) => {
      const session = await t.polled();
      const header = '452-["echo",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]';
      await session.send(header, Buffer.from([1, 2]), Buffer.from([3]), '42["echo",1]');
      await settle();
      const packets = await session.poll();
      if (packets.length < 4) return false;
      assertPacket(packets[0], "452-", JSON.parse(header.slice(4)));
      assert.deepEqual(packets.slice(1), ["bAQI=", "bAw==", '42["echo",1]']);
    }),
  "A header and its attachment may come in two POSTs": async (t) => {
    const session = await t.polled();
    await session.send('451-["echo",{"_placeholder":true,"num":0}]');
    await session.send(Buffer.from([255]));
    await session.expect("451-", ["echo", { _placeholder: true, num: 0 }]);
    assert.equal(await session.next(), "b/w==");
  },
  "The content type of a POST does not matter": async (t) => {
    const session = await t.polled();
    for (const type of [undefined, "text/plain", "application/x-www-form-urlencoded", "application/json"]) {
      const response = await session.post('42["echo",1]', { headers: type ? { "Content-Type": type } : {} });
      assert.equal(`${type} ${response.status} ${response.body}`, `${type} 200 ok`);
      await session.expect("42", ["echo", 1]);
    }
  },
  "A multi-byte letter may be split over two chunks of a POST": async (t) => {
    const session = await t.polled();
    const body = Buffer.from('42["echo","€"]');
    const { request, response } = await unfinishedPost(session, body.subarray(0, 12), body.length);
    await sleep(30);
    request.end(body.subarray(12));
    assert.equal((await response).body, "ok");
    await session.expect("42", ["echo", "€"]);
  },
  "A POST may be chunked": async (t) => {
    const session = await t.polled();
    const { request, response } = t.exchange(session.address(), { method: "POST", manual: true });
    request.write('42["ec');
    request.end('ho",1]');
    assert.equal((await response).body, "ok");
    await session.expect("42", ["echo", 1]);
  },
  "A noop from the client is ignored": async (t) => {
    const session = await t.polled();
    await session.send("6");
    await session.assertQuiet();
  },

  // Malformed payloads.

  "A trailing separator is an empty packet and ends the session, yet the POST is answered ok":
    endsSession(`42["echo",1]${SEPARATOR}`),
  "A leading separator ends the session": endsSession(`${SEPARATOR}42["echo",1]`),
  "Two separators in a row end the session": endsSession(`42["echo",1]${SEPARATOR}${SEPARATOR}42["echo",1]`),
  "An empty payload ends the session": endsSession(""),
  "An unknown packet type ends the session": endsSession("x"),
  "A packet type beyond 6 ends the session": endsSession('72["echo",1]'),
  "A multi-byte first letter ends the session": endsSession('é2["echo",1]'),
  "A payload of version 3 ends the session": endsSession('12:42["echo",1]'),
  "A pending GET is answered with a close packet when the payload is malformed": closesPendingGet("x"),
  "A ping from the client ends the session": endsSession("2"),
  "A pending GET is answered with a close packet when the client pings": closesPendingGet("2"),

  // Overlap and abandonment.

  "Of two GETs at once one gets a close packet, the other 400, and the session ends": async (t) => {
    const session = await t.polled();
    const answers = await Promise.all([session.get(), session.get()]);
    assert.deepEqual(answers.map(({ status, body }) => `${status} ${body}`).sort(), ["200 1", "400 "]);
    await session.assertGone();
  },
  "Of two POSTs at once the second gets 400, the first is cut off, and the session ends": async (t) => {
    const session = await t.polled();
    const first = await unfinishedPost(session, "4", 20);
    const second = await session.post('42["echo",1]');
    assert.equal(`${second.status} ${second.body}`, "400 ");
    await assert.rejects(first.response, /socket hang up|ECONNRESET/);
    await session.assertGone();
  },
  "A pending GET is answered with a close packet when POSTs overlap": (t) =>
    t.inOrder(async (settle) => {
      const session = await t.polled();
      const pending = session.get();
      await settle();
      await unfinishedPost(session, "4", 20);
      assert.equal((await session.post("3")).status, 400);
      const answer = await pending;
      if (answer.status === 400) return false;
      assert.equal(`${answer.status} ${answer.body}`, "200 1");
    }),
  "An aborted GET ends the session": (t) =>
    t.inOrder(async (settle) => {
      const session = await t.polled();
      const { request } = t.exchange(session.address());
      await settle();
      request.destroy();
      return session.endsWithin(5000);
    }),
  "An aborted POST ends the session": async (t) => {
    const session = await t.polled();
    const { request } = await unfinishedPost(session, "4", 20);
    request.destroy();
    // A POST would overlap until the server has noticed, so a GET asks.
    const answer = await session.get();
    if (answer.status === 200) assert.equal(answer.body, "1");
    await session.assertGone();
  },
  "A POST is answered before the acknowledgements of its packets": async (t) => {
    const session = await t.polled();
    let overtaken = 0;
    for (let i = 0; i < 100; i++) {
      const order = [];
      const got = withoutPings(session).then(async (body) => {
        // Of what has come by the same time Node reads this or that first: now all of it has been read.
        await new Promise(setImmediate);
        order.push(body);
      });
      const posted = session.post(`42${i}["ack"]`).then(({ body }) => order.push(body));
      await Promise.all([got, posted]);
      assert.deepEqual(order.toSorted(), [`43${i}[]`, "ok"]);
      if (order[0] !== "ok") overtaken += 1;
    }
    // Under load the kernel itself may be late with what was written first.
    assert.ok(overtaken <= 5, `${overtaken} of 100 answers came late`);
  },
  "A GET and a POST at once are no overlap": async (t) => {
    const session = await t.polled();
    for (let i = 0; i < 20; i++) {
      const [answer] = await Promise.all([session.get(), session.send(`42["echo",${i}]`)]);
      assertPacket(answer.body, "42", ["echo", i]);
    }
  },
  "A PUT, DELETE or OPTIONS is answered 500 without a body, and the session lives": async (t) => {
    const session = await t.polled();
    for (const method of ["PUT", "DELETE", "PATCH", "OPTIONS"]) {
      const response = await session.post(undefined, { method });
      assert.equal(`${method} ${response.status} ${response.body}`, `${method} 500 `);
    }
    await session.assertQuiet();
  },
  "A POST of application/octet-stream is answered 400 and ends the session": async (t) => {
    const session = await t.polled();
    const response = await session.post('42["echo",1]', { headers: { "Content-Type": "application/octet-stream" } });
    assert.equal(`${response.status} ${response.body}`, "400 ");
    await session.assertGone();
  },
  "A pending GET is answered with a close packet when a POST is application/octet-stream": (t) =>
    t.inOrder(async (settle) => {
      const session = await t.polled();
      const pending = session.get();
      await settle();
      await session.post("3", { headers: { "Content-Type": "application/octet-stream" } });
      const answer = await pending;
      if (answer.status === 400) return false;
      assert.equal(`${answer.status} ${answer.body}`, "200 1");
    }),
  "Sessions do not disturb each other": async (t) => {
    const [ended, living] = [await t.polled(), await t.polled()];
    await ended.post("x");
    await ended.assertGone();
    await living.assertQuiet();
  },

  // Limits.

  "A POST of exactly the payload limit is accepted": async (t) => {
    const session = await t.polled();
    const text = "x".repeat(10_000 - '42["echo",""]'.length);
    await session.send(`42["echo","${text}"]`);
    await session.expect("42", ["echo", text]);
  },
  "A POST beyond the payload limit is answered 413 without a body, and the session lives": async (t) => {
    const session = await t.polled();
    for (const size of [10_001, 100_000]) {
      const response = await session.post(`42["echo","${"x".repeat(size - 13)}"]`);
      assert.equal(`${response.status} ${response.body}`, "413 ");
    }
    await session.assertQuiet();
  },
  "The payload limit counts bytes, not letters": async (t) => {
    const session = await t.polled();
    assert.equal((await session.post(`42["echo","${"é".repeat(5000)}"]`)).status, 413);
    await session.assertQuiet();
  },
  "The payload limit holds for a chunked POST": async (t) => {
    const session = await t.polled();
    const { request, response } = t.exchange(session.address(), { method: "POST", manual: true });
    for (let i = 0; i < 11; i++) request.write("x".repeat(1000));
    request.end();
    assert.equal((await response).status, 413);
    await session.assertQuiet();
  },
  "The payload limit does not bound what the server sends": (t) =>
    t.inOrder(async (settle) => {
      const session = await t.polled();
      await session.send('42["flood",30,1000]');
      await settle();
      const packets = await session.poll();
      if (packets.length < 30) return false;
      assert.equal(packets.length, 30);
    }),
  "A session whose client does not poll is ended before it grows for ever (the official server lets it grow)": async (t) => {
    const session = await t.polled();
    await session.send('42["flood",400,10000]');
    if (t.official) {
      let count = 0;
      while (count < 400) count += (await session.poll()).length;
      assert.equal(count, 400);
    } else {
      // The outbound queue is bounded: the slow client is disconnected instead.
      assert.ok(await session.endsWithin(20_000), "the session still lives");
    }
  },

  // Compression.

  "A large response is gzipped when the client accepts it": compresses("gzip", "gzip"),
  "A large response is deflated, in the zlib format, when the client accepts only that": compresses("deflate", "deflate"),
  "gzip is preferred among the usual encodings of browsers": compresses("gzip, deflate, br, zstd", "gzip"),
  "The client's weights decide on the encoding": compresses("gzip;q=0.5, deflate;q=0.9", "deflate"),
  "An encoding with weight 0 is not used": compresses("gzip;q=0, deflate", "deflate"),
  "A star accepts gzip": compresses("*", "gzip"),
  "A response is not compressed without Accept-Encoding": compresses(undefined, undefined),
  "A response is not compressed when the client accepts other encodings only": compresses("br, zstd, identity", undefined),
  "A response is not compressed when httpCompression is off": compresses("gzip, deflate", undefined, "polling-only"),
  "A response below the threshold of 1024 bytes is not compressed": async (t) => {
    const session = await t.polled();
    const overhead = '42["echo",""]'.length;
    for (const [size, expected] of [[1023, undefined], [1024, "gzip"]]) {
      await session.send(`42["echo","${"x".repeat(size - overhead)}"]`);
      const response = await session.get({ headers: { "Accept-Encoding": "gzip" } });
      assert.equal(response.headers["content-encoding"], expected, `${size} bytes`);
    }
  },
  "The threshold can be chosen": async (t) => {
    const session = await t.polling("no-upgrades", { headers: { "Accept-Encoding": "gzip" } });
    assert.equal(session.opening.headers["content-encoding"], undefined);
    await session.join();
    await session.send(`42["echo","${"x".repeat(300)}"]`);
    const response = await session.get({ headers: { "Accept-Encoding": "gzip" } });
    assert.equal(response.headers["content-encoding"], "gzip");
  },
  "A response whose packets all have the compress flag off is not compressed": async (t) => {
    const session = await t.polled();
    await session.send(`42["quiet","${big}"]`);
    const response = await session.get({ headers: { "Accept-Encoding": "gzip" } });
    assert.equal(response.headers["content-encoding"], undefined);
    assertPacket(response.body, "42", ["echo", big]);
  },
  "A response is compressed as soon as one of its packets has the compress flag": (t) =>
    t.inOrder(async (settle) => {
      const session = await t.polled();
      await session.send(`42["quiet","${big}"]`, '42["echo",1]');
      await settle();
      const response = await session.get({ headers: { "Accept-Encoding": "gzip" } });
      if (response.headers["content-encoding"] === undefined && !response.body.includes(SEPARATOR)) return false;
      assert.equal(response.headers["content-encoding"], "gzip");
      assert.equal(zlib.gunzipSync(response.bytes).toString().split(SEPARATOR).length, 2);
    }),
  "A refusal is never compressed": async (t) => {
    assertEngineError(await t.http("no-upgrades", {}, { headers: { "Accept-Encoding": "gzip" } }), 0);
  },

  // Volatile packets.

  "A volatile packet is dropped when no GET is pending": (t) =>
    t.inOrder(async (settle) => {
      const session = await t.polled();
      await session.send('42["volatile",10]');
      await settle();
      const packets = await session.poll();
      if (packets[0] === '42["echo",0]') return false;
      assert.deepEqual(packets, ['42["done"]']);
    }),
  "Of volatile packets in a row the pending GET gets exactly one": (t) =>
    t.inOrder(async (settle) => {
      const session = await t.polled();
      const pending = session.get();
      await settle();
      await session.send('42["volatile",10]');
      const first = (await pending).body;
      if (first === '42["done"]') return false;
      // Ours may have the packet that follows in the same answer.
      if (t.pick({ official: false, fanfare: first !== '42["echo",0]' })) {
        assert.equal(first, '42["echo",0]\x1e42["done"]');
        return;
      }
      assert.equal(first, '42["echo",0]');
      assert.deepEqual(await session.poll(), ['42["done"]']);
    }),
};
