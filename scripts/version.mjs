// Sets the version of a release. Changesets gives all packages the next version. This script writes the same version
// into every other place, and moves the texts of the changesets into CHANGELOG.md.
//
//   node scripts/version.mjs
//   node scripts/version.mjs --check [v0.1.0]   exits with 1 if a place, or the tag, has another version
//   node scripts/version.mjs --notes            prints the part of the changelog for the current version
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
// Changesets needs a newer version of Node than the library.
const CHANGESETS = ["--yes", "--package", "node@24", "--package", "@changesets/cli@3.0.3", "changeset"];
const read = (path) => readFileSync(join(root, path), "utf8");
const versionNow = () => JSON.parse(read("packages/holdfast/package.json")).version;

/** The places that changesets does not change. The group in each pattern is the version. */
const PLACES = [
  ["package.json", /^ {2}"version": "(.+)",$/m],
  ["packages/holdfast/src/worker/worker-options.ts", /version = "(\d.+?)"/],
  ["packages/holdfast/src/opentelemetry/index.ts", /getTracer\("holdfast", "(.+)"\)/],
  ...["producer-api", "worker-api", "dispatcher", "worker", "janitor"].map((service) => [
    `services/${service}/src/main.ts`,
    /const VERSION = "(.+)"/,
  ]),
  ["infra/k8s/holdfast/Chart.yaml", /^version: (.+)$/m],
  ["infra/k8s/holdfast/Chart.yaml", /^appVersion: "(.+)"$/m],
  ["infra/k8s/examples/production.yaml", /tag: "(.+?)"/],
  ["clients/python/pyproject.toml", /^version = "(.+)"$/m],
  ["clients/python/src/holdfast/_identity.py", /^_VERSION = "(.+)"$/m],
  ["clients/python/src/holdfast/_http.py", /holdfast-python\/([\d.]+)/],
];
/** The package manifests in which changesets sets the version. */
const manifests = ["packages", "services"]
  .flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}/package.json`))
  .concat("dashboard/package.json");

/** Returns the places that have another version than `version`. */
export function wrongPlaces(version) {
  const found = [
    ...PLACES.map(([path, pattern]) => [path, pattern.exec(read(path))?.[1]]),
    ...manifests.map((path) => [path, JSON.parse(read(path)).version]),
  ];
  return found.filter(([, has]) => has !== version).map(([path, has]) => `${path} has version ${has}`);
}

function setPlaces(version) {
  for (const [path, pattern] of PLACES)
    writeFileSync(
      join(root, path),
      read(path).replace(pattern, (all, old) => all.replace(old, version)),
    );
}

/** The heading of the changelog for each size of a change. */
const HEADINGS = { major: "Changed", minor: "Added", patch: "Fixed" };

/** Returns the texts of the changesets, sorted by the heading of the changelog to which they belong. */
function readChangesets() {
  const texts = new Map();
  for (const name of readdirSync(join(root, ".changeset"))) {
    if (!/(?<!^README)\.md$/.test(name)) continue;
    const [, sizes = "", text = ""] =
      /^---\n([\s\S]*?)---\n([\s\S]*)$/.exec(read(`.changeset/${name}`)) ?? [];
    const size = ["major", "minor", "patch"].find((one) => sizes.includes(one)) ?? "patch";
    const line = `- ${text.trim().replaceAll("\n", "\n  ")}`;
    texts.set(HEADINGS[size], [...(texts.get(HEADINGS[size]) ?? []), line]);
  }
  return texts;
}

/**
 * Returns the changelog with a part for a new version. It contains the texts that were under "Unreleased" and the
 * texts of the changesets, each under its heading.
 */
export function withRelease(changelog, { version, date, texts }) {
  const [, before, unreleased, after] = /^([\s\S]*?## \[Unreleased\]\n)([\s\S]*?)((?:\n## \[[\s\S]*)?)$/.exec(
    changelog,
  );
  const [intro, ...parts] = unreleased.trim().split(/^### /m);
  const sections = new Map(
    parts.map((part) => {
      const end = part.indexOf("\n");
      return [part.slice(0, end), [part.slice(end).trim()]];
    }),
  );
  for (const [heading, lines] of texts) sections.set(heading, [...(sections.get(heading) ?? []), ...lines]);
  const part = [
    ...(intro.trim() ? [intro.trim()] : []),
    ...[...sections].map(([heading, lines]) => `### ${heading}\n\n${lines.join("\n")}`),
  ].join("\n\n");
  return `${before}\n## [${version}] - ${date}\n\n${part}\n${after}`;
}

/** Returns the part of the changelog for a version, without its heading. */
export function notesOf(changelog, version) {
  const [, notes] = changelog.split(new RegExp(`^## \\[${version.replaceAll(".", "\\.")}\\].*\n`, "m"));
  return notes?.split(/^## \[/m)[0].trim();
}

function release() {
  const texts = readChangesets();
  if (texts.size === 0) throw new Error("there is no changeset: `make change` makes one");
  execFileSync("npx", [...CHANGESETS, "version"], { cwd: root, stdio: "inherit" });
  const version = versionNow();
  setPlaces(version);
  const date = new Date().toISOString().slice(0, 10);
  writeFileSync(join(root, "CHANGELOG.md"), withRelease(read("CHANGELOG.md"), { version, date, texts }));
  console.log(
    `all packages have version ${version}: read CHANGELOG.md, then commit, and tag the commit v${version}`,
  );
}

function check(tag) {
  const version = versionNow();
  const wrong = wrongPlaces(version);
  if (tag !== undefined && tag !== `v${version}`)
    wrong.push(
      `the tag is ${tag}, but the version of the packages is ${version}: tag the commit v${version}`,
    );
  if (tag !== undefined && !notesOf(read("CHANGELOG.md"), version))
    wrong.push(`CHANGELOG.md has no section for ${version}: add one`);
  for (const line of wrong) console.error(line);
  process.exitCode = wrong.length > 0 ? 1 : 0;
}

if (process.argv[1] === import.meta.filename) {
  const [flag, tag] = process.argv.slice(2);
  if (flag === "--check") check(tag);
  else if (flag === "--notes") console.log(notesOf(read("CHANGELOG.md"), versionNow()));
  else release();
}
