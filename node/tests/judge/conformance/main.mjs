// The conformance judge: what a Socket.IO server of protocol 4/5 does on the wire, one sentence a case.
//
//   node conformance/main.mjs URL --target official|fanfare [--only PART]
//
// URL is the address of the first profile of official-server.mjs or of its twin, e.g. http://127.0.0.1:4000.
// --only runs the cases whose "file: name" contains PART. The exit code is 0 when every case holds.

import { parseArgs } from "node:util";
import { Judge, within } from "./support.mjs";

const FILES = ["handshake", "polling", "websocket", "heartbeat", "upgrade", "packets", "namespaces", "closing"];
const CONCURRENCY = 12;
const CASE_MS = 90_000;
const TOTAL_MS = 300_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { target: { type: "string" }, only: { type: "string", default: "" } },
});
const [url] = positionals;
if (!url || !["official", "fanfare"].includes(values.target)) {
  console.error("usage: node conformance/main.mjs URL --target official|fanfare [--only PART]");
  process.exit(2);
}

setTimeout(() => {
  console.log(`FAIL the judge itself: not finished after ${TOTAL_MS} ms`);
  process.exit(1);
}, TOTAL_MS).unref();

/** Cases of every file, `timed` ones apart: they mostly wait, and are disturbed by a busy machine. */
async function load() {
  const quick = [];
  const timed = [];
  for (const file of FILES) {
    const module = await import(`./${file}.mjs`);
    for (const [name, run] of Object.entries(module.cases)) quick.push({ name: `${file}: ${name}`, run });
    for (const [name, run] of Object.entries(module.timed ?? {})) timed.push({ name: `${file}: ${name}`, run });
  }
  const wanted = ({ name }) => name.includes(values.only);
  return { quick: quick.filter(wanted), timed: timed.filter(wanted) };
}

async function runCase({ name, run }) {
  const judge = new Judge(url, values.target);
  try {
    await within(run(judge), "the case to end", CASE_MS);
    console.log(`ok   ${name}`);
    return true;
  } catch (error) {
    console.log(`FAIL ${name}\n       ${describe(error)}`);
    return false;
  } finally {
    judge.close();
  }
}

/** The message of a failure, shortened, and the line of the case where it happened. */
function describe(error) {
  const lines = String(error.message).trim().split("\n").slice(0, 12);
  const where = /(?<!support)\.mjs:\d+/.test(error.stack) && /((?!support)\b\w+\.mjs:\d+):\d+/.exec(error.stack)?.[1];
  return lines.map((line) => line.slice(0, 300)).join("\n       ") + (where ? ` [${where}]` : "");
}

/** Runs the cases, at most `limit` at a time, and returns how many failed. */
async function runAll(cases, limit) {
  const queue = [...cases];
  let failed = 0;
  const worker = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      if (!(await runCase(next))) failed += 1;
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
  return failed;
}

const started = performance.now();
const { quick, timed } = await load();
const failed = (await runAll(quick, CONCURRENCY)) + (await runAll(timed, timed.length));
const total = quick.length + timed.length;
const seconds = ((performance.now() - started) / 1000).toFixed(1);
console.log(`\n${total - failed} of ${total} cases hold against ${values.target} at ${url} (${seconds} s)`);
process.exit(failed === 0 && total > 0 ? 0 : 1);
