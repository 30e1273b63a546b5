// What differs between two runs of a script without meaning anything: ids and the names of namespaces. They are replaced
// by names of the script's; everything else is compared as it is.

// Random ids that no client told.
const ID = /(?<![\w-])[\w-]{20}(?![\w-])/g;

export class Names {
  #known = [];
  #strangers = new Map();

  add(id, name) {
    if (id) this.#known.push([id, name]);
  }

  plain(text) {
    for (const [id, name] of this.#known) text = text.replaceAll(id, name);
    return text.replace(ID, (id) => (/\d|[A-Z]/.test(id) && /[a-zA-Z]/.test(id) ? this.#stranger(id) : id));
  }

  #stranger(id) {
    if (!this.#strangers.has(id)) this.#strangers.set(id, `<stranger ${this.#strangers.size + 1}>`);
    return this.#strangers.get(id);
  }

  replaced(value) {
    if (typeof value === "string") return this.plain(value);
    if (ArrayBuffer.isView(value)) return `<${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex")}>`;
    if (Array.isArray(value)) return value.map((inner) => this.replaced(inner));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [this.plain(key), this.replaced(inner)]));
  }
}

/** Lists under these keys have no order. */
const UNORDERED = ["rooms", "sockets", "answers", "unordered"];

export const sorted = (value) => {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      const within = sorted(inner);
      const isUnordered = UNORDERED.includes(key) && Array.isArray(within);
      return [key, isUnordered ? within.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : within];
    }),
  );
};
