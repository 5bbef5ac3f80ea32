import { createHash } from "node:crypto";
import { type ConnectionSettings, describeRedis, Holdfast, HoldfastError } from "holdfast";
import { UsageError } from "../exit.ts";
import { JOB_FIELDS, type Job, type MovedState } from "./bullmq-job.ts";

/** For each state, the key with the ids of its jobs and the type of that key. */
const PLACES: Record<MovedState, { key: string; type: "list" | "zset" }> = {
  waiting: { key: "wait", type: "list" },
  // Versions of BullMQ before 6 move waiting jobs to this key while the queue is paused.
  paused: { key: "paused", type: "list" },
  prioritized: { key: "prioritized", type: "zset" },
  delayed: { key: "delayed", type: "zset" },
  failed: { key: "failed", type: "zset" },
};

/** The states whose jobs stay in BullMQ, each with the key that has the ids of its jobs. */
const LEFT = {
  active: { key: "active", type: "list" },
  completed: { key: "completed", type: "zset" },
  waitingChildren: { key: "waiting-children", type: "zset" },
} as const;
const SCHEDULERS = { key: "repeat", type: "zset" };

export type LeftState = keyof typeof LEFT;

export interface Scheduler {
  id: string;
  name: string | null;
  /** A cron expression; null if the scheduler runs every `everyMs`. */
  pattern: string | null;
  everyMs: number | null;
  timeZone: string | null;
}

// Removes waiting jobs. A job is removed only if it is still in its state, is not locked, and has the data that was
// read. The reply has one letter per job: r if the job was removed or was already gone, k if it was kept. A second
// call with the same jobs does no harm.
const REMOVE = `
local letters = {}
for at = 3, #ARGV, 2 do
  local id, digest = ARGV[at], ARGV[at + 1]
  local job = ARGV[1] .. id
  local data = redis.call('HGET', job, 'data')
  local letter = data and 'k' or 'r'
  if data and redis.sha1hex(data) == digest and redis.call('EXISTS', job .. ':lock') == 0 then
    local isList = ARGV[2] == 'list'
    if (isList and redis.call('LREM', KEYS[1], -1, id) or redis.call('ZREM', KEYS[1], id)) == 1 then
      letter = 'r'
      local unique = redis.call('HGET', job, 'deid')
      if unique and redis.call('GET', ARGV[1] .. 'de:' .. unique) == id then
        redis.call('DEL', ARGV[1] .. 'de:' .. unique, ARGV[1] .. 'dn:' .. unique)
      end
      redis.call('DEL', job, job .. ':logs', job .. ':dependencies', job .. ':processed', job .. ':failed', job .. ':unsuccessful')
      redis.call('XADD', KEYS[2], 'MAXLEN', '~', redis.call('HGET', KEYS[3], 'opts.maxLenEvents') or 10000, '*', 'event', 'removed', 'jobId', id)
    end
  end
  letters[#letters + 1] = letter
end
return table.concat(letters)`;

const HAS_DATA = "return redis.sha1hex(redis.call('HGET', KEYS[1], 'data') or '') == ARGV[1] and 1 or 0";

const CONNECT_MS = 3_000;
const KEYS_PER_SCAN = 1_000;
/** The most SCAN calls: other names only help in an error message, and a database may be huge. */
const SCANS = 20;

/** Advice about settings in messages of the library. It is cut off, because these settings are for the target Redis. */
const ADVICE = /\. Start it, or set REDIS_URL to where it is$| \(REDIS_USERNAME and REDIS_PASSWORD\)/;

const sha1 = (text: string) => createHash("sha1").update(text).digest("hex");

/** Reads and removes the jobs of a BullMQ queue through its keys, without the classes of BullMQ. */
export class BullMqSource {
  readonly queue: string;
  readonly where: string;
  readonly #prefix: string;
  readonly #client: Holdfast;

  constructor(settings: ConnectionSettings, prefix: string, queue: string) {
    this.queue = queue;
    this.where = describeRedis(settings);
    this.#prefix = prefix;
    this.#client = new Holdfast({ redis: settings, instance: "cli-import" });
  }

