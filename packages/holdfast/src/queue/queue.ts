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

/** A queue, as its producers use it. */
export class Queue extends Enqueues {
  /** Returns the number of partitions; null if the queue has none. @throws HoldfastError as `ready` */
  partitions(): Promise<number | null> {
    return this.during(async () => (await this.parts.known()).partitions?.count ?? null);
  }

  /** Returns a task; null if there is none with this id. */
  get(id: string): Promise<TaskView | null> {
    return this.during(() =>
      this.parts.look<TaskView | null>(id, null, async (engine) => {
        const [raw] = await engine.get([id]);
        return raw ? taskView(this.name, raw) : null;
      }),
    );
  }

  /** Cancels a waiting task at once, or asks the worker of a running task to stop it. */
  cancel(id: string): Promise<"cancelled" | "requested" | "too_late" | "not_found"> {
    return this.during(() => this.parts.look(id, "not_found", (engine) => engine.cancel(id)));
  }

  /**
   * Changes the time, priority, key or payload of a waiting task: one that waits for a worker, for its time or for its
   * retry. A task that runs or has ended is not changed, and the result has its state.
   * @throws HoldfastError invalid_*, payload_too_large
   */
  change(id: string, change: TaskChange): Promise<ChangeResult> {
    return this.during(() => this.parts.change(id, change));
  }

  /**
   * Gives a signal to a task, whose handler gets it by `ctx.waitFor(event)`. "delivered": the task waited for this
   * event, and is pending now. "kept": the signal is stored until the handler waits for this event; a task keeps its
   * last 100 signals, each for 7 days. "ended": the task has ended, so the signal was refused.
   * @param data a JSON value of at most 65,536 bytes @default none
   * @param key an idempotency key: calls with the same key give the task one signal only, within an hour @default none
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

  /** Makes a scheduled task, or one that waits for its retry, pending now: `change(id, { delayMs: 0 })`. */
  runNow(id: string): Promise<ChangeResult> {
    return this.change(id, { delayMs: 0 });
  }

  /**
   * Stops tasks of this key from starting for `holdMs`; 0 ends the hold. Use it if something other than a handler
   * learns of a limit, such as a callback with a Retry-After.
   * @param holdMs 0 to 365 days
   * @throws HoldfastError invalid_argument
   */
  hold(key: string, holdMs: number): Promise<void> {
    return this.during(async () => {
      checkArgument("holdMs", taskKinds.delayMs, holdMs);
      await changeKey((await this.parts.known()).ofKey(key).engine, { key }, { holdMs });
    });
  }

  /**
   * Sets the limits of the queue, like `observer.limits.set`, and needs the same rights in Redis (docs/secrets.md).
   * @throws HoldfastError invalid_argument, redis_*
   */
  setLimits(limits: QueueLimits): Promise<LimitsView> {
    return this.during(() =>
      new Limits(this.client, new PartitionRegistry(this.client)).set(this.name, limits),
    );
  }

  /**
   * Stores a flow: tasks that wait for one another (docs/flows.md). If there is a flow with the same id already,
   * nothing is stored. A flow of more than 250 nodes is stored by several script calls; if one of them fails, the flow
   * is cancelled.
   * @throws HoldfastError invalid_argument (a cycle, a node twice, an unknown name), payload_too_large, queue_full,
   * conflict, redis_*
   */
  flow(definition: FlowDefinition): Promise<FlowReceipt> {
    return this.during(() => storeFlow(this.parts, definition));
  }

  /**
   * Creates a flow to which nodes are added later. It has to be sealed (closed for new nodes) before its `sealBy`.
   * @throws as `flow`
   */
  openFlow(options: FlowOptions = {}): Promise<OpenFlow> {
    return this.during(() => openFlow(this.parts, options));
  }

  /** Returns the state and the counts of a flow; null if there is none. @throws HoldfastError invalid_argument */
  getFlow(id: string): Promise<FlowView | null> {
    return this.during(async () => getFlow(await this.parts.known(), id));
  }

  /** Returns a page of the nodes of a flow, in the order of addition. @throws HoldfastError invalid_*, not_found */
  flowNodes(id: string, options: FlowNodesOptions = {}): Promise<FlowNodePage> {
    return this.during(async () => flowNodes(await this.parts.known(), id, options));
  }

  /** Cancels a flow. Waiting nodes never start, and running ones are asked to stop. */
  cancelFlow(id: string): Promise<"cancelled" | "too_late" | "not_found"> {
    return this.during(async () => cancelFlowIn(await this.parts.known(), id));
  }

  /**
   * Waits until a task has ended, at most `waitMs`. Returns the task as it is then; null if there is no task with this
   * id.
   * @throws HoldfastError task_not_kept if the task has ended or was removed, and the queue no longer keeps it. If a
   * queue keeps no ended tasks (a retention of 0), an unknown id throws this too, because it could be such a task
   */
  async wait(id: string, options: WaitOptions & { waitMs: number }): Promise<TaskView | null> {
    checkShape(waitForShape, options);
    this.assertOpen();
    return this.parts.look<TaskView | null>(id, null, (engine) =>
      waitForTask(this.client, engine, this.name, id, options),
    );
  }

  /**
   * Reads the events of the queue in order: everything that happens to its tasks, in any process. Use it with `for
   * await`. The setting `maxEvents` of the queue has to be more than 0. A `gap` reports missing events. In a queue with
   * partitions, the events of each partition are in order.
   * @throws HoldfastError invalid_argument, closed. While the events are read: events_off, invalid_cursor, redis_*, or
   * the reason of the signal
   */
  events(options: EventsOptions = {}): QueueEvents {
    checkShape(eventsShape, options);
    this.assertOpen();
    return queueEvents(this.client, this.name, this.parts, options);
  }

  /**
   * Waits for a task to end and returns it; null if it has not ended after `waitMs`, or if there is no task with this
   * id.
   * @throws HoldfastError task_not_kept, as `wait` does
   */
  async result(id: string, options: WaitOptions = {}): Promise<TaskView | null> {
    checkShape(waitShape, options);
    const { waitMs = LIMITS.waitMs, signal } = options;
    const task = await this.wait(id, { waitMs, signal });
    return task && isTerminal(task) ? task : null;
  }
}
