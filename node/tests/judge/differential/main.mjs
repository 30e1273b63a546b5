// The differential harness: scripts of clients, run against the official server and against ours. What the clients hear,
// what the server sees, and the bytes that matter have to be equal, but for what stands in `differences.mjs`.
//
//   node differential/main.mjs --ours URL [--only TEXT] [--transport polling|websocket|upgrade] [--show]
//   node differential/main.mjs --list
//
// URL is the control port of our interpreter (`cargo run -p fanfare-test-support --example differential` prints it).
// --only runs the scripts whose name contains TEXT; --show prints the transcript of the official server as well.
// --list prints the name of every script and where it runs, for tests that refer to them.

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { beside, differing } from "./comparing.mjs";
import { DIFFERENCES } from "./differences.mjs";
import { PROFILES } from "./profiles.mjs";
import { SCRIPTS } from "./scripts.mjs";
import { Stage } from "./stage.mjs";
import { within } from "./waiting.mjs";

const AT_ONCE = 20;
const SCRIPT_MS = 20_000;
const TOTAL_MS = 240_000;
const SCRIPTS_MIN = 150;

const { values: flags } = parseArgs({
  options: {
    ours: { type: "string" },
    only: { type: "string", default: "" },
    transport: { type: "string", default: "" },
    show: { type: "boolean" },
    list: { type: "boolean" },
  },
});

/** What is wrong with the scripts and the list of differences themselves. */
function faults() {
  const rows = readFileSync(new URL("../../../../docs/differences.md", import.meta.url), "utf8");
  const names = SCRIPTS.map(({ name }) => name);
  const twice = names.filter((name, i) => names.indexOf(name) !== i);
  const strangers = Object.keys(DIFFERENCES).filter((name) => !names.includes(name));
  const shown = Object.keys(JSON.parse(readFileSync(new URL("rows.json", import.meta.url), "utf8")));
  const rowless = Object.entries(DIFFERENCES).filter(([, { row }]) => !rows.includes(`\n| ${row} |`));
  return [
    ...twice.map((name) => `two scripts have the name ${name}`),
    ...(names.length < SCRIPTS_MIN ? [`there are ${names.length} scripts, and at least ${SCRIPTS_MIN} are wanted`] : []),
    ...strangers.map((name) => `differences.mjs knows a script ${name}, which does not exist`),
    ...names.filter((name) => !shown.includes(name)).map((name) => `rows.json does not say which row of docs/compatibility.md ${name} shows`),
    ...shown.filter((name) => !names.includes(name)).map((name) => `rows.json knows a script ${name}, which does not exist`),
    ...rowless.map(([name, { row }]) => `docs/differences.md has no row "${row}", which ${name} refers to`),
  ];
}

/** A server by its control port. */
async function peer(url) {
  const control = async (verb, what = {}) => {
    const answer = await fetch(`${url}/${verb}?${encodeURIComponent(JSON.stringify(what))}`);
    if (!answer.ok) throw new Error(`${verb} ${JSON.stringify(what)}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  };
  const paths = Object.fromEntries(Object.entries(PROFILES).map(([name, { path }]) => [name, path && `${path}/`]));
  return { control, paths, urls: await control("profiles") };
}

async function startOfficial() {
  const child = spawn(process.execPath, [fileURLToPath(new URL("official-server.mjs", import.meta.url))], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  process.on("exit", () => child.kill());
  const [line] = await within(new Promise((resolve) => createInterface(child.stdout).once("line", (...all) => resolve(all))), "the official server");
  return peer(line.replace("listening ", ""));
}

/** The transcript of one script on one server, or what went wrong. */
async function play(script, on, server) {
  const stage = new Stage(server, script.profile, on);
  try {
    await within(script.run(stage), "the end of the script", SCRIPT_MS);
    return stage.transcript();
  } catch (error) {
    return { failed: `${error.message}`, ...stage.transcript() };
  } finally {
    stage.close();
  }
}

/** Runs a script on both servers at once; resolves to what is wrong. */
async function compare(script, on, servers) {
  const [official, ours] = await Promise.all(servers.map((server) => play(script, on, server)));
  if (flags.show) console.log(`${script.name} over ${on}\n${JSON.stringify(official, null, 1)}`);
  const found = differing(official, ours);
  const allowed = DIFFERENCES[script.name];
  const wanted = allowed?.[on] ?? allowed?.everywhere ?? [];
  const failed = official.failed ?? ours.failed;
  if (isDeepStrictEqual(found, wanted) && failed === undefined) return undefined;
  const list = (entries) => entries.map((entry) => `    ${JSON.stringify(entry)}`).join("\n");
  return [
    `not ok - ${script.name} over ${on}${failed ? `: ${failed}` : ""}`,
    beside(official, ours),
    `they differ in [path, official, ours]:\n${list(found)}`,
    ...(wanted.length ? [`and should differ in:\n${list(wanted)}`] : []),
    `alone: node differential/main.mjs --ours URL --only ${script.name} --transport ${on}`,
  ].join("\n");
}

async function main() {
  const started = performance.now();
  const wrong = faults();
  const servers = await Promise.all([startOfficial(), peer(flags.ours)]);
  const runs = SCRIPTS.filter(({ name }) => name.includes(flags.only))
    .flatMap((script) => script.on.map((on) => ({ script, on })))
    .filter(({ on }) => on.includes(flags.transport));
  const left = runs.values();
  const worker = async () => {
    for (const { script, on } of left) {
      const fault = await compare(script, on, servers);
      if (fault) wrong.push(fault);
      else console.log(`ok - ${script.name} over ${on}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  for (const fault of wrong) console.log(fault);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${SCRIPTS.length} scripts, ${runs.length} runs, ${wrong.length} faults, ${seconds} s`);
  process.exit(wrong.length === 0 && runs.length > 0 ? 0 : 1);
}

if (flags.list) {
  for (const { name, on } of SCRIPTS) console.log(`diff:${name} ${on.join(",")}`);
} else {
  setTimeout(() => {
    console.log(`not ok - not finished after ${TOTAL_MS} ms`);
    process.exit(1);
  }, TOTAL_MS).unref();
  await main();
}
