// Plays all the judges against the official server, which must pass: a judge that fails here is wrong.
//
//   node check-official.mjs [--python PATH]     PATH: a Python with requirements.txt; without it that judge is left out
//
// Prints what fails and one line per run; the exit code tells.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({ options: { python: { type: "string" } } });
const here = fileURLToPath(new URL(".", import.meta.url));
const MODES = ["websocket", "polling", "upgrade"];
const OFFICIAL = ["--target", "official"];

const startServer = async (...args) => {
  const server = spawn(process.execPath, ["official-server.mjs", "0", ...args], { cwd: here, stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: server.stdout })) {
    return { url: `http://127.0.0.1:${line.split(" ")[1]}`, stop: () => server.kill() };
  }
  throw new Error("the official server did not start");
};

const play = async (command, ...args) => {
  const begun = performance.now();
  const judge = spawn(command, args, { cwd: here, stdio: ["ignore", "pipe", "inherit"] });
  let last = "";
  let failing = false;
  for await (const line of createInterface({ input: judge.stdout })) {
    failing = line.startsWith("not ok") || (failing && !line.startsWith("ok "));
    if (failing) console.log(line);
    last = line;
  }
  const code = judge.exitCode ?? (await new Promise((resolve) => judge.once("exit", resolve)));
  console.log(`${code === 0 ? "ok" : "FAILED"}  ${args.join(" ")}: ${last} (${((performance.now() - begun) / 1000).toFixed(1)} s)`);
  return code === 0;
};

const runs = [];
for (const mode of MODES) {
  runs.push(({ url }) => play(process.execPath, "cheatsheet.mjs", url, mode));
  runs.push(({ url }) => play(process.execPath, "lifecycle.mjs", url, mode, ...OFFICIAL));
  runs.push((_, { url }) => play(process.execPath, "lifecycle.mjs", url, mode, ...OFFICIAL, "--only", "heartbeat"));
  runs.push(({ url }) => play(process.execPath, "client.mjs", url, mode, ...OFFICIAL));
  runs.push((_, __, { url }) => play(process.execPath, "client.mjs", url, mode, ...OFFICIAL, "--path", "/elsewhere"));
  runs.push((_, { url }) => play(process.execPath, "client.mjs", url, mode, ...OFFICIAL, "--heartbeat"));
  for (const client of ["socket.io-client-1", "socket.io-client-2.0", "socket.io-client-2"]) {
    runs.push((_, { url }) => play(process.execPath, "old-clients.mjs", url, mode, ...OFFICIAL, "--client", client));
  }
  if (values.python) runs.push(({ url }) => play(values.python, "python_judge.py", url, mode));
}
runs.push(({ url }, _, elsewhere) => play(process.execPath, "client-browser.mjs", `${url},${elsewhere.url}`, ...OFFICIAL));
runs.push(({ url }) => play(process.execPath, "upgrade.mjs", url));
runs.push(({ url }) => play(process.execPath, "load.mjs", url));

const server = await startServer();
const shortHeartbeats = await startServer("500", "4000");
const elsewhere = await startServer("25000", "20000", "/elsewhere");
const servers = [server, shortHeartbeats, elsewhere];
let failed = 0;
for (const run of runs) if (!(await run(...servers))) failed++;
for (const { stop } of servers) stop();
console.log(`${runs.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
