// Every script, under its name `area/what-happens`: stable, since docs/compatibility.md refers to it.

const AREAS = [
  "emit", "acks", "rooms", "socket", "binary", "packets", "namespaces", "ending",
  "handshake", "cors", "polling", "websocket", "heartbeat", "upgrade", "listeners", "hooks", "old",
];

/** All ways of connecting; those where a script makes sense stand with it. */
export const EVERYWHERE = ["polling", "websocket", "upgrade"];

const area = async (name) => {
  const { scripts } = await import(`./scripts/${name}.mjs`);
  return Object.entries(scripts).map(([what, script]) => {
    const { run, on = EVERYWHERE, profile = "default" } = typeof script === "function" ? { run: script } : script;
    return { name: `${name}/${what}`, run, on, profile };
  });
};

export const SCRIPTS = (await Promise.all(AREAS.map(area))).flat();
