import { type FlowCallback, HoldfastError } from "@holdfast/contracts";
import type { Engine } from "../engine/engine.ts";
import { askTarget } from "../engine/flows.ts";
import { queueOfPartition } from "../engine/names.ts";
import { partitionsIn } from "../partitions/partition-names.ts";
import { Parts } from "../partitions/parts.ts";

const FULL_RETRY_MS = 1_000;

/** A node or a callback. `what`: its name in error messages. `id`: the id of its task. */
export interface Placed {
  what: string;
  id: string;
  task: FlowCallback;
}

/** Decides in which queue or partition each node of a flow runs. The one in which the flow was created is its home. */
export class FlowPlaces {
  readonly home: Engine;
  readonly #queue: string;
  readonly #parts = new Map<string, Parts>();

  /** @param own the partitions of the queue in which the flow is created. @default they are looked up when needed */
  constructor(home: Engine, own?: Parts) {
    this.home = home;
    this.#queue = queueOfPartition(home.queue) ?? home.queue;
    // A flow in a queue without partitions needs no look-up.
    const parts = own ?? (this.#queue === home.queue ? new Parts(home.peers, home.queue, null) : undefined);
    if (parts) this.#parts.set(this.#queue, parts);
  }

  /**
   * Looks up the queues of these tasks, and asks those other than the home whether they accept the tasks.
   * @throws HoldfastError queue_not_found, queue_full, conflict, invalid_argument. Each names the node or the queue
   */
  async admit(flow: string, placed: Iterable<Placed>): Promise<void> {
    await this.#look(placed);
    const counts = new Map<string, number>();
    for (const each of placed) {
      const part = this.partOf(each);
      if (part !== "") counts.set(part, (counts.get(part) ?? 0) + 1);
    }
    await Promise.all([...counts].map(([part, nodes]) => this.#ask(flow, part, nodes)));
  }

  /** Returns the queue or partition in which a node or callback runs; "" for the home of the flow. */
  partOf({ what, id, task }: Placed): string {
    const parts = this.#parts.get(task.queue ?? this.#queue) as Parts;
    if (!parts.partitions) return parts.queue === this.home.queue ? "" : parts.queue;
    if (task.options?.key !== undefined)
      throw new HoldfastError(
        "invalid_argument",
        `${what} has a key and is in queue "${parts.queue}", which has partitions: the tasks of a key have to be in one partition, and the id of a node decides its partition`,
      );
    const { name } = parts.ofId(id) as Parts["all"][number];
    return name === this.home.queue ? "" : name;
  }

  async #look(placed: Iterable<Placed>): Promise<void> {
    const unknown = new Map<string, string>();
    for (const { what, task } of placed) {
      const queue = task.queue ?? this.#queue;
      if (!this.#parts.has(queue) && !unknown.has(queue)) unknown.set(queue, what);
    }
    if (unknown.size === 0) return;
    const { peers } = this.home;
    const fields = await peers.partitionFields();
    for (const [queue, what] of unknown) {
      const partitions = partitionsIn(fields, queue);
      if (!partitions && !(await peers.exists(queue)))
        throw new HoldfastError("queue_not_found", `${what}: there is no queue "${queue}"`);
      this.#parts.set(queue, new Parts(peers, queue, partitions));
    }
  }

  /**
   * Asks a queue or partition whether it accepts nodes. The limit of waiting tasks is checked here, before the flow is
   * stored. Later a queue accepts each node that is sent to it, even if it is full.
   */
  async #ask(flow: string, part: string, nodes: number): Promise<void> {
    const engine = this.home.peers.engine(part);
    const queue = queueOfPartition(part) ?? part;
    for (;;) {
      const verdict = await askTarget(engine, { flow, home: this.home.queue, nodes });
      if (verdict === "n") return;
      if (verdict === "f")
        throw new HoldfastError(
          "queue_full",
          `queue "${queue}" has as many waiting tasks as it may have: try again later`,
          { retryAfterMs: FULL_RETRY_MS },
        );
      if (verdict === "c") throw otherFlow(queue, flow);
      await engine.open();
    }
  }
}

export function otherFlow(queue: string, flow: string): HoldfastError {
  return new HoldfastError(
    "conflict",
    `queue "${queue}" has another flow "${flow}", or nodes of one: give this flow another id`,
  );
}
