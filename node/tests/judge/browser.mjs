// A real browser on the page the node serves at `/`: two tabs, rooms, upgrade, reconnect, each transport alone.
//
//     node browser.mjs URL [SECOND_URL] [--screenshot FILE]
//
// SECOND_URL puts the second tab on another node of the cluster. Prints one line for each expectation; exit code 0 when
// all hold, 1 when one does not, 2 for wrong usage. Nothing here sleeps: every step waits for what the page shows, up to
// a deadline.

import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import { launch } from "./chromium.mjs";

const DEADLINE_MS = 60_000;
const ROOM = `stage-${process.pid}`;

const { url, secondUrl, screenshot } = parseCommandLine();
let context;

async function main() {
  const browser = await launch({ viewport: { width: 1180, height: 1000 } });
  try {
    ({ context } = browser);
    context.setDefaultTimeout(DEADLINE_MS);
    await judgeTwoTabs();
    await judgeMissingClient();
    console.log("browser: every expectation holds");
  } catch (error) {
    console.error(`FAILED: ${error.stack ?? error}`);
    process.exitCode = 1;
  } finally {
    await browser.close();
  }
}

function parseCommandLine() {
  try {
    const { values, positionals } = parseArgs({ allowPositionals: true, options: { screenshot: { type: "string" } } });
    if (positionals.length < 1 || positionals.length > 2) throw new Error("one or two URLs are expected");
    return { url: positionals[0], secondUrl: positionals[1] ?? positionals[0], screenshot: values.screenshot };
  } catch (error) {
    console.error(`${error.message}\nusage: node browser.mjs URL [SECOND_URL] [--screenshot FILE]`);
    process.exit(2);
  }
}

async function judgeTwoTabs() {
  const a = await Tab.open("tab A", url);
  const b = await Tab.open("tab B", secondUrl);

  for (const tab of [a, b]) {
    await expect(`${tab.name} connects`, () => tab.state("connected"));
    await expect(`${tab.name} is upgraded from polling to websocket`, async () => {
      await tab.transport("websocket");
      assert.ok(tab.polls > 0, "no polling request was seen on the network");
      assert.equal(tab.sockets, 1, "WebSockets seen on the network");
      assert.match(await tab.page.locator("[data-step=polling]").innerText(), /after .* ms/);
    });
    await expect(`${tab.name} shows its socket id`, () => tab.until(() => /^[\w-]{20}$/.test(document.getElementById("socket-id").textContent)));
    await expect(`${tab.name} shows the round trip`, () => tab.samples("websocket", 2));
    await expect(`${tab.name} joins the room`, () => tab.join(ROOM));
  }

  await expect("what A sends to the room reaches B and A, and is counted", async () => {
    const before = await b.received();
    await a.send(ROOM, "to the room");
    await b.hears("to the room");
    await a.hears("to the room");
    assert.equal(await b.received(), before + 1);
  });
  await expect("the message carries its room, and A knows its own", async () => {
    const [line] = await a.linesWith("to the room");
    assert.ok(line.includes(ROOM) && line.includes("you"), line);
  });
  await expect("after B left, the room no longer reaches it, and everybody still does", async () => {
    await b.leave(ROOM);
    await a.send(ROOM, "only for members");
    await a.hears("only for members");
    await a.send("", "fence to everybody");
    await b.hears("fence to everybody");
    assert.deepEqual(await b.linesWith("only for members"), []);
  });
  await expect("B sends into the room it left: A hears it, B does not", async () => {
    await b.send(ROOM, "from outside");
    await a.hears("from outside");
    await b.send("", "second fence");
    await b.hears("second fence");
    assert.deepEqual(await b.linesWith("from outside"), []);
  });
  if (screenshot) await a.page.screenshot({ path: screenshot, fullPage: true });
  await expect("whatever arrives is shown as text", () => judgeStrangePayloads(a, b));
  await expect("the snippet names the real origin", async () => {
    assert.ok((await a.page.locator("#snippet").innerText()).includes(`io("${new URL(url).origin}")`));
  });

  await expect("A disconnects and connects again, with a new id, in the rooms it was in", async () => {
    const id = await a.id();
    await a.page.getByRole("button", { name: "Disconnect" }).click();
    await a.state("disconnected");
    await a.page.getByRole("button", { name: "Connect", exact: true }).click();
    await a.state("connected");
    await a.transport("websocket");
    assert.notEqual(await a.id(), id);
    await a.notes(`joined ${ROOM} again`, 1);
    await b.send(ROOM, "after the reconnect");
    await a.hears("after the reconnect");
  });
  await expect("polling alone works, without any WebSocket", async () => {
    const { sockets } = a;
    await a.choose("polling");
    await a.state("connected");
    await a.transport("polling");
    await a.notes(`joined ${ROOM} again`, 2);
    await a.samples("polling", 3);
    await a.send(ROOM, "by polling");
    await a.hears("by polling");
    await a.transport("polling");
    assert.equal(a.sockets, sockets, "a WebSocket was opened");
  });
  await expect("websocket alone works, without any polling", async () => {
    await a.choose("websocket");
    const { polls } = a;
    await a.state("connected");
    await a.transport("websocket");
    await a.notes(`joined ${ROOM} again`, 3);
    await a.send(ROOM, "by websocket");
    await a.hears("by websocket");
    assert.equal(a.polls, polls, "a polling request was made");
  });
  await expect("B, on both transports, heard nothing of that room", async () => {
    await a.send("", "last fence");
    await b.hears("last fence");
    assert.deepEqual([...await b.linesWith("by polling"), ...await b.linesWith("by websocket")], []);
  });
  await expect("nothing was reported on the consoles", () => assert.deepEqual([...a.complaints, ...b.complaints], []));
  await a.page.close();
  await b.page.close();
}

