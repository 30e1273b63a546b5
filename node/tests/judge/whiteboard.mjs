// A real browser on the page of the example `whiteboard`: what one window draws, the others show.
//
//   node whiteboard.mjs URL [--screenshot FILE]

import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import { launch } from "./chromium.mjs";

const DEADLINE_MS = 60_000;

const { values: { screenshot }, positionals: [url] } = parseArgs({ allowPositionals: true, options: { screenshot: { type: "string" } } });
const browser = await launch({ viewport: { width: 900, height: 760 } });
browser.context.setDefaultTimeout(DEADLINE_MS);
const complaints = [];

const open = async () => {
  const page = await browser.context.newPage();
  page.on("console", (message) => { if (message.type() === "error") complaints.push(message.text()); });
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(url);
  await page.waitForFunction(() => document.getElementById("state").textContent === "Connected");
  return page;
};

// Draws a line, in parts of the board.
const draw = async (page, [fromX, fromY], [toX, toY]) => {
  const board = await page.locator("#canvas").boundingBox();
  const at = (x, y) => [board.x + x * board.width, board.y + y * board.height];
  await page.mouse.move(...at(fromX, fromY));
  await page.mouse.down();
  await page.mouse.move(...at(toX, toY), { steps: 20 });
  await page.mouse.up();
};

// Waits until the board has this colour there.
const shows = (page, [x, y], color) => page.waitForFunction(([x, y, color]) => {
  const canvas = document.getElementById("canvas");
  const pixel = canvas.getContext("2d").getImageData(Math.round(x * canvas.width), Math.round(y * canvas.height), 1, 1).data;
  return pixel.join() === color;
}, [x, y, color], { polling: 25 });

try {
  const [one, two] = [await open(), await open()];
  await draw(one, [0.2, 0.5], [0.8, 0.5]);
  await shows(one, [0.5, 0.5], "204,0,0,255");
  await shows(two, [0.5, 0.5], "204,0,0,255");
  await two.locator("#color").fill("#0066cc");
  await draw(two, [0.5, 0.2], [0.5, 0.4]);
  await shows(one, [0.5, 0.3], "0,102,204,255");
  await shows(one, [0.5, 0.7], "0,0,0,0");

  const late = await open();
  await shows(late, [0.5, 0.5], "204,0,0,255");
  await shows(late, [0.5, 0.3], "0,102,204,255");
  if (screenshot) await one.screenshot({ path: screenshot });

  // Where the pointer of another window is, as long as it is open. It moves until it is seen, since cursors may be lost.
  const isSeen = () => one.locator(".cursor").count();
  for (let step = 0; await isSeen() === 0; step++) await two.mouse.move(300 + step % 50, 300);
  await late.close();
  await two.close();
  await one.waitForFunction(() => document.querySelectorAll(".cursor").length === 0);
  assert.deepEqual(complaints, []);
  console.log("whiteboard: every expectation holds");
} catch (error) {
  console.error(`FAILED: ${error.stack ?? error}`);
  process.exitCode = 1;
} finally {
  await browser.close();
}
