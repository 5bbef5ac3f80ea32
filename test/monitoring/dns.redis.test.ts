import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { hasPrometheus } from "./support.ts";

/**
 * Runs a command with a separate network, resolv.conf and process ids. So port 53 and the ports of the Compose stack
 * are free.
 */
const IN_NAMESPACE = [
  "--map-root-user",
  "--net",
  "--mount",
  "--pid",
  "--kill-child",
  "sh",
  "-ec",
  'ip link set lo up; mount --bind "$0" /etc/resolv.conf; exec "$@"',
];

const canUnshare =
  spawnSync("unshare", [...IN_NAMESPACE, "/dev/null", "true"], { stdio: "ignore" }).status === 0;
if (hasPrometheus && !canUnshare) {
  console.warn(
    "SKIPPED: this system has no network namespaces, so the discovery of scaled workers is not tested",
  );
}

test.skipIf(!hasPrometheus || !canUnshare)(
  "with the prometheus.yml of the repository, Prometheus finds three workers behind one name, counts their tasks, and forgets one that is gone",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-resolv-"));
    try {
      const resolver = join(folder, "resolv.conf");
      writeFileSync(resolver, "nameserver 127.0.0.53\n");
      const script = join(import.meta.dirname, "fixtures/scaled-workers.mjs");
      const { stdout } = await promisify(execFile)(
        "unshare",
        [...IN_NAMESPACE, resolver, process.execPath, script],
        { timeout: 170_000, killSignal: "SIGTERM" },
      );
      expect(JSON.parse(stdout)).toEqual({
        found: ["127.0.0.2:9464", "127.0.0.3:9464", "127.0.0.4:9464"],
        acked: 30,
        left: 2,
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
  180_000,
);