/** Another client in A's page sends everybody what no well-behaved page would. */
async function judgeStrangePayloads(a, b) {
  await a.page.evaluate(async () => {
    const other = io(location.origin, { forceNew: true, transports: ["websocket"] });
    const strange = [null, 42, "plain", ["a", { b: 1 }], { text: { no: "text" } }, { from: {}, room: 7, text: "odd neighbours" },
      new Uint8Array(5), { deep: new Uint8Array(3) }, { from: "x", room: null, text: "<img src=x onerror='throw 1'>" }];
    for (const payload of strange) await other.emitWithAck("broadcast", payload);
    await other.emitWithAck("broadcast", { text: "end of the strange" });
    other.disconnect();
  });
  await b.hears("end of the strange");
  const shown = await b.page.locator("#log [data-kind=message] .text").evaluateAll((lines) => lines.map((line) => line.lastChild.textContent));
  assert.deepEqual(shown.slice(-10), ["null", "42", '"plain"', '["a",{"b":1}]', '{"text":{"no":"text"}}', "odd neighbours",
    "(5 bytes)", '{"deep":"(3 bytes)"}', "<img src=x onerror='throw 1'>", "end of the strange"]);
  assert.equal(await b.page.locator("#log img").count(), 0, "markup became an element");
}

/** The node found no npm client, or something on the way blocks the script: the page says what to do. */
async function judgeMissingClient() {
  for (const [how, block] of [["is not found", (route) => route.fulfill({ status: 404 })], ["is blocked", (route) => route.abort()]]) {
    await expect(`the page explains itself when the client script ${how}`, async () => {
      const page = await context.newPage();
      const thrown = [];
      page.on("pageerror", (error) => thrown.push(error));
      await page.route("**/socket.io/socket.io.js", block);
      await page.goto(url);
      const advice = page.getByRole("alert");
      await advice.waitFor();
      for (const words of ["make run", "--client-dist", "FANFARE_CLIENT_DIST"]) assert.ok((await advice.innerText()).includes(words), words);
      assert.equal(await page.locator("#connection").isVisible(), false);
      assert.deepEqual(thrown, []);
      await page.close();
    });
  }
}

