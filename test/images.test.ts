import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, expect, test } from "vitest";
import { parse } from "yaml";

const root = resolve(import.meta.dirname, "..");
const read = (path: string) => readFileSync(join(root, path), "utf8");
const compose = read("docker-compose.yml");
const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

test("every foreign image can be pinned to a digest, and has the same tag everywhere", () => {
  const services = Object.values(parse(compose, { merge: true }).services) as {
    image?: string;
    build?: { args: Record<string, string> };
  }[];
  for (const { image, build } of services) {
    if (build === undefined) expect(image).toMatch(/^\$\{[A-Z0-9]+_IMAGE:-[^}@]+:[^}@]+\}$/);
    else expect(build.args.NODE_IMAGE).toMatch(/^\$\{NODE_IMAGE:-node:24-bookworm-slim\}$/);
  }
  const text = read("infra/Dockerfile");
  expect(text).toMatch(/^ARG NODE_IMAGE=node:24-bookworm-slim$/m);
  const stages = [...text.matchAll(/ AS (\w+)$/gm)].map(([, stage]) => stage);
  const bases = [...text.matchAll(/^FROM (\S+)/gm)].map(([, base]) => base ?? "");
  expect(bases.filter((base) => !/^\$\{NODE_IMAGE\}$/.test(base) && !stages.includes(base))).toEqual([]);
});

/**
 * Runs pin-images with a fake docker. @param inspect a shell command that is run instead of `docker image inspect`
 */
function pin(inspect: string) {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-images-"));
  folders.push(folder);
  const file = join(folder, "docker");
  writeFileSync(file, `#!/bin/sh\n[ "$1" = pull ] && exit 0\n${inspect}\n`);
  chmodSync(file, 0o755);
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` };
  return spawnSync(join(root, "scripts/pin-images"), { env, encoding: "utf8" });
}

test("pin-images prints each tag with its digest, as lines for .env", () => {
  const digest = `sha256:${"ab".repeat(32)}`;
  const { status, stdout } = pin(`echo "x@${digest}"`);
  expect(status).toBe(0);
  const wanted = [...compose.matchAll(/\$\{([A-Z0-9]+_IMAGE):-([^}]+)\}/g)].map(
    ([, name, image]) => `${name}=${image}@${digest}`,
  );
  expect(stdout.trim().split("\n").sort()).toEqual([...new Set(wanted)].sort());
  expect(wanted.length).toBeGreaterThan(4);
});

test("pin-images reports an image without a digest, such as one that was built here", () => {
  const { status, stderr } = pin("echo");
  expect(status).not.toBe(0);
  expect(stderr).toContain("has no digest");
});