  /**
   * Connects, and checks that the queue exists.
   * @throws HoldfastError redis_*, queue_not_found; UsageError for a Cluster
   */
  async open(): Promise<void> {
    await this.#asked(() => this.#client.connection.ready(CONNECT_MS));
    if (/cluster_enabled:1/.test(await this.#command<string>("INFO", "cluster")))
      throw new UsageError(
        `--from ${this.where} is a Redis Cluster, and import cannot read from one: let the old workers empty the queue`,
      );
    const places = [
      ...Object.values(PLACES),
      ...Object.values(LEFT),
      SCHEDULERS,
      { key: "meta", type: "hash" },
    ];
    const types = await Promise.all(places.map(({ key }) => this.#command<string>("TYPE", this.#key(key))));
    for (const [i, { key, type }] of places.entries())
      if (types[i] !== "none" && types[i] !== type)
        throw this.#notFound(`: its key "${this.#key(key)}" is a ${types[i]}, not a ${type}`);
    if (types.at(-1) === "hash") return;
    if ((await this.#command<number>("EXISTS", this.#key("id"))) === 1)
      throw this.#notFound(": this queue was written by Bull. Let its own workers drain it");
    const others = await this.#otherQueues();
    throw this.#notFound(others.length > 0 ? `; there is ${others.join(", ")}` : "; see --from-prefix");
  }

  /** Whether the queue is paused, so that BullMQ gives no jobs to workers. */
  async isPaused(): Promise<boolean> {
    return (await this.#command<number>("HEXISTS", this.#key("meta"), "paused")) === 1;
  }

  /**
   * Returns how many jobs stay in BullMQ because jobs in their states are not moved, and at most 100 of its job
   * schedulers.
   */
  async left(): Promise<Record<LeftState, number> & { schedulers: Scheduler[] }> {
    const [active, completed, waitingChildren, ids] = await Promise.all([
      this.#command<number>("LLEN", this.#key(LEFT.active.key)),
      this.#command<number>("ZCARD", this.#key(LEFT.completed.key)),
      this.#command<number>("ZCARD", this.#key(LEFT.waitingChildren.key)),
      this.#command<string[]>("ZRANGE", this.#key(SCHEDULERS.key), 0, 99),
    ]);
    const schedulers = await Promise.all(ids.map((id) => this.#scheduler(id)));
    return { active, completed, waitingChildren, schedulers };
  }

  async #scheduler(id: string): Promise<Scheduler> {
    const fields = ["name", "pattern", "every", "tz"];
    const [name = null, pattern = null, every = null, timeZone = null] = await this.#command<
      (string | null)[]
    >("HMGET", this.#key(`repeat:${id}`), ...fields);
    return { id, name, pattern, everyMs: every === null ? null : Number(every), timeZone };
  }

  /**
   * Returns a page of the jobs of a state, in the order in which BullMQ would run them. @param offset how many to skip
   */
  async page(state: MovedState, offset: number, limit: number): Promise<Job[]> {
    const { key, type } = PLACES[state];
    if (type === "list") {
      // BullMQ runs the last job of a list first.
      const ids = await this.#command<string[]>("LRANGE", this.#key(key), -offset - limit, -offset - 1);
      return Promise.all(ids.reverse().map((id) => this.#job(id, state, 0)));
    }
    const range = ["ZRANGE", this.#key(key), offset, offset + limit - 1, "WITHSCORES"] as const;
    // The reply is a list of pairs from a server that speaks RESP3, and a flat list from one that speaks RESP2.
    const scores = (await this.#command<(string | [string, string])[]>(...range)).flat();
    const jobs: Promise<Job>[] = [];
    for (let i = 0; i < scores.length; i += 2)
      jobs.push(this.#job(scores[i] as string, state, Number(scores[i + 1])));
    return Promise.all(jobs);
  }

  async #job(id: string, state: MovedState, score: number): Promise<Job> {
    const values = await this.#command<(string | null)[]>("HMGET", this.#key(id), ...JOB_FIELDS);
    const fields = Object.fromEntries(JOB_FIELDS.map((name, i) => [name, values[i] ?? null]));
    // The score of a delayed job is its due time, shifted by 12 bits. The low bits are a counter for jobs of the same
    // millisecond.
    return { ...fields, id, state, dueAt: state === "delayed" ? Math.floor(score / 0x1000) : null } as Job;
  }

  /** Whether the data of the job is valid UTF-8. Otherwise the text has replacement characters instead of the bytes. */
  async isExact({ id, data }: Job): Promise<boolean> {
    if (!data?.includes("\ufffd")) return true;
    return (await this.#command<number>("EVAL", HAS_DATA, 1, this.#key(id), sha1(data))) === 1;
  }

  /**
   * Removes jobs of one state. @returns for each job whether it is gone. A job stays if a worker has taken it or if it
   * has changed.
   */
  async remove(state: MovedState, jobs: readonly Job[]): Promise<boolean[]> {
    if (jobs.length === 0) return [];
    const { key, type } = PLACES[state];
    const keys = [this.#key(key), this.#key("events"), this.#key("meta")];
    const tail = jobs.flatMap(({ id, data }) => [id, sha1(data ?? "")]);
    const letters = await this.#command<string>(
      "EVAL",
      REMOVE,
      keys.length,
      ...keys,
      this.#key(""),
      type,
      ...tail,
    );
    return [...letters].map((letter) => letter === "r");
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  #key(part: string): string {
    return `${this.#prefix}:${this.queue}:${part}`;
  }

  #command<Reply>(name: string, ...args: (string | number)[]): Promise<Reply> {
    return this.#asked(() => this.#client.connection.command<Reply>(name, ...args));
  }

  /**
   * The import uses two Redis servers. The text "--from" at the start of an error tells the user that it comes from
   * the one with BullMQ.
   */
  async #asked<Reply>(ask: () => Promise<Reply>): Promise<Reply> {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      const message = error.message.replace(ADVICE, "");
      throw new HoldfastError(error.code, `--from: ${message}`, { cause: error });
    }
  }

  #notFound(why: string): HoldfastError {
    return new HoldfastError(
      "queue_not_found",
      `there is no BullMQ queue "${this.queue}" with the prefix "${this.#prefix}" at ${this.where}${why}`,
    );
  }

  async #otherQueues(): Promise<string[]> {
    const found = new Set<string>();
    let cursor = "0";
    for (let scan = 0; scan < SCANS && found.size < 10; scan++) {
      const pattern = `${this.#prefix.replaceAll(/[*?[\]\\]/g, "\\$&")}:*:meta`;
      const [next, keys] = await this.#command<[string, string[]]>(
        ...(["SCAN", cursor, "MATCH", pattern, "COUNT", KEYS_PER_SCAN] as const),
      );
      for (const key of keys) found.add(`"${key.slice(this.#prefix.length + 1, -":meta".length)}"`);
      cursor = next;
      if (cursor === "0") break;
    }
    return [...found].sort().slice(0, 10);
  }
}