async function expect(what, check) {
  try {
    await check();
  } catch (error) {
    throw new Error(`${what}: ${error.message}`, { cause: error });
  }
  console.log(`ok  ${what}`);
}

/** One tab with the page, as a person uses it; what its console and its network said is kept. */
class Tab {
  complaints = [];
  polls = 0;
  sockets = 0;

  static async open(name, address) {
    const tab = new Tab();
    tab.name = name;
    tab.page = await context.newPage();
    tab.page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) tab.complaints.push(`${name}: ${message.text()}`);
    });
    tab.page.on("pageerror", (error) => tab.complaints.push(`${name}: ${error}`));
    tab.page.on("websocket", () => tab.sockets++);
    // A polling session begins with a request without `sid`; the ones that close an old session do not count.
    tab.page.on("request", (request) => {
      const query = new URL(request.url()).searchParams;
      if (query.get("transport") === "polling" && !query.has("sid")) tab.polls++;
    });
    await tab.page.goto(address);
    assert.equal(await tab.page.locator("#advice").isVisible(), false, `${address} serves no client script: the node needs --client-dist`);
    return tab;
  }

  /** Waits until the function holds in the page; it sees `argument` only. */
  until(condition, argument) {
    return this.page.waitForFunction(condition, argument, { timeout: DEADLINE_MS, polling: 25 });
  }

  state(state) {
    return this.until((wanted) => document.body.dataset.state === wanted
      && document.getElementById("state").textContent === wanted, state);
  }

  transport(transport) {
    return this.until((wanted) => document.querySelector("[data-step].active")?.dataset.step === wanted, transport);
  }

  /** The last so many round trips all went over the transport and were answered. */
  samples(transport, count) {
    return this.until(([kind, least]) => {
      const last = [...document.querySelectorAll("#spark rect")].slice(-least);
      return last.length === least && last.every((bar) => bar.classList.contains(kind))
        && / ms$/.test(document.getElementById("now").textContent);
    }, [transport, count]);
  }

  id() {
    return this.page.locator("#socket-id").innerText();
  }

  async received() {
    return Number(await this.page.locator("#received").innerText());
  }

  async join(room) {
    await this.page.getByLabel("Room", { exact: true }).fill(room);
    await this.page.getByRole("button", { name: "Join" }).click();
    await this.page.getByRole("button", { name: `Leave ${room}` }).waitFor();
  }

  async leave(room) {
    const button = this.page.getByRole("button", { name: `Leave ${room}` });
    await button.click();
    await button.waitFor({ state: "detached" });
  }

  /** Sends, and waits for the node's acknowledgement of this very message. */
  async send(room, text) {
    await this.page.locator("#sent").evaluate((line) => { line.textContent = ""; });
    await this.page.getByLabel("To", { exact: true }).selectOption(room);
    await this.page.getByLabel("Message", { exact: true }).fill(text);
    await this.page.getByRole("button", { name: "Send" }).click();
    await this.until((to) => document.getElementById("sent").textContent.startsWith(`Sent to ${to}, acknowledged`), room || "everybody");
  }

  hears(text) {
    return this.until((wanted) => [...document.querySelectorAll("#log [data-kind=message]")]
      .some((line) => line.textContent.includes(wanted)), text);
  }

  /** The log's own remarks hold this one so many times. */
  notes(remark, times) {
    return this.until(([wanted, least]) => [...document.querySelectorAll("#log [data-kind=note]")]
      .filter((line) => line.textContent.includes(wanted)).length >= least, [remark, times]);
  }

  linesWith(text) {
    return this.page.locator("#log [data-kind=message]").evaluateAll((lines, wanted) =>
      lines.map((line) => line.textContent).filter((line) => line.includes(wanted)), text);
  }

  choose(label) {
    return this.page.locator(".choice").getByText(label, { exact: true }).click();
  }
}

await main();
