import { HoldfastError } from "@holdfast/contracts";
import { nanoid } from "nanoid";
import type { Connection } from "../redis/connection.ts";
import * as scripts from "../redis/generated/index.ts";
import { MAX_TYPES, OTHER_TYPE } from "../series/type-series.ts";
import { OperatorScripts } from "./operator-scripts.ts";

export type { Grant, RoundTrip } from "./round-trip.ts";
export type { RoundTripArgs } from "./round-trip-call.ts";
export type { Verdict, VerdictOutcome } from "./verdict.ts";

const TIMINGS_TTL_MS = 2_678_400_000; // The timings of a deleted queue expire after this time.

/** The other queues and partitions in the same Redis, to which flows may send nodes. */
export interface Peers {
  engine(part: string): Engine;
  exists(part: string): Promise<boolean>;
  /** The numbers of partitions of all queues: see `PartitionRegistry`. */
  partitionFields(): Promise<Record<string, string>>;
}

const NO_PEERS: Peers = {
  engine(part) {
    throw new HoldfastError("invalid_argument", `this engine does not know "${part}"`);
  },
  exists: async () => false,
  partitionFields: async () => ({}),
};

/** Calls the scripts of one queue or partition: one typed method per script. Only scripts change the state of tasks. */
export class Engine extends OperatorScripts {
  #opening: Promise<void> | undefined;
  readonly peers: Peers;

  /** @param options.peers for flows over several queues or partitions @default none */
  constructor(
    connection: Connection,
    queue: string,
    options: ConstructorParameters<typeof OperatorScripts>[2] & { peers?: Peers | undefined } = {},
  ) {
    super(connection, queue, options);
    this.peers = options.peers ?? NO_PEERS;
  }

  /**
   * Registers the queue, so that operators and janitors see it. Needed before its first task, and again if it was
   * deleted while in use.
   * @throws HoldfastError as `Registry.addQueue`
   */
  open(): Promise<void> {
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #open(): Promise<void> {
    const ask = (confirmed: string) =>
      this.run<scripts.OpenArgs, string>(scripts.openScript, { nonce: nanoid(10), confirmed });
    // The loop runs again only if the queue is deleted during a round.
    for (;;) {
      const asked = await ask("");
      // Registers the queue in any case. On a Cluster, the list of queues is on another node, which may have lost it.
      await this.register();
      if (asked === "1" || (await ask(asked)) === "1") return;
    }
  }

  /** Extends leases. A letter per pair of id and fence: r renewed, c renewed and a cancel is requested, l lost. */
  heartbeat(pairs: readonly string[], leaseMs: number): Promise<string> {
    return this.run(scripts.heartbeatScript, { clockMs: this.clockMs(), leaseMs, tail: pairs });
  }

  /** Stores the progress or a log line of an attempt. @returns false if the attempt has lost its lease */
  async progress(
    id: string,
    fence: string,
    change: { progress?: string; checkpoint?: string; line?: string },
  ): Promise<boolean> {
    const args = {
      clockMs: this.clockMs(),
      taskId: id,
      fence,
      progress: change.progress ?? "",
      checkpoint: change.checkpoint ?? "",
      line: change.line ?? "",
      maxLines: 50,
    };
    return (await this.run<scripts.ProgressArgs, number>(scripts.progressScript, args)) === 1;
  }

  /** Returns the checkpoint of a task as JSON text; undefined if it has none. */
  async checkpoint(id: string): Promise<string | undefined> {
    const told = await this.connection.command<string | null>("HGET", this.keys.progress, id);
    return told?.split("\n", 1)[0]?.split("\t")[1];
  }

  /** Adds to the counts of one task type. `fields`: name, number, name, number … The field `n` counts the tasks. */
  async typeTimings(taskType: string, fields: readonly (string | number)[]): Promise<void> {
    await this.run<scripts.TypeTimingsArgs, string>(scripts.typeTimingsScript, {
      ...{ ttlMs: TIMINGS_TTL_MS, maxTypes: MAX_TYPES, taskType, other: OTHER_TYPE },
      tail: fields,
    });
  }

  /** Adds to the counts of how long tasks waited and ran. `fields`: name, number, name, number … */
  async timings(fields: readonly (string | number)[]): Promise<void> {
    await this.run<scripts.TimingsArgs, number>(scripts.timingsScript, {
      ttlMs: TIMINGS_TTL_MS,
      tail: fields,
    });
  }
}
