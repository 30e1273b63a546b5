// Where two transcripts differ, and how that is shown.

/** The leaves that differ, each as [path, official, ours]; what is missing on one side is "(nothing)". */
export function differing(official, ours, path = "") {
  const inner = (value) => value !== null && typeof value === "object";
  if (!inner(official) || !inner(ours) || Array.isArray(official) !== Array.isArray(ours)) {
    return Object.is(official, ours) ? [] : [[path, shown(official), shown(ours)]];
  }
  const keys = [...new Set([...Object.keys(official), ...Object.keys(ours)])];
  return keys.flatMap((key) => differing(official[key], ours[key], path ? `${path}.${key}` : key));
}

const shown = (value) => (value === undefined ? "(nothing)" : value);

/** Both transcripts, line by line beside each other. */
export function beside(official, ours, width = 78) {
  const lines = (value) => JSON.stringify(value, null, 1).split("\n").flatMap((line) => line.match(new RegExp(`.{1,${width}}`, "g")) ?? [""]);
  const [left, right] = [lines(official), lines(ours)];
  const rows = Array.from({ length: Math.max(left.length, right.length) }, (_, i) => {
    const [a, b] = [left[i] ?? "", right[i] ?? ""];
    return `${a.padEnd(width)} ${a === b ? " " : "|"} ${b}`;
  });
  return [`${"official".padEnd(width)}   ours`, ...rows].join("\n");
}
