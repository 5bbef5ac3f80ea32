import {
  type ChangeResult,
  type FlowDefinition,
  type FlowNodePage,
  type FlowOptions,
  type FlowReceipt,
  type FlowView,
  LIMITS,
  type LimitsView,
  type QueueLimits,
  type TaskChange,
  type TaskView,
} from "@holdfast/contracts";
import { changeKey } from "../engine/limits.ts";
import { keyedRequest, type SignalOutcome, sendSignal } from "../engine/steps.ts";
import { taskKinds } from "../engine/task-options.ts";
import { taskView } from "../engine/task-view.ts";
import { type EventsOptions, eventsShape } from "../events/events-options.ts";
import { type QueueEvents, queueEvents } from "../events/queue-events.ts";
import { type OpenFlow, openFlow, storeFlow } from "../flows/open-flow.ts";
import { cancelFlowIn, type FlowNodesOptions, flowNodes, getFlow } from "../flows/read-flow.ts";
import { Limits } from "../limits/limits.ts";
import { checkArgument, checkShape } from "../options/shape.ts";
import { PartitionRegistry } from "../partitions/partition-registry.ts";
import { checkEvent, signalText } from "../steps/events.ts";
import { Enqueues } from "./enqueues.ts";
import { type WaitOptions, waitForShape, waitShape } from "./queue-options.ts";
import { isTerminal, waitForTask } from "./wait.ts";

/** The producer's side of one queue, with or without partitions. */
export class Queue extends Enqueues {
  /** The number of partitions of the queue; null if it has none. @throws HoldfastError as `ready` */
  partitions(): Promise<number | null> {
    return this.during(async () => (await this.parts.known()).partitions?.count ?? null);
  }

  /** Looks up a task; null if nothing is known about its id. */
  get(id: string): Promise<TaskView | null> {
    return this.during(() =>
      this.parts.look<TaskView | null>(id, null, async (engine) => {
        const [raw] = await engine.get([id]);
        return raw ? taskView(this.name, raw) : null;
      }),
    );
  }

  /** Ends a waiting task at once, or asks the worker of a running task to stop. */
  cancel(id: string): Promise<"cancelled" | "requested" | "too_late" | "not_found"> {
    return this.during(() => this.parts.look(id, "not_found", (engine) => engine.cancel(id)));
  }

  /**
   * Changes the time, priority, key or payload of a task that waits. The task may wait for a worker, for its time or
   * for its retry. A task that runs or has ended is not changed, and the result says its state.
   * @throws HoldfastError invalid_*, payload_too_large
   */
  change(id: string, change: TaskChange): Promise<ChangeResult> {
    return this.during(() => this.parts.change(id, change));
  }

  /**
   * Gives a signal to a task, whose handler receives it with `ctx.waitFor(event)`. "delivered": the task waited for
   * this event, and is pending now. "kept": the signal is kept until the handler waits for this event; a task keeps its
   * last 100 signals, each for 7 days. "ended": the task has ended, so the signal was refused.
   * @param data a JSON value of at most 65,536 bytes @default none
   * @param key repeated calls for the task with one idempotency key give one signal, for an hour @default none
   * @throws HoldfastError invalid_argument, payload_too_large
   */
  signal(id: string, event: string, data?: unknown, key?: string): Promise<SignalOutcome> {
    return this.during(async () => {
      checkEvent(event);
      const text = signalText(data);
      const request = key === undefined ? undefined : keyedRequest(id, key);
      return this.parts.look<SignalOutcome>(id, "not_found", (engine) =>
        sendSignal(engine, id, event, text, request),
      );
    });
  }

  /** Makes a task pending at once that is scheduled or waits for its retry: `change(id, { delayMs: 0 })`. */
  runNow(id: string): Promise<ChangeResult> {
    return this.change(id, { delayMs: 0 });
  }

