// Writes the tarballs that are published into the folder `tarballs`, after a build. A tarball contains the packages of
// this repository that it needs, and imports them by paths, so it can be installed alone (docs/adr/0050-tarballs.md).
//
//   node scripts/pack.mjs [folder]
import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, relative, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const PUBLISHED = [
  "packages/holdfast",
  "packages/outbox",
  "packages/cli",
  "services/producer-api",
  "services/worker-api",
  "services/dispatcher",
  "services/worker",
  "services/janitor",
  "services/observability",
];
/** Built files of other packages that a tarball needs: folder in the tarball -> folder of these files. */
const ADDED = {
  "services/observability": { dashboard: "dashboard/dist" },
  "packages/cli": { "observability/dashboard": "dashboard/dist" },
};

const readJson = (path) => JSON.parse(readFileSync(path, "utf8"));

/** Maps the name of each package of this repository to its folder. */
const folders = new Map(
  ["packages", "services"]
    .flatMap((parent) => readdirSync(join(root, parent)).map((name) => `${parent}/${name}`))
    .filter((folder) => existsSync(join(root, folder, "package.json")))
    .map((folder) => [readJson(join(root, folder, "package.json")).name, folder]),
);

/** Returns the names of the packages of this repository that a package needs, directly or through others. */
function neededBy(manifest, found = new Set()) {
  for (const name of Object.keys(manifest.dependencies ?? {})) {
    if (!folders.has(name) || found.has(name)) continue;
    found.add(name);
    neededBy(readJson(join(root, folders.get(name), "package.json")), found);
  }
  return found;
}

/**
 * A tarball of a library has types and sources. A tarball of a program has only code, and the source maps for its
 * stack traces.
 */
const LIBRARY_FILE = /(?<!\.test\.ts|\.tsbuildinfo)$/;
const PROGRAM_FILE = /^(dist|bin)\/(?!embedded).*\.c?js(\.map)?$|^(dashboard|template)\/|^README\.md$/;
/** The generated Lua scripts are packed without sources and maps, because nobody reads or debugs them. */
const LEFT_OUT = /^src\/redis\/generated\/|^dist\/redis\/generated\/.*\.map$/;

/** The files that embed.mjs writes into `dist`. */
const EMBEDDED = /^dist\/(embedded\.js|worker\/heartbeat-thread\.cjs)$/;

/** Whether the source of a file in `dist` was deleted. tsc never deletes the files that it wrote earlier. */
function isStale(folder, path) {
  if (!path.startsWith("dist/") || EMBEDDED.test(path)) return false;
  const source = path.replace(/^dist/, "src").replace(/(\.d)?\.(c?)[jt]s(\.map)?$/, ".$2ts");
  return !existsSync(join(folder, source));
}

