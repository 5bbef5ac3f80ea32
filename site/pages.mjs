// The pages of the site, in the order of its sidebar, and where each of them is. The texts stay where they are in the
// repository, so that GitHub shows them too: for the site they are copied with other links (links.mjs).
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

export const root = resolve(import.meta.dirname, "..");

const docs = (...names) => names.map((name) => `docs/${name}.md`);
const examples = readdirSync(join(root, "examples"))
  .filter((name) => !name.includes("."))
  .map((name) => `examples/${name}/README.md`);
const folder = (path, wanted = /^[\w-]+\.md$/) =>
  readdirSync(join(root, path))
    .filter((name) => wanted.test(name) && name !== "README.md")
    .sort()
    .map((name) => `${path}/${name}`);

/** Titles, with the paths of the pages below them. A list in a list can be folded, and its first page is its heading. */
const GROUPS = [
  [
    "Begin",
    [
      "README.md",
      ...docs("getting-started", "recipes"),
      ["examples/README.md", ...examples],
      ...docs("handlers", "library", "faq"),
    ],
  ],
  [
    "Use",
    docs(
      "schedules",
      "unique",
      "flow-control",
      "flows",
      "steps",
      "events",
      "changing",
      "keeping",
      "outbox",
      "limits",
    ),
  ],
  ["Other languages", docs("http", "python", "go", "worker-protocol", "webhooks")],
  [
    "Reference",
    [
      ...docs("options", "configuration", "errors"),
      "packages/cli/README.md",
      "http-reference",
      "api",
      ...docs("metrics"),
    ],
  ],
  [
    "Deploy",
    docs(
      "running",
      "embedding",
      "deploy-compose",
      "deploy-bare-metal",
      "deploy-kubernetes",
      "redis",
      "secrets",
      "reverse-proxy",
    ),
  ],
  [
    "Operate",
    [
      ...docs("dashboard", "tuning", "scaling", "alerts", "tracing", "troubleshooting", "upgrading"),
      ["docs/runbooks/README.md", ...folder("docs/runbooks")],
    ],
  ],
  [
    "Choose",
    [...docs("comparison"), "bench/RESULTS.md", ["docs/migrating/README.md", ...folder("docs/migrating")]],
  ],
  [
    "How it works",
    [
      "ARCHITECTURE.md",
      ...docs("guarantees", "state-machine", "keys", "scripts"),
      ["docs/adr/README.md", ...folder("docs/adr")],
      "CONTRIBUTING.md",
      "docs/releasing.md",
      "SECURITY.md",
      "CHANGELOG.md",
    ],
  ],
];

// A new page is shown, even if nobody has given it a place yet.
const rest = folder("docs").filter((path) => !GROUPS.some(([, items]) => items.includes(path)));
if (rest.length > 0) GROUPS.push(["More", rest]);

/** Where a page of the site is, for files outside of docs/. */
const PLACES = {
  "README.md": "overview",
  "docs/README.md": "all-pages",
  "packages/cli/README.md": "cli",
  "bench/RESULTS.md": "speed",
  "ARCHITECTURE.md": "architecture",
  "CONTRIBUTING.md": "contributing",
  "SECURITY.md": "security",
  "CHANGELOG.md": "changelog",
};

/** Pages in the sidebar whose own title is long or says too little beside the others. */
const SHORT = {
  "README.md": "Overview",
  "packages/cli/README.md": "The command holdfast",
  "bench/RESULTS.md": "Speed",
  "docs/runbooks/README.md": "Runbooks",
  "docs/adr/README.md": "Decisions",
  "docs/migrating/README.md": "Migrating",
  "examples/README.md": "Examples",
};

/** The place in the site of a file of the repository, without an ending. Other files are shown below `source/`. */
export function placeOf(path) {
  const known = PLACES[path] ?? /^docs\/(.*)\.md$|^(examples.*)\.md$/.exec(path)?.slice(1).find(Boolean);
  // A page whose name begins with a dot would be ignored.
  return (
    known?.replace(/README$/, "index") ?? `source/${path.replace(/\.md$/, "").replaceAll(/(^|\/)\./g, "$1")}`
  );
}

const titleOf = (text) => /^# (.+)$/m.exec(text)?.[1]?.replaceAll(/[`*]/g, "");

function item(path) {
  if (Array.isArray(path)) {
    const [head, ...items] = path;
    return { ...item(head), collapsed: true, items: items.map(item) };
  }
  const text = SHORT[path] ?? titleOf(readFileSync(join(root, path), "utf8"));
  return { text, link: `/${placeOf(path).replace(/index$/, "")}` };
}

/**
 * The sidebar of VitePress.
 * @param generated the items of the references, by the names that they have in `GROUPS`
 */
export function sidebar(generated) {
  return GROUPS.map(([text, items]) => ({
    text,
    items: items.map((path) => generated[path] ?? item(path)),
  }));
}

/** The files of the repository that are pages, without the generated references. */
export const PAGES = [...GROUPS.flatMap(([, items]) => items.flat()), "docs/README.md"].filter((path) =>
  path.endsWith(".md"),
);
