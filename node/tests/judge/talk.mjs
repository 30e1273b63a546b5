// Clients of every age in one room, on as many nodes as there are: each tells the others whom it has heard, until all have
// heard all. python_talk.py does the same.
//
//   node talk.mjs URL[,URL...] --names page,page-1,new,old,old-1,... --room ROOM
//
// The servers are relays. `names` are all who talk; those named above are played here.

import { launch } from "./chromium.mjs";
import { browserFile, connectOld } from "./old-support.mjs";
import { assert, commandLine, connect, finish, test } from "./support.mjs";

const { urls, flags } = commandLine({ deadlineSeconds: 200, flags: { names: { type: "string" }, room: { type: "string" } } });
const names = flags.names.split(",");

// Runs in a page too, so it uses nothing but its arguments.
const talk = (socket, me, names, room) =>
  new Promise((resolve, reject) => {
    const text = "gr\u00fc\u00df dich \u{1f600}";
    const heard = {};
    let isDone = false;
    const tell = (done) =>
      socket.emit("emit", room, { from: me, heard: [me, ...Object.keys(heard)], text, bytes: new Uint8Array([4, 0, 255]).buffer }, done);
    socket.on("msg", (message) => {
      if (message.from === me) return;
      const bytes = [...new Uint8Array(message.bytes)].join();
      if (message.text !== text || bytes !== "4,0,255") reject(new Error(`${me} hears of ${message.from}: ${message.text} ${bytes}`));
      heard[message.from] = message.heard;
      const knows = (name) => name === me || (heard[name] && names.every((other) => heard[name].includes(other)));
      if (isDone || !names.every(knows)) return;
      isDone = true;
      clearInterval(timer);
      // The others wait for a last word that says that this one has heard everybody.
      tell(() => resolve(me));
    });
    const timer = setInterval(() => tell(() => {}), 100);
    socket.emit("join", room, () => {});
  });

const node = (index) => urls[index % urls.length];
let browser;
const page = async (index, name, client, transports) => {
  browser ??= launch();
  const page = await (await browser).context.newPage();
  await page.goto(`${node(index)}/`);
  await page.addScriptTag({ path: browserFile(client) });
  return page.evaluate(
    `(async () => {
      const socket = io(location.origin, { forceNew: true, transports: ${JSON.stringify(transports)} });
      await new Promise((resolve) => socket.on("connect", resolve));
      return (${talk})(socket, ${JSON.stringify(name)}, ${JSON.stringify(names)}, ${JSON.stringify(flags.room)});
    })()`,
  );
};
const old = async (index, name, mode, client) => {
  const { socket } = await connectOld({ url: node(index), mode, client });
  return talk(socket, name, names, flags.room);
};
const fresh = async (index, name, mode) => {
  const { socket } = await connect({ url: node(index), mode });
  return talk(socket, name, names, flags.room);
};

const players = {
  page: () => page(0, "page", "socket.io-client-2.0", ["polling", "websocket"]),
  // On polling Socket.IO 1 encodes its text twice.
  "page-1": () => page(1, "page-1", "socket.io-client-1", ["websocket"]),
  new: () => fresh(1, "new", "websocket"),
  "new-polling": () => fresh(2, "new-polling", "polling"),
  old: () => old(2, "old", "polling", "socket.io-client-2"),
  "old-1": () => old(1, "old-1", "websocket", "socket.io-client-1"),
};

await test(
  "all clients hear all clients",
  async () => {
    const here = names.filter((name) => name in players);
    assert.deepEqual(await Promise.all(here.map((name) => players[name]())), here);
  },
  180_000,
);
await (await browser)?.close();
finish();
