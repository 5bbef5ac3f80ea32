// Fails the build if the files of the first load are too large: the entry chunk and the chunks that it imports
// statically.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const BUDGET_BYTES = 200_000;
const dist = new URL("../dist/", import.meta.url);
const manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", dist), "utf8"));

const first = new Set();
const visit = (key) => {
  if (first.has(key)) return;
  first.add(key);
  for (const next of manifest[key].imports ?? []) visit(next);
};
for (const [key, chunk] of Object.entries(manifest)) if (chunk.isEntry) visit(key);

const size = (file) => gzipSync(readFileSync(new URL(file, dist))).length;
const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
const bytes = [...first].reduce((sum, key) => sum + size(manifest[key].file), 0);
const german = kilobytes(size(manifest["virtual:texts/de"].file));
console.log(
  `First load: ${kilobytes(bytes)} of compressed JavaScript (budget ${kilobytes(BUDGET_BYTES)}), and ${german} of texts in German.`,
);
if (first.size === 0 || bytes > BUDGET_BYTES) {
  for (const key of first)
    console.error(`  ${kilobytes(size(manifest[key].file)).padStart(10)}  ${manifest[key].file}`);
  console.error("Over the budget: load what a first page does not need with lazy() or lazyRouteComponent().");
  process.exit(1);
}

const page = readFileSync(new URL("index.html", dist), "utf8");
if (/<script(?![^>]*\bsrc=)[^>]*>\s*\S/.test(page) || /\son[a-z]+=/.test(page)) {
  console.error("dist/index.html has an inline script: the Content-Security-Policy forbids it.");
  process.exit(1);
}
