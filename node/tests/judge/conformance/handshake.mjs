// Opening a session: the open packet, the path, the refusals and their order, cookies, CORS, and which transports
// and upgrades a server offers.

import { connect } from "node:net";
import { assert, assertEngineError, ENGINE_ERRORS, PollingSession, sleep, within } from "./support.mjs";

const polling = { transport: "polling" };

/** A row of refusals: the request, and the code and message of its answer. */
const refuses = (query, options, code, message) => async (t) => {
  assertEngineError(await t.http("plain", query, options), code, message);
};

/** An upgrade request that is refused before the 101: the official server answers in text, ours in JSON. */
const refusesUpgrade = (query, options, code, message = ENGINE_ERRORS[code].message) => async (t) => {
  assertUpgradeRefused(t, await t.upgradeRequest("plain", query, options), code, message);
};

export function assertUpgradeRefused(t, answer, code, message = ENGINE_ERRORS[code].message) {
  assert.equal(answer.status, 400);
  assert.equal(answer.body, t.pick({ official: message, fanfare: JSON.stringify({ code, message }) }));
  if (t.official) {
    assert.equal(answer.headers["content-type"], "text/html");
    assert.equal(answer.headers.connection, "close");
  } else {
    assert.match(answer.headers["content-type"], /^application\/json\b/);
  }
}

/** Writes the lines of a request as they are, with the path of a polling handshake for {}: all that is answered. */
async function rawRequest(t, ...lines) {
  const { hostname, port, pathname, search } = t.address("plain", polling);
  const text = [...lines, "Connection: close", "", ""].join("\r\n").replace("{}", pathname + search);
  const socket = connect(port, hostname, () => socket.write(text));
  t.cleanup(() => socket.destroy());
  let answer = "";
  await within(new Promise((resolve, reject) => {
    socket.on("data", (chunk) => (answer += chunk)).on("close", resolve).on("error", reject);
  }), "the end of the answer");
  return answer;
}

