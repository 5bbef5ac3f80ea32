import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { FILES, NODES, SERVERS } from "./matrix/versions.mjs";
import { notesOf, withRelease, wrongPlaces } from "./version.mjs";

const root = resolve(import.meta.dirname, "..");
const read = (path) => readFileSync(join(root, path), "utf8");
const workflows = readdirSync(join(root, ".github/workflows")).map((name) => ({
  name,
  jobs: parse(read(`.github/workflows/${name}`)).jobs,
}));
const jobOf = (name, job) => workflows.find((workflow) => workflow.name === name).jobs[job];

test("all packages, services, clients and charts have one version", () => {
  const { version } = JSON.parse(read("packages/holdfast/package.json"));
  expect(wrongPlaces(version)).toEqual([]);
  // All places have the current version, so with this one all of them are wrong. This shows that each place is
  // compared.
  expect(wrongPlaces("0.0.0").length).toBeGreaterThan(20);
});

test("the changelog has a part for the present version", () => {
  const { version } = JSON.parse(read("packages/holdfast/package.json"));
  expect(notesOf(read("CHANGELOG.md"), version)).toMatch(/^### Added$/m);
});

test("each make target and each file that a workflow names exists", () => {
  const makefile = read("Makefile");
  const missing = workflows.flatMap(({ name, jobs }) =>
    Object.values(jobs).flatMap(({ steps }) =>
      steps.flatMap(({ run = "", with: { file } = {} }) => {
        const targets = [...run.matchAll(/\bmake ([a-z-]+)/g)].map(([, target]) => target);
        const files = [...run.matchAll(/\b(scripts\/[\w./-]+)/g)].map(([, path]) => path);
        if (file) files.push(file);
        return [
          ...targets.filter((target) => !makefile.includes(`\n${target}:`)),
          ...files.filter((path) => !existsSync(join(root, path))),
        ].map((what) => `${name}: ${what}`);
      }),
    ),
  );
  expect(missing).toEqual([]);
});

test("the workflow of tests runs each version of the matrix, and the files of the matrix exist", () => {
  const versions = [...NODES.map((major) => `Node ${major}`), ...SERVERS.map(({ name }) => name)];
  expect(jobOf("ci.yml", "matrix").strategy.matrix.version).toEqual(versions);
  expect(FILES.filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

test("a release has an image of each service, as Compose builds it", () => {
  const { services } = parse(read("docker-compose.yml"), { merge: true });
  const built = Object.values(services)
    .filter(({ build }) => build?.args?.SERVICE)
    .map(({ build: { target, args } }) => ({ name: args.SERVICE, target }));
  const { include } = jobOf("release.yml", "images").strategy.matrix;
  const byName = (a, b) => a.name.localeCompare(b.name);
  expect(include.map(({ name, target }) => ({ name, target })).sort(byName)).toEqual(built.sort(byName));
  const dockerfile = read("infra/Dockerfile");
  for (const { target } of include) expect(dockerfile).toContain(` AS ${target}\n`);
});

const CHANGELOG = `# Changelog

## [Unreleased]

### Added

- One.

### Fixed

- Two.

## [0.1.0] - 2026-01-01

### Added

- Zero.
`;

test("a release gets what was not released and the texts of the changesets, each under its heading", () => {
  const texts = new Map([
    ["Added", ["- Three."]],
    ["Changed", ["- Four.", "- Five."]],
  ]);
  const changelog = withRelease(CHANGELOG, { version: "0.2.0", date: "2026-02-03", texts });
  expect(changelog).toContain("## [Unreleased]\n\n## [0.2.0] - 2026-02-03\n\n### Added\n");
  expect(notesOf(changelog, "0.2.0")).toBe(
    "### Added\n\n- One.\n- Three.\n\n### Fixed\n\n- Two.\n\n### Changed\n\n- Four.\n- Five.",
  );
  expect(notesOf(changelog, "0.1.0")).toBe("### Added\n\n- Zero.");
});

test("the first release of a changelog needs no earlier one", () => {
  const changelog = withRelease("# Changelog\n\n## [Unreleased]\n\n### Added\n\n- One.\n", {
    version: "0.1.0",
    date: "2026-02-03",
    texts: new Map(),
  });
  expect(changelog).toBe(
    "# Changelog\n\n## [Unreleased]\n\n## [0.1.0] - 2026-02-03\n\n### Added\n\n- One.\n",
  );
});
