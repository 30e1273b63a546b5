// A headless Chromium with a profile of its own. CHROMIUM names its executable (default /usr/bin/chromium).

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
  // Pages that a judge makes up count as pages of the Internet, which may not speak to this machine.
  "--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets,BlockInsecurePrivateNetworkRequests"];

// Gives a browser context; `close` ends the browser and removes its profile.
export const launch = async (options = {}) => {
  const profile = await mkdtemp(join(tmpdir(), "fanfare-browser-"));
  const remove = () => rm(profile, { recursive: true, force: true });
  try {
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
      headless: true,
      args: FLAGS,
      ...options,
    });
    return { context, close: () => context.close().finally(remove) };
  } catch (error) {
    await remove();
    throw error;
  }
};
