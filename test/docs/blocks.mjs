// Finds every code block of the documentation, and says which test runs it. `make docs` prints the numbers:
//
//   node test/docs/blocks.mjs [--list]
//
// The language and the page of a block decide which test runs it. A block that shows output has the language `text`.
// Any other block that no test can run has the word `illustration` after its language.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");
/** The pages whose blocks are checked: those of docs/, and each README. */
const pages = [
  ...["README.md", "examples/README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"],
  ...readdirSync(join(root, "docs"), { recursive: true }).map((name) => `docs/${name}`),
  ...["packages", "services", "clients", "examples"].flatMap((parent) =>
    readdirSync(join(root, parent)).map((name) => `${parent}/${name}/README.md`),
  ),
]
  .filter((page) => page.endsWith(".md") && existsSync(join(root, page)))
  .sort();

/**
 * Matches code blocks and the comments around them. The blocks between `<!-- curl -->` and `<!-- /curl -->`, and so
 * on, are run by the tests that search for these comments.
 */
const PIECE = /^<!-- (\/?)(curl|cli|sdk)\b|^( *)(`{3,})([^\n`]*)\n([\s\S]*?)^\3\4`*$/gm;

function* blocksOf(page) {
  const text = readFileSync(join(root, page), "utf8");
  let section;
  for (const { 1: end, 2: name, 4: ticks, 5: info = "", 6: code, index } of text.matchAll(PIECE)) {
    if (!ticks) {
      section = end ? undefined : name;
      continue;
    }
    const [language, ...marks] = info.trim().split(/\s+/);
    const line = text.slice(0, index).split("\n").length;
    yield { page, place: `${page}:${line}`, language, marks, code, section };
  }
}

/** For each test that runs blocks of a page: a function that selects these blocks. */
const RUNNERS = [
  [({ section }) => section === "curl" || section === "sdk", "test/docs/readme.redis.test.ts"],
  [
    ({ section }) => section === "cli",
    "test/docs/cli.redis.test.ts",
    "packages/cli/test/import-bullmq.redis.test.ts",
  ],
  [({ language, page }) => language === "js" && page === "README.md", "test/docs/readme.redis.test.ts"],
  [({ language }) => language === "python", "clients/python/tests/test_docs.py"],
  [({ language }) => language === "go", "clients/go/example_test.go"],
  [({ language }) => language === "nginx", "test/proxy/nginx.test.ts"],
];
/** For languages whose blocks are not run: what is done instead, and by which test. */
const OTHERS = {
  ts: ["compiled", "test/docs/blocks.test.mjs"],
  sh: ["checked", "test/docs/blocks.test.mjs"],
  json: ["checked", "test/docs/blocks.test.mjs"],
  lua: ["checked", "test/docs/blocks.test.mjs"],
  mermaid: ["checked", "site/site.test.mjs"],
};

/** Whether the text of a test names the page, by its path or, in its own folder, by its name. */
function reads(test, page) {
  const text = readFileSync(join(root, test), "utf8");
  return (
    text.includes(page) ||
    (page.startsWith(test.split("/").slice(0, 2).join("/")) && text.includes("README.md"))
  );
}

/** @returns what is done with a block, and by which test; undefined if no test uses it */
function fateOf(block) {
  const { language, marks, page } = block;
  if (marks.includes("illustration") || language === "text") return ["illustration"];
  if (language === "js" && page !== "README.md") return ["run", "test/docs/pages.redis.test.ts"];
  for (const [fits, ...tests] of RUNNERS) {
    if (!fits(block)) continue;
    const test = tests.find((path) => reads(path, page));
    return test && ["run", test];
  }
  return OTHERS[language];
}

export const BLOCKS = pages
  .flatMap((page) => [...blocksOf(page)])
  .map((block) => {
    const [fate, by] = fateOf(block) ?? [];
    return { ...block, fate, by };
  });

if (process.argv[1] === import.meta.filename) {
  const count = (wanted) => BLOCKS.filter(({ fate }) => fate === wanted).length;
  if (process.argv[2] === "--list")
    for (const { place, language, fate, by = "" } of BLOCKS)
      console.log([place, language, fate, by].join("  "));
  console.log(
    `${BLOCKS.length} blocks: ${count("run")} run, ${count("compiled")} compiled, ${count("checked")} checked, ` +
      `${count("illustration")} illustrations`,
  );
}