  /**
   * Lets no task of this key start for `holdMs`; 0 ends the hold. Use it if something other than a handler learns of a
   * limit, such as a callback with a Retry-After.
   * @param holdMs 0 to 365 days
   * @throws HoldfastError invalid_argument
   */
  hold(key: string, holdMs: number): Promise<void> {
    return this.during(async () => {
      checkArgument("holdMs", taskKinds.delayMs, holdMs);
      await changeKey((await this.parts.known()).ofKey(key).engine, { key }, { holdMs });
    });
  }

  /** Like `observer.limits.set`, with the same rights in Redis (docs/secrets.md). @throws HoldfastError invalid_argument, redis_* */
  setLimits(limits: QueueLimits): Promise<LimitsView> {
    return this.during(() =>
      new Limits(this.client, new PartitionRegistry(this.client)).set(this.name, limits),
    );
  }

  /**
   * Stores a flow: tasks that wait for one another (docs/flows.md). If a flow with the same id was stored before,
   * nothing is stored. A flow of more than 500 nodes is stored by several script calls; if one of them fails, the flow
   * is cancelled.
   * @throws HoldfastError invalid_argument (a cycle, a node twice, an unknown name), payload_too_large, queue_full,
   * conflict, redis_*
   */
  flow(definition: FlowDefinition): Promise<FlowReceipt> {
    return this.during(() => storeFlow(this.parts, definition));
  }

  /** Makes a flow to which nodes are added in parts, and which has to be sealed by its `sealBy`. @throws as `flow` */
  openFlow(options: FlowOptions = {}): Promise<OpenFlow> {
    return this.during(() => openFlow(this.parts, options));
  }

  /** Returns the state and the counts of a flow; null if there is none. @throws HoldfastError invalid_argument */
  getFlow(id: string): Promise<FlowView | null> {
    return this.during(async () => getFlow(await this.parts.known(), id));
  }

  /** Returns a page of nodes, in the order in which they were added. @throws HoldfastError invalid_*, not_found */
  flowNodes(id: string, options: FlowNodesOptions = {}): Promise<FlowNodePage> {
    return this.during(async () => flowNodes(await this.parts.known(), id, options));
  }

  /** Cancels a flow: no node of it begins after this call. Waiting nodes end soon, and running ones are asked to stop. */
  cancelFlow(id: string): Promise<"cancelled" | "too_late" | "not_found"> {
    return this.during(async () => cancelFlowIn(await this.parts.known(), id));
  }

  /**
   * Waits until a task is terminal, at most `waitMs`. Returns the task as it is then; null if no task has the id.
   * @throws HoldfastError task_not_kept if the task ended or an operator removed it, and the queue no longer keeps it.
   * A queue that keeps no ended tasks (a retention of 0) cannot tell such a task from an unknown id, so there an
   * unknown id throws too
   */
  async wait(id: string, options: WaitOptions & { waitMs: number }): Promise<TaskView | null> {
    checkShape(waitForShape, options);
    this.assertOpen();
    return this.parts.look<TaskView | null>(id, null, (engine) =>
      waitForTask(this.client, engine, this.name, id, options),
    );
  }

  /**
   * Reads what happens to the tasks of the queue, in order, whatever process does it. Use it with `for await`. The
   * queue has to keep events (its setting `maxEvents`). A `gap` reports missing events. In a queue with partitions,
   * events are in order within each partition.
   * @throws HoldfastError invalid_argument, closed. While the events are read: events_off, invalid_cursor, redis_*, or
   * the reason of the signal
   */
  events(options: EventsOptions = {}): QueueEvents {
    checkShape(eventsShape, options);
    this.assertOpen();
    return queueEvents(this.client, this.name, this.parts, options);
  }

  /**
   * Waits for a task to end and returns it; null if it still waits or runs after `waitMs`, or if no task has the id.
   * @throws HoldfastError task_not_kept, as `wait` does
   */
  async result(id: string, options: WaitOptions = {}): Promise<TaskView | null> {
    checkShape(waitShape, options);
    const { waitMs = LIMITS.waitMs, signal } = options;
    const task = await this.wait(id, { waitMs, signal });
    return task && isTerminal(task) ? task : null;
  }
}
