// The pages of the site, in the order of its sidebar, and the place of each page. The texts stay where they are in
// the repository, so that GitHub shows them too. links.mjs copies them for the site and changes their links.
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

/**
 * Titles, with the paths of the pages below them. A list inside a list can be folded. Its first page is its heading.
 */
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

// A new page that is in no group yet is added at the end.
const rest = folder("docs").filter((path) => !GROUPS.some(([, items]) => items.includes(path)));
if (rest.length > 0) GROUPS.push(["More", rest]);

/** The places in the site of pages that are outside of docs/. */
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

/** Short titles for the sidebar, for pages whose own title is too long or unclear there. */
const SHORT = {
  "README.md": "Overview",
  "packages/cli/README.md": "The command holdfast",
  "bench/RESULTS.md": "Speed",
  "docs/runbooks/README.md": "Runbooks",
  "docs/adr/README.md": "Decisions",
  "docs/migrating/README.md": "Migrating",
  "examples/README.md": "Examples",
};

/**
 * Returns the place of a repository file in the site, without an ending. Files that are not pages are shown below
 * `source/`.
 */
export function placeOf(path) {
  const known = PLACES[path] ?? /^docs\/(.*)\.md$|^(examples.*)\.md$/.exec(path)?.slice(1).find(Boolean);
  // VitePress ignores pages whose name begins with a dot, so the dot is removed.
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
 * Returns the sidebar for VitePress.
 * @param generated the items of the generated references, by their names in `GROUPS`
 */
export function sidebar(generated) {
  return GROUPS.map(([text, items]) => ({
    text,
    items: items.map((path) => generated[path] ?? item(path)),
  }));
}

/** The files of the repository that are pages of the site. The generated references are not among them. */
export const PAGES = [...GROUPS.flatMap(([, items]) => items.flat()), "docs/README.md"].filter((path) =>
  path.endsWith(".md"),
);