/** Replaces package names in the imports of a file by paths, for packages that the tarball contains. */
function withPaths(text, path, places) {
  return text.replace(
    /(from |import\()"((?:@holdfast\/)?[\w-]+)(?:\/([\w-]+))?"/g,
    (all, before, name, entry) => {
      const place = places.get(name);
      if (!place) return all;
      const file = join(place.folder, place.exports[entry ? `./${entry}` : "."].default);
      const way = relative(dirname(path), file);
      return `${before}"${way.startsWith(".") ? way : `./${way}`}"`;
    },
  );
}

function copyPackage(folder, target, wanted, places) {
  const from = join(root, folder);
  const { files } = readJson(join(from, "package.json"));
  for (const name of [...files, "README.md"].filter((name) => existsSync(join(from, name)))) {
    cpSync(join(from, name), join(target, name), {
      recursive: true,
      filter: (source) => {
        const path = relative(from, source);
        if (statSync(source).isDirectory()) return !LEFT_OUT.test(`${path}/`);
        return wanted.test(path) && !LEFT_OUT.test(path) && !isStale(from, path);
      },
    });
  }
  for (const name of readdirSync(join(target, "dist"), { recursive: true })) {
    const path = join(target, "dist", name);
    if (/(?<!embedded)\.[cm]?[jt]s$/.test(path))
      writeFileSync(path, withPaths(readFileSync(path, "utf8"), path, places));
  }
}

/** Returns the manifest for the published package, without the fields that only this repository uses. */
function publishedManifest(manifest, needed) {
  const { devDependencies, scripts, private: _, ...published } = manifest;
  const inner = needed.map((name) => readJson(join(root, folders.get(name), "package.json")));
  const dependencies = [manifest, ...inner]
    .flatMap(({ dependencies }) => Object.entries(dependencies ?? {}))
    .filter(([name]) => !folders.has(name))
    .sort();
  // npm compares this address with the repository whose workflow publishes the tarball.
  const { GITHUB_REPOSITORY } = process.env;
  const url = `git+https://github.com/${GITHUB_REPOSITORY}.git`;
  return {
    ...published,
    ...(GITHUB_REPOSITORY ? { repository: { type: "git", url } } : {}),
    ...entriesOf(manifest),
    files: [...manifest.files, ...needed.map((name) => basename(folders.get(name)))],
    dependencies: Object.fromEntries(dependencies),
  };
}

/**
 * Repeats `exports` in older fields, which TypeScript reads with `moduleResolution: node10`, the old default for
 * CommonJS.
 */
function entriesOf({ exports: { ".": main, ...others } = {} }) {
  if (!main) return {};
  const types = Object.entries(others).map(([name, entry]) => [name.slice(2), [entry.types]]);
  return { main: main.default, types: main.types, typesVersions: { "*": Object.fromEntries(types) } };
}

const writeJson = (path, value) => writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);

/** Writes the files of a package's tarball into the folder `stage`. */
export function stagePackage(folder, stage) {
  const manifest = readJson(join(root, folder, "package.json"));
  const needed = [...neededBy(manifest)].sort();
  const wanted = manifest.exports ? LIBRARY_FILE : PROGRAM_FILE;
  const places = new Map(
    needed.map((name) => {
      const { exports } = readJson(join(root, folders.get(name), "package.json"));
      return [name, { folder: join(stage, basename(folders.get(name))), exports }];
    }),
  );
  copyPackage(folder, stage, wanted, places);
  for (const name of needed) {
    const { folder: inner } = places.get(name);
    copyPackage(folders.get(name), inner, wanted, places);
    // A service reads its version from this file.
    writeJson(join(inner, "package.json"), { name, version: manifest.version, type: "module" });
  }
  for (const [name, source] of Object.entries(ADDED[folder] ?? {}))
    cpSync(join(root, source), join(stage, name), { recursive: true });
  cpSync(join(root, "LICENSE"), join(stage, "LICENSE"));
  // Links to other files of the repository would be dead in a package, so they are replaced by their text.
  const readme = join(stage, "README.md");
  writeFileSync(readme, readFileSync(readme, "utf8").replace(/\[([^\]]+)\]\((?!https?:|#)[^)]*\)/g, "$1"));
  writeJson(join(stage, "package.json"), publishedManifest(manifest, needed));
}

/** Writes the tarballs and returns their paths. */
export function packAll(target) {
  for (const built of ["packages/holdfast/dist/embedded.js", "dashboard/dist/index.html"])
    if (!existsSync(join(root, built))) throw new Error(`${built} is missing: run make build first`);
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  const scratch = mkdtempSync(join(tmpdir(), "holdfast-pack-"));
  try {
    return PUBLISHED.map((folder) => {
      const stage = join(scratch, basename(folder));
      mkdirSync(stage);
      stagePackage(folder, stage);
      const told = execFileSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", target], {
        cwd: stage,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"],
      });
      const [{ filename, size, unpackedSize, entryCount }] = Object.values(JSON.parse(told)).flat();
      console.log(
        `${relative(root, join(target, filename))}: ${Math.round(size / 1_024)} KiB, unpacked ${Math.round(unpackedSize / 1_024)} KiB, ${entryCount} files`,
      );
      return join(target, filename);
    });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

if (process.argv[1] === import.meta.filename) packAll(resolve(process.argv[2] ?? join(root, "tarballs")));
