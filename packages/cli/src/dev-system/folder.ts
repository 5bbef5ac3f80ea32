import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { HoldfastError } from "holdfast";

/** How long the guard (guard.ts) may need to end the processes of a killed `holdfast dev`, ms. */
const ENDING_MS = 10_000;

/** What `holdfast dev` writes into its folder while it runs. */
interface Running {
  pid: number;
  /** The URL of the dashboard, set once the dashboard is ready. */
  dashboard?: string;
  /** The process id of the Redis that this command started. */
  redis?: number;
}

/** The folder with the data and logs of one `holdfast dev`. Another `holdfast dev` cannot use it at the same time. */
export class DevFolder {
  readonly path: string;
  readonly #file: string;
  #running: Running = { pid: process.pid };

  /** @throws HoldfastError conflict if another `holdfast dev` uses the folder */
  static async claim(path: string): Promise<DevFolder> {
    mkdirSync(path, { recursive: true });
    // Neither the data nor the logs belong in the repository of the user.
    if (!existsSync(join(path, ".gitignore"))) writeFileSync(join(path, ".gitignore"), "*\n");
    const file = join(path, "dev.json");
    const earlier = readRunning(file);
    if (earlier && (await isAlive(earlier)))
      throw new HoldfastError(
        "conflict",
        `holdfast dev already runs in ${path} (process ${earlier.pid}${
          earlier.dashboard ? `, dashboard ${earlier.dashboard}` : ""
        }): end that one with Ctrl-C, or name another folder with --data`,
      );
    // If the earlier command was killed, its guard may still be ending its Redis. This loop waits until that Redis
    // has ended.
    const { redis } = earlier ?? {};
    for (const end = performance.now() + ENDING_MS; performance.now() < end; await sleep(100))
      if (redis === undefined || !isThere(redis)) break;
    rmSync(file, { force: true });
    return new DevFolder(path, file);
  }

  private constructor(path: string, file: string) {
    this.path = path;
    this.#file = file;
    // "wx" fails if the file exists. So if two commands start at the same time, the second one fails here.
    writeFileSync(file, JSON.stringify(this.#running), { flag: "wx" });
  }

  record(facts: Partial<Running>): void {
    this.#running = { ...this.#running, ...facts };
    writeFileSync(this.#file, JSON.stringify(this.#running));
  }

  release(): void {
    rmSync(this.#file, { force: true });
  }
}

function readRunning(file: string): Running | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Running;
  } catch {
    return undefined;
  }
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** A process id alone proves little: after a restart of the machine or container, another process may have it. */
async function isAlive({ pid, dashboard }: Running): Promise<boolean> {
  if (pid === process.pid || !isThere(pid)) return false;
  if (dashboard === undefined) return true;
  const signal = AbortSignal.timeout(5_000);
  return fetch(`${dashboard}/livez`, { signal }).then(
    ({ ok }) => ok,
    () => false,
  );
}
