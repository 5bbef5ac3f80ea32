// A Postgres server for tests. It is JavaScript, because Node runs the fault tests (test/chaos) without a build.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);
const DEBIAN = "/usr/lib/postgresql";
// Postgres refuses to run as root. On Debian and most other systems, this is the id of the user "nobody".
const NOBODY = 65_534;
const START_MS = 60_000;

/**
 * Returns the folder with `initdb` and `postgres`. If there are several versions, returns the newest. Returns null if
 * there is none.
 */
export function findPostgres() {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...versions.map((version) => join(DEBIAN, version, "bin")),
    ...(process.env.PATH ?? "").split(delimiter),
  ];
  return (
    folders.find((folder) => ["initdb", "postgres"].every((name) => existsSync(join(folder, name)))) ?? null
  );
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** Starts a server on a free port, with data of its own. It runs as another user if this process is root. */
export async function startPostgres({ settings = [], sync = false } = {}) {
  const bin = findPostgres();
  if (bin === null)
    throw new Error("initdb and postgres were not found: scripts/setup postgres installs them");
  const folder = await mkdtemp(join(tmpdir(), "holdfast-postgres-"));
  const user = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, "data");
  const options = { ...user, cwd: folder, env: { PATH: process.env.PATH, LC_ALL: "C" } };
  await run(
    join(bin, "initdb"),
    ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C"],
    options,
  );
  const port = await freePort();
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const own = [`listen_addresses=127.0.0.1`, `unix_socket_directories=${folder}`, "shared_buffers=64MB"];
  if (!sync) own.push("fsync=off", "full_page_writes=off");
  const args = [
    "-D",
    data,
    "-p",
    String(port),
    ...[...own, ...settings].flatMap((setting) => ["-c", setting]),
  ];
  let server;
  const kill = async () => {
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    server.kill("SIGKILL");
    await once(server, "exit");
  };
  const isReady = async () => {
    const ready = await run(join(bin, "psql"), ["-X", "-q", "-t", "-c", "SELECT 1", url], options).catch(
      () => null,
    );
    return ready !== null;
  };
  const start = async () => {
    // After a kill, the children of the old server end by themselves. Until then, a new one refuses to start.
    for (const end = performance.now() + START_MS; performance.now() < end; await sleep(100)) {
      server = spawn(join(bin, "postgres"), args, { ...options, stdio: "ignore" });
      const ended = once(server, "exit").then(
        () => "ended",
        () => "ended",
      );
      for (;;) {
        if ((await Promise.race([ended, sleep(50)])) === "ended") break;
        if (await isReady()) return;
        if (performance.now() > end) break;
      }
    }
    throw new Error("postgres did not start");
  };
  await start();
  return {
    port,
    url,
    start,
    kill,
    stop: async () => {
      await kill();
      await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
  };
}
