import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { configSchema as worker } from "../../services/worker/dist/config.js";

const source = join(import.meta.dirname, "../../infra/systemd");
const units = readdirSync(source).filter((name) => name.endsWith(".service"));
const hasSystemd = spawnSync("systemd-analyze", ["--version"]).status === 0;
if (!hasSystemd)
  console.warn("SKIPPED: systemd-analyze is not installed, so the systemd units are not verified");
let folder;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-units-"));
  cpSync(source, folder, { recursive: true });
  for (const name of units) {
    // The units contain paths of an installed system. The test replaces them by paths of this machine.
    const text = readFileSync(join(folder, name), "utf8")
      .replaceAll("/usr/bin/node", process.execPath)
      .replaceAll("/opt/holdfast", join(source, "../.."));
    writeFileSync(join(folder, name.replace("@.", "@0.")), text);
    writeFileSync(join(folder, name), text);
  }
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(!hasSystemd)("the systemd units", () => {
  test.each(units)("systemd knows every setting in %s", (name) => {
    const paths = [name.replace("@.", "@0."), "holdfast.target"].map((file) => join(folder, file));
    const { status, stderr } = spawnSync("systemd-analyze", ["verify", "--recursive-errors=no", ...paths], {
      encoding: "utf8",
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });

  test.each(units)("systemd gives %s an exposure level of at most 2.0 out of 10", (name) => {
    const { status, stdout, stderr } = spawnSync(
      "systemd-analyze",
      ["security", "--offline=yes", "--threshold=20", "--no-pager", join(folder, name.replace("@.", "@0."))],
      { encoding: "utf8" },
    );
    expect(status, stdout + stderr).toBe(0);
  });
});

test("systemd gives a worker more time than its shutdown takes", () => {
  const text = readFileSync(join(source, "holdfast-worker@.service"), "utf8");
  const stopSeconds = Number(/^TimeoutStopSec=(\d+)$/m.exec(text)?.[1]);
  expect(stopSeconds * 1_000).toBeGreaterThan(worker.properties.SHUTDOWN_GRACE_MS.default + 5_000);
});
