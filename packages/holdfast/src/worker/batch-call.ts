import { HoldfastError, RetryAfter } from "@holdfast/contracts";
import { shown } from "../options/shape.ts";
import { whenAborted } from "../when-aborted.ts";
import type { BatchContext, BatchSettings } from "./batch-handler.ts";
import type { HandlerContext, HandlerTask } from "./handler.ts";
import { concernsAll } from "./retry-policy.ts";
import { readThrown } from "./thrown.ts";

// After this many failed calls in a row, the remaining tasks fail together: the cause probably concerns all of them,
// such as a service that is down. Finding one bad task among 16 needs fewer calls.
const FAILED_CALLS = 32;

/** A task of a batch, with functions that set the outcome of its attempt. */
export interface BatchMember {
  asTask(): HandlerTask;
  asContext(): HandlerContext;
  /** Whether the outcome of the task is set. */
  readonly ended: boolean;
  /** The reason why the attempt was aborted; undefined if it was not aborted. */
  readonly stopped: Error | undefined;
  succeed(result: unknown): void;
  fail(error: unknown): void;
}

/** The state of one search for the failing tasks of a batch. All calls of the handler for that batch share it. */
interface Search {
  readonly settings: BatchSettings;
  /** How many calls of the handler have failed in a row. */
  failed: number;
}

/** Calls the handler with all tasks, and with halves if it throws, until each has an outcome. Never rejects. */
export function runBatch(settings: BatchSettings, members: readonly BatchMember[]): Promise<void> {
  return runCall({ settings, failed: 0 }, members);
}

async function runCall(search: Search, given: readonly BatchMember[]): Promise<void> {
  const members = given.filter((member) => goesOn(member));
  if (members.length === 0) return;
  const call = new BatchCall(members);
  let returned: unknown;
  try {
    returned = await search.settings.handler(call.tasks, call.context);
  } catch (error) {
    call.isOver = true;
    await thrown(search, members, error);
    return;
  }
  call.isOver = true;
  search.failed = 0;
  settle(members, returned);
}

/** Returns whether the task still has to run. An aborted task fails here with the reason of the abort. */
function goesOn(member: BatchMember): boolean {
  if (member.ended) return false;
  if (member.stopped) member.fail(member.stopped);
  return !member.stopped;
}

async function thrown(search: Search, members: readonly BatchMember[], error: unknown): Promise<void> {
  const left = members.filter(({ ended }) => !ended);
  search.failed++;
  const isSearched = search.settings.bisects && members.length > 1 && search.failed < FAILED_CALLS;
  if (!isSearched || concernsAll(readThrown(error))) {
    for (const member of left) member.fail(error);
    return;
  }
  const half = Math.ceil(left.length / 2);
  await runCall(search, left.slice(0, half));
  const rest = left.slice(half);
  if (search.failed < FAILED_CALLS) await runCall(search, rest);
  else for (const member of rest) if (goesOn(member)) member.fail(error);
}

function settle(members: readonly BatchMember[], returned: unknown): void {
  const refusal = refused(members.length, returned);
  for (const [place, member] of members.entries()) {
    if (member.ended) continue;
    const result: unknown = Array.isArray(returned) ? returned[place] : undefined;
    if (refusal || result instanceof Error) member.fail(refusal ?? result);
    else member.succeed(result);
  }
}

/** Returns an error if a batch handler returned neither undefined nor an array with one result per task. */
export function refused(count: number, returned: unknown): Error | undefined {
  if (returned === undefined) return undefined;
  if (!Array.isArray(returned))
    return new TypeError(
      `a batch handler has to return nothing, or an array with one result for each task, got ${shown(returned)}`,
    );
  if (returned.length === count) return undefined;
  return new TypeError(
    `the batch handler returned ${returned.length} results for ${count} tasks: return one for each task, in the order of the tasks, or nothing`,
  );
}

class BatchCall {
  readonly tasks: readonly HandlerTask[];
  readonly context: BatchContext;
  isOver = false;
  readonly #members: readonly BatchMember[];
  #byId: Map<string, BatchMember> | undefined;
  readonly #contexts = new Map<BatchMember, HandlerContext>();
  #signal: AbortSignal | undefined;

  constructor(members: readonly BatchMember[]) {
    this.#members = members;
    this.tasks = members.map((member) => member.asTask());
    const fail: BatchContext["fail"] = (task, error) => this.#open("fail", task).fail(error);
    const context = {
      of: (task: HandlerTask) => this.#contextOf(this.#find("of", task)),
      complete: (task: HandlerTask, result?: unknown) => this.#open("complete", task).succeed(result),
      fail,
      retryAfter: (task: HandlerTask, ms: number) => fail(task, new RetryAfter(ms)),
    };
    const signal = { enumerable: true, configurable: true, get: () => this.#sharedSignal() };
    this.context = Object.defineProperty(context, "signal", signal) as unknown as BatchContext;
  }

  #find(what: string, task: HandlerTask): BatchMember {
    this.#byId ??= new Map(this.tasks.map(({ id }, place) => [id, this.#members[place] as BatchMember]));
    const id: unknown = (task as HandlerTask | undefined)?.id;
    const member = this.#byId.get(id as string);
    if (member) return member;
    throw new HoldfastError(
      "invalid_argument",
      `ctx.${what} of a batch takes one of the tasks of its call, got ${typeof id === "string" ? `the task ${id}` : shown(task)}`,
    );
  }

  #open(what: string, task: HandlerTask): BatchMember {
    const member = this.#find(what, task);
    if (!this.isOver) return member;
    throw new HoldfastError("conflict", `ctx.${what} of task ${task.id}: the call of its batch has ended`, {
      taskId: task.id,
    });
  }

  #contextOf(member: BatchMember): HandlerContext {
    let context = this.#contexts.get(member);
    if (!context) {
      context = member.asContext();
      this.#contexts.set(member, context);
    }
    return context;
  }

  #sharedSignal(): AbortSignal {
    if (this.#signal) return this.#signal;
    const controller = new AbortController();
    this.#signal = controller.signal;
    const signals = this.#members.map((member) => this.#contextOf(member).signal);
    const look = () => {
      const isLeft = this.#members.some(({ ended }, place) => !ended && !signals[place]?.aborted);
      const told = signals.find(({ aborted }) => aborted);
      if (!isLeft && told) controller.abort(told.reason);
    };
    for (const signal of signals) whenAborted(signal, look);
    look();
    return this.#signal;
  }
}
