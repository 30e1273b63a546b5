// The servers that scripts run against, by name, with the options of the official one. `differential.rs` of the test
// support has the same profiles for ours.

// Heartbeats do not come unasked into a script.
const QUIET = { pingInterval: 60_000, pingTimeout: 60_000 };

const cors = {
  origin: ["https://one.example", "https://two.example"],
  methods: ["GET", "POST"],
  allowedHeaders: ["x-token"],
  exposedHeaders: ["x-extra"],
  credentials: true,
  maxAge: 600,
};

export const PROFILES = {
  default: QUIET,
  // Long enough for a client on a busy machine.
  heartbeat: { pingInterval: 300, pingTimeout: 6_000 },
  hasty: { ...QUIET, upgradeTimeout: 500, connectTimeout: 5_000 },
  small: { ...QUIET, maxHttpBufferSize: 2_000 },
  cookie: { ...QUIET, cookie: true },
  "cookie-named": { ...QUIET, cookie: { name: "sticky", path: "/app", maxAge: 86400, sameSite: "strict", secure: true } },
  cors: { ...QUIET, cors },
  "cors-any": { ...QUIET, cors: { origin: "*" } },
  "polling-only": { ...QUIET, transports: ["polling"] },
  "websocket-only": { ...QUIET, transports: ["websocket"] },
  "no-upgrades": { ...QUIET, allowUpgrades: false },
  elsewhere: { ...QUIET, path: "/elsewhere" },
  uncompressed: { ...QUIET, httpCompression: false },
  refusing: { ...QUIET, allowRequest },
  hooked: QUIET,
  old: { ...QUIET, allowEIO3: true },
  "closing-polling": QUIET,
  "closing-websocket": QUIET,
  "closing-upgrade": QUIET,
};

// Only this profile has something of its own at every step of a handshake.
function allowRequest(request, decide) {
  const refusal = request.headers["x-refuse"];
  if (refusal === undefined) decide(null, true);
  else decide(refusal === "why" ? "because" : null, false);
}
