// A TCP proxy on loopback that leaves plain HTTP alone and is unkind to WebSockets.

import net from "node:net";
import { once } from "node:events";

// options.delayMs(n)  how long each chunk of the n-th WebSocket takes, in both directions
// options.breakAt     when each WebSocket is destroyed: "request" (its HTTP request never reaches the server),
//                     "probe" (the server has answered 101; the client's probe never reaches it) or
//                     "answer" (the server got the probe; its answer never reaches the client)
export const proxy = async (target, { delayMs = () => 0, breakAt } = {}) => {
  const { hostname, port } = new URL(target);
  const sockets = new Set();
  let webSockets = 0;
  let broken = 0;
  const waiting = [];

  const breakNow = (...pair) => {
    for (const socket of pair) socket.destroy();
    broken++;
    for (const check of waiting) check();
  };

  const server = net.createServer((client) => {
    const upstream = net.connect(port, hostname);
    const pair = [client, upstream];
    let delay = 0;
    let isWebSocket = false;
    let chunksUp = 0;
    let chunksDown = 0;

    // Timers of one length fire in the order in which they were set, so a delayed stream stays in order.
    const forward = (to, chunk) => (delay > 0 ? setTimeout(() => to.writable && to.write(chunk), delay) : to.write(chunk));

    client.on("data", (chunk) => {
      if (chunksUp === 0) {
        isWebSocket = /^upgrade: *websocket/im.test(chunk.toString("latin1"));
        if (isWebSocket) delay = delayMs(webSockets++);
        if (isWebSocket && breakAt === "request") return breakNow(...pair);
      }
      if (isWebSocket && breakAt === "probe" && chunksUp === 1) return breakNow(...pair);
      chunksUp++;
      forward(upstream, chunk);
    });
    upstream.on("data", (chunk) => {
      if (isWebSocket && breakAt === "answer" && chunksDown === 1) return breakNow(...pair);
      chunksDown++;
      forward(client, chunk);
    });

    for (const [one, other] of [pair, [...pair].reverse()]) {
      sockets.add(one);
      one.on("error", () => {}); // "close" follows
      one.on("close", () => {
        sockets.delete(one);
        // Behind what is still delayed.
        setTimeout(() => other.destroy(), delay);
      });
      one.on("end", () => setTimeout(() => other.end(), delay));
    }
  });

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    // Resolves when so many WebSockets have been broken.
    broken: (count) =>
      new Promise((resolve) => {
        const check = () => broken >= count && resolve();
        waiting.push(check);
        check();
      }),
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
};