export const cases = {
  "A polling handshake answers with exactly one open packet": async (t) => {
    const response = await t.http("plain", polling);
    assert.equal(response.status, 200);
    assert.equal(response.body[0], "0");
    const open = JSON.parse(response.body.slice(1));
    assert.deepEqual(Object.keys(open), ["sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"]);
    assert.match(open.sid, /^[\w-]{16,}$/);
    assert.deepEqual({ ...open, sid: "" }, {
      sid: "",
      upgrades: ["websocket"],
      pingInterval: 25000,
      pingTimeout: 20000,
      maxPayload: 10000,
    });
  },

  "A WebSocket handshake answers with an open packet that offers no upgrade": async (t) => {
    const { handshake } = await t.websocket("plain");
    assert.match(handshake.sid, /^[\w-]{16,}$/);
    assert.deepEqual({ ...handshake, sid: "" }, {
      sid: "",
      upgrades: [],
      pingInterval: 25000,
      pingTimeout: 20000,
      maxPayload: 10000,
    });
  },

  "The open packet tells the configured timings and the default payload limit": async (t) => {
    const { handshake } = await t.polling("heartbeat");
    assert.equal(handshake.pingInterval, 500);
    assert.equal(handshake.pingTimeout, 2400);
    assert.equal(handshake.maxPayload, 1_000_000);
  },

  "Every session has an id of its own": async (t) => {
    const sessions = await Promise.all([t.polling(), t.polling(), t.websocket(), t.websocket()]);
    assert.equal(new Set(sessions.map(({ sid }) => sid)).size, 4);
  },

  "A new session is sent nothing but the open packet until it joins a namespace": async (t) => {
    const wire = await t.websocket();
    wire.send("40");
    await wire.next().then((packet) => assert.match(packet, /^40\{"sid":/));
    const session = await t.polling();
    await session.send("40");
    assert.match((await session.poll()).join(" "), /^40\{"sid":"[^ ]*"\}$/);
  },

  "Unknown query parameters and the cache-busting t are ignored": async (t) => {
    await t.polling("plain", { query: { t: "P4x.9z", foo: "b&r=1", "": "1" } });
  },

  // The path.

  "The path is matched as a prefix": async (t) => {
    const response = await t.http("plain", polling, { path: "/socket.io/foo/bar" });
    assert.equal(response.status, 200);
    const session = new PollingSession(t, "plain", {}, response);
    session.address = () => t.address("plain", session.query, "/socket.io/elsewhere");
    await session.join();
  },
  "A WebSocket is accepted below the path as well": async (t) => {
    const answer = await t.upgradeRequest("plain", {}, { path: "/socket.io/foo" });
    assert.equal(answer.status, 101);
  },
  "The path without its trailing slash is not the engine's": async (t) => {
    const response = await t.http("plain", polling, { path: "/socket.io" });
    assert.equal(`${response.status} ${response.body}`, "404 not found");
  },
  "Other paths are not the engine's": async (t) => {
    for (const path of ["/", "/Socket.IO/", "/socket.iox/", "/engine.io/", "/x/socket.io/"]) {
      const response = await t.http("plain", polling, { path });
      assert.equal(`${path} ${response.status} ${response.body}`, `${path} 404 not found`);
    }
  },
  "The trailing slash of the path option makes no difference": async (t) => {
    await t.polling("no-upgrades");
    assert.equal((await t.http("no-upgrades", polling, { path: "/socket.io/" })).status, 404);
  },

  // Refusals, with their exact bodies.

  "A missing transport is refused with code 0": refuses({}, {}, 0),
  "An unknown transport is refused with code 0": refuses({ transport: "carrier-pigeon" }, {}, 0),
  "An empty transport is refused with code 0": refuses({ transport: "" }, {}, 0),
  "A transport named like an object property is refused with code 0": refuses({ transport: "constructor" }, {}, 0),
  "WebTransport is refused with code 0": refuses({ transport: "webtransport" }, {}, 0),
  "An unknown sid is refused with code 1": refuses({ ...polling, sid: "AAAAAAAAAAAAAAAAAAAA" }, {}, 1),
  "An unknown sid on a POST is refused with code 1": refuses({ ...polling, sid: "x" }, { method: "POST", body: "40" }, 1),
  "A malformed sid is refused with code 1 and never opens a session": async (t) => {
    const sids = ["0", "__proto__", "constructor", "../..", " ", "\0", "🎺", "é".repeat(20), "%00", "null", "A".repeat(5000)];
    for (const sid of sids) assertEngineError(await t.http("plain", { ...polling, sid }), 1);
  },
  "A handshake by POST is refused with code 2": refuses(polling, { method: "POST", body: "40" }, 2),
  "A handshake by PUT, DELETE or OPTIONS is refused with code 2": async (t) => {
    for (const method of ["PUT", "DELETE", "OPTIONS"]) {
      assertEngineError(await t.http("plain", polling, { method }), 2);
    }
  },
  "A plain GET with transport=websocket is refused with code 3": refuses({ transport: "websocket" }, {}, 3),
  "A plain GET with transport=websocket for a polling session is refused with code 3": async (t) => {
    const { sid } = await t.polling();
    assertEngineError(await t.http("plain", { transport: "websocket", sid }), 3);
  },
  "A GET or POST for a WebSocket session is refused with code 3": async (t) => {
    const wire = await t.joined();
    assertEngineError(await t.http("plain", { ...polling, sid: wire.sid }), 3);
    assertEngineError(await t.http("plain", { ...polling, sid: wire.sid }, { method: "POST", body: "3" }), 3);
    await wire.assertQuiet();
  },
  "Another EIO for an existing session is refused with code 3, and the session lives": async (t) => {
    const session = await t.polled();
    for (const EIO of [3, 5, null]) {
      assertEngineError(await t.http("plain", { ...polling, EIO, sid: session.sid }), 3);
    }
    await session.assertQuiet();
  },
  "A refusal by allowRequest is answered 403 with code 4":
    refuses(polling, { headers: { "x-refuse": "1" } }, 4),
  "A refusal by allowRequest carries its message":
    refuses(polling, { headers: { "x-refuse": "why" } }, 4, "because"),
  "allowRequest is not asked for the requests of a session": async (t) => {
    const session = await t.polling();
    await session.send("40");
    const response = await session.get({ headers: { "x-refuse": "1" } });
    assert.equal(response.status, 200);
    const posted = await session.post("3", { headers: { "x-refuse": "1" } });
    assert.equal(posted.status, 200);
  },
  "EIO=3 is refused with code 5": refuses({ ...polling, EIO: 3 }, {}, 5),
  "A missing EIO is refused with code 5": refuses({ ...polling, EIO: null }, {}, 5),
  "An EIO that is not exactly 4 is refused with code 5": async (t) => {
    for (const EIO of ["", "5", "04", "4.0", "four"]) {
      assertEngineError(await t.http("plain", { ...polling, EIO }), 5);
    }
  },

  "An Origin with a control character is refused with 400": async (t) => {
    // The HTTP parser answers, not the engine, so there is no code.
    assert.match(await rawRequest(t, "GET {} HTTP/1.1", "Host: x", "Origin: https://a\x7f"), /^HTTP\/1\.1 400 /);
  },

  "A request of HTTP/1.1 without a Host is refused with 400": async (t) => {
    assert.match(await rawRequest(t, "GET {} HTTP/1.1"), /^HTTP\/1\.1 400 /);
    assert.match(await rawRequest(t, "GET {} HTTP/1.0"), /^HTTP\/1\.\d 200 /);
  },
  "Two Hosts, or one that is none, are refused with 400 (the official server takes the first)": async (t) => {
    for (const hosts of [["Host: a", "Host: b"], ["Host: a b"], ["Host: http://a"], ["Host: user@a"]]) {
      const answer = await rawRequest(t, "GET {} HTTP/1.1", ...hosts);
      assert.match(answer, t.pick({ official: /^HTTP\/1\.1 200 /, fanfare: /^HTTP\/1\.1 400 / }), hosts.join());
    }
  },

  // The order of the checks.

  "The transport is checked before the sid": refuses({ transport: "x", sid: "x" }, {}, 0),
  "The transport is checked before the method": refuses({ transport: "x" }, { method: "POST" }, 0),
  "The transport is checked before allowRequest": refuses({ transport: "x" }, { headers: { "x-refuse": "1" } }, 0),
  "The transport is checked before EIO": refuses({ transport: "x", EIO: 3 }, {}, 0),
  "The sid is checked before EIO": refuses({ ...polling, EIO: 3, sid: "x" }, {}, 1),
  "The method is checked before transport=websocket needs an upgrade":
    refuses({ transport: "websocket" }, { method: "POST" }, 2),
  "The method is checked before allowRequest": refuses(polling, { method: "POST", headers: { "x-refuse": "1" } }, 2),
  "The method is checked before EIO": refuses({ ...polling, EIO: 3 }, { method: "POST" }, 2),
  "The need of an upgrade is checked before allowRequest":
    refuses({ transport: "websocket" }, { headers: { "x-refuse": "1" } }, 3),
  "allowRequest is asked before EIO is checked":
    refuses({ ...polling, EIO: 3 }, { headers: { "x-refuse": "1" } }, 4),
  "A transport mismatch is found before the method": async (t) => {
    const wire = await t.joined();
    assertEngineError(await t.http("plain", { ...polling, sid: wire.sid }, { method: "PUT" }), 3);
  },

  // Refused upgrade requests.

  "An upgrade request with an unknown transport is refused before the 101": refusesUpgrade({ transport: "x" }, {}, 0),
  "An upgrade request with an unknown sid is refused before the 101": refusesUpgrade({ sid: "x" }, {}, 1),
  "An upgrade request with a malformed sid is refused before the 101": async (t) => {
    for (const sid of ["__proto__", "\0", "🎺", "A".repeat(5000)]) {
      assertUpgradeRefused(t, await t.upgradeRequest("plain", { sid }), 1);
    }
  },
  "An upgrade request by POST is refused before the 101": refusesUpgrade({}, { method: "POST" }, 2),
  "An upgrade request with another EIO for a session is refused, and the session lives": async (t) => {
    const session = await t.polled();
    assertUpgradeRefused(t, await t.upgradeRequest("plain", { sid: session.sid, EIO: 3 }), 3);
    await session.assertQuiet();
  },
  "An upgrade request refused by allowRequest gets its message": async (t) => {
    for (const [refusal, message] of [["1", "Forbidden"], ["why", "because"]]) {
      const answer = await t.upgradeRequest("plain", {}, { headers: { "x-refuse": refusal } });
      if (t.official) assertUpgradeRefused(t, answer, 4, message);
      else {
        assert.match(String(answer.status), /^40[03]$/);
        assert.deepEqual(JSON.parse(answer.body), { code: 4, message });
      }
    }
  },
  "An upgrade request with EIO=3 never becomes a session": async (t) => {
    const answer = await t.upgradeRequest("plain", { EIO: 3 });
    if (!t.official) return assertUpgradeRefused(t, answer, 5);
    // The official server notices after the 101 and writes a second answer into the WebSocket.
    assert.equal(answer.status, 101);
    const written = await new Promise((resolve) => {
      let text = answer.head.toString();
      answer.socket.on("data", (chunk) => (text += chunk));
      answer.socket.on("close", () => resolve(text));
    });
    assert.match(written, /^HTTP\/1\.1 400 Bad Request\r\n[^]*\r\n\r\nUnsupported protocol version$/);
  },
  "An upgrade request with transport=polling never becomes a session": async (t) => {
    const answer = await t.upgradeRequest("plain", { transport: "polling" });
    if (!t.official) {
      assert.equal(answer.status, 400);
      assert.match(answer.body, /^\{"code":[03],"message":"[\w ]+"\}$/);
      return;
    }
    assert.equal(answer.status, 101);
    await new Promise((resolve) => answer.socket.on("close", resolve).resume().end());
  },
  "An upgrade request without a key is refused": async (t) => {
    const answer = await t.upgradeRequest("plain", {}, { headers: { "Sec-WebSocket-Key": "" } });
    assert.equal(answer.status, 400);
  },
  "A WebSocket on another path is not accepted": async (t) => {
    const answer = await t.upgradeRequest("plain", {}, { path: "/elsewhere/" }).catch((error) => error);
    if (answer instanceof Error) assert.equal(answer.code, "ECONNRESET", String(answer));
    else assert.equal(answer.status, 404);
  },

  // Response headers.

  "A refusal is JSON and nothing else": async (t) => {
    const response = await t.http("plain", {});
    assert.equal(response.headers["content-type"], "application/json");
    assert.equal(response.bytes.length, ENGINE_ERRORS[0].body.length);
  },
  "A handshake is text/plain in UTF-8, not stored, with its length": async (t) => {
    const { headers, bytes } = await t.http("plain", polling);
    assert.equal(headers["content-type"], "text/plain; charset=UTF-8");
    assert.equal(headers["cache-control"], "no-store");
    assert.equal(headers["content-length"], String(bytes.length));
    assert.equal(headers["set-cookie"], undefined);
    assert.equal(headers["access-control-allow-origin"], undefined);
    assert.equal(headers["x-xss-protection"], undefined);
  },
  "Old Internet Explorers are told X-XSS-Protection: 0": async (t) => {
    const agents = ["Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko", "Mozilla/4.0 (compatible;MSIE 8.0)"];
    for (const agent of agents) {
      const headers = { "User-Agent": agent };
      const session = await t.polling("plain", { headers });
      assert.equal(session.opening.headers["x-xss-protection"], "0");
      assert.equal((await session.post("40", { headers })).headers["x-xss-protection"], "0");
    }
  },
  "A WebSocket is opened without extensions and without extra protocols": async (t) => {
    const answer = await t.upgradeRequest("plain", {}, {
      headers: { "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits" },
    });
    assert.equal(answer.status, 101);
    assert.equal(answer.headers["sec-websocket-extensions"], undefined);
    assert.equal(answer.headers["sec-websocket-protocol"], undefined);
    assert.equal(answer.headers["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert.equal(answer.headers["set-cookie"], undefined);
  },
  "Of the subprotocols that a client offers the first is chosen, in an upgrade too": async (t) => {
    const { sid } = await t.polling();
    for (const query of [{}, { sid }]) {
      for (const offered of ["one", "one, two", "one ,\ttwo", ["one", "two"]]) {
        const answer = await t.upgradeRequest("plain", query, { headers: { "Sec-WebSocket-Protocol": offered } });
        assert.equal(answer.status, 101);
        assert.equal(answer.headers["sec-websocket-protocol"], "one");
      }
    }
  },
  "An offer of subprotocols that is no list of different tokens is refused": async (t) => {
    for (const offered of ["", ",", "one,", "one two", "one/two", "one, one"]) {
      const answer = await t.upgradeRequest("plain", {}, { headers: { "Sec-WebSocket-Protocol": offered } });
      assert.equal(answer.status, 400, offered);
    }
  },

  // Cookies.

  "cookie: true sets a session cookie named io with the engine sid": async (t) => {
    const session = await t.polling("cookie");
    const [name, ...attributes] = session.opening.headers["set-cookie"][0].split("; ");
    assert.equal(name, `io=${session.sid}`);
    assert.deepEqual(attributes.sort(), ["HttpOnly", "Path=/", "SameSite=Lax"]);
  },
  "The cookie is set by the polling handshake only": async (t) => {
    const session = await t.polling("cookie");
    const posted = await session.post("40");
    const polled = await session.get();
    assert.equal(`${posted.status} ${polled.status}`, "200 200");
    assert.equal(posted.headers["set-cookie"], undefined);
    assert.equal(polled.headers["set-cookie"], undefined);
    assert.equal((await t.upgradeRequest("cookie")).headers["set-cookie"], undefined);
    assert.equal((await t.http("cookie", {})).headers["set-cookie"], undefined);
  },
  "The attributes of the cookie can be chosen": async (t) => {
    const session = await t.polling("cors");
    const [name, ...attributes] = session.opening.headers["set-cookie"][0].split("; ");
    assert.equal(name, `sticky=${session.sid}`);
    assert.deepEqual(attributes.sort(), ["HttpOnly", "Max-Age=86400", "Path=/app", "SameSite=Strict", "Secure"]);
  },

  // CORS.

  "An allowed origin is reflected on every answer, also on refusals": async (t) => {
    const headers = { Origin: "https://two.example" };
    const session = await t.polling("cors", { headers });
    const answers = [
      session.opening,
      await session.post("40", { headers }),
      await session.get({ headers }),
      await t.http("cors", {}, { headers }),
      await t.http("cors", { ...polling, sid: "x" }, { headers }),
      await t.http("cors", polling, { method: "POST", headers }),
    ];
    assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200, 400, 400, 400]);
    for (const answer of answers) {
      assert.equal(answer.headers["access-control-allow-origin"], "https://two.example");
      assert.equal(answer.headers["access-control-allow-credentials"], "true");
      assert.equal(answer.headers["access-control-expose-headers"], "x-extra");
      assert.match(answer.headers.vary, /\borigin\b/i);
      assert.equal(answer.headers["access-control-allow-methods"], undefined);
    }
  },
  "Another origin is served as well, but without Access-Control-Allow-Origin": async (t) => {
    const session = await t.polling("cors", { headers: { Origin: "https://evil.example" } });
    assert.equal(session.opening.headers["access-control-allow-origin"], undefined);
    assert.match(session.opening.headers.vary, /\borigin\b/i);
    await session.join();
  },
  "A preflight is answered 204 with the configured headers": async (t) => {
    const response = await t.http("cors", polling, {
      method: "OPTIONS",
      headers: {
        Origin: "https://one.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
      },
    });
    assert.equal(`${response.status} ${response.body}`, "204 ");
    assert.equal(response.headers["access-control-allow-origin"], "https://one.example");
    assert.equal(response.headers["access-control-allow-credentials"], "true");
    assert.equal(response.headers["access-control-allow-methods"], "GET,POST");
    assert.equal(response.headers["access-control-allow-headers"], "x-token");
    assert.equal(response.headers["access-control-max-age"], "600");
    // Browsers look for it on the answer itself, not on the preflight.
    assert.equal(response.headers["access-control-expose-headers"], t.pick({ official: "x-extra", fanfare: undefined }));
    assert.match(response.headers.vary, /\borigin\b/i);
  },
  "A preflight needs no valid query": async (t) => {
    const response = await t.http("cors", { EIO: null }, { method: "OPTIONS", headers: { Origin: "https://one.example" } });
    assert.equal(response.status, 204);
  },
  "A preflight of another origin is answered 204 without Access-Control-Allow-Origin": async (t) => {
    const response = await t.http("cors", polling, { method: "OPTIONS", headers: { Origin: "https://evil.example" } });
    assert.equal(response.status, 204);
    assert.equal(response.headers["access-control-allow-origin"], undefined);
  },
  "Any origin may be allowed with a star": async (t) => {
    const { headers } = await t.http("cors-any", polling, { headers: { Origin: "https://any.example" } });
    assert.equal(headers["access-control-allow-origin"], "*");
    assert.equal(headers["access-control-allow-credentials"], undefined);
    assert.equal((await t.http("cors-any", polling)).headers["access-control-allow-origin"], "*");
  },
  "A preflight without configured headers reflects the requested ones": async (t) => {
    const { status, headers } = await t.http("cors-any", polling, {
      method: "OPTIONS",
      headers: { Origin: "https://any.example", "Access-Control-Request-Headers": "x-a,x-b" },
    });
    assert.equal(status, 204);
    assert.equal(headers["access-control-allow-origin"], "*");
    assert.equal(headers["access-control-allow-headers"], "x-a,x-b");
    assert.equal(headers["access-control-allow-methods"], "GET,HEAD,PUT,PATCH,POST,DELETE");
    assert.match(headers.vary, /\bAccess-Control-Request-Headers\b/i);
  },
  "A WebSocket from another origin is refused with 403 (the official server lets it in)": async (t) => {
    const { sid } = await t.polling("cors");
    for (const Origin of ["https://evil.example", "http://one.example", "https://one.example:444", "null"]) {
      for (const query of [{}, { sid }]) {
        const answer = await t.upgradeRequest("cors", query, { headers: { Origin } });
        if (t.official) {
          assert.equal(answer.status, 101);
          continue;
        }
        assert.equal(`${answer.status} ${answer.body}`, '403 {"code":4,"message":"Origin not allowed"}');
        assert.match(answer.headers["content-type"], /^application\/json\b/);
      }
    }
  },
  "A WebSocket from an allowed origin, of the host itself or of no page is let in": async (t) => {
    const { host } = t.address("cors");
    for (const headers of [{}, { Origin: "https://two.example" }, { Origin: `http://${host}` }, { Origin: `https://${host}` }]) {
      await (await t.websocket("cors", { headers })).join();
      const { sid } = await t.polling("cors", { headers });
      assert.equal((await t.upgradeRequest("cors", { sid }, { headers })).status, 101);
    }
    await (await t.websocket("cors-any", { headers: { Origin: "https://any.example" } })).join();
  },
  "Without CORS a foreign origin is served on both transports": async (t) => {
    const headers = { Origin: "https://any.example" };
    const session = await t.polling("plain", { headers });
    assert.equal(session.opening.headers["access-control-allow-origin"], undefined);
    await (await t.websocket("plain", { headers })).join();
  },

  // Transports and upgrades.

  "A server with polling only offers no upgrade": async (t) => {
    const session = await t.polling("polling-only");
    assert.deepEqual(session.handshake.upgrades, []);
    await session.join();
  },
  "A server with polling only refuses WebSockets with code 0": async (t) => {
    assertEngineError(await t.http("polling-only", { transport: "websocket" }), 0);
    assertEngineError(await t.upgradeRequest("polling-only"), 0);
    const { sid } = await t.polling("polling-only");
    assertEngineError(await t.upgradeRequest("polling-only", { sid }), 0);
  },
  "A server with WebSocket only refuses polling with code 0": async (t) => {
    assertEngineError(await t.http("websocket-only", polling), 0);
    assertEngineError(await t.http("websocket-only", polling, { method: "POST" }), 0);
    const wire = await t.websocket("websocket-only");
    assert.deepEqual(wire.handshake.upgrades, []);
    await wire.join();
    assertEngineError(await t.http("websocket-only", { ...polling, sid: wire.sid }), 0);
  },
  "A server without upgrades offers none, and still takes direct WebSockets": async (t) => {
    const session = await t.polling("no-upgrades");
    assert.deepEqual(session.handshake.upgrades, []);
    const wire = await t.websocket("no-upgrades");
    await wire.join();
  },

  "Handshakes given up halfway leave the server answering": async (t) => {
    for (let i = 0; i < 20; i++) {
      const { request } = t.exchange(t.address("plain", polling));
      if (i % 2) await sleep(1);
      request.destroy();
    }
    await t.polled();
  },
};
