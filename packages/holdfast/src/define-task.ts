import { FatalError, HoldfastError, type TaskOptions, type TaskView } from "@holdfast/contracts";
import { checkTaskType } from "./engine/names.ts";
import { taskShape } from "./engine/task-options.ts";
import { callback, nested } from "./options/kinds.ts";
import { checkArgument, checkShape, shapeOf } from "./options/shape.ts";
import type { Queue } from "./queue/queue.ts";
import type { WaitOptions } from "./queue/queue-options.ts";
import type { EnqueueReceipt } from "./queue/receipt.ts";
import { batch } from "./worker/batch.ts";
import { refused } from "./worker/batch-call.ts";
import type { BatchContext, BatchOptions } from "./worker/batch-handler.ts";
import type { Handler, HandlerContext, HandlerOptions, HandlerTask } from "./worker/handler.ts";
import { handlerShape } from "./worker/handler-options.ts";

/** The part of Standard Schema v1 (standardschema.dev) that is used here. Any validator with it can be used. */
export interface StandardSchema<Input, Output = Input> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** Options of `defineTask`. */
export interface TaskDefinitionOptions<Input, Output = Input> {
  /**
   * Checks the payload. The payload is stored as it was given; the handler gets the output of the schema, with its
   * defaults, dates (`z.coerce.date()`) and transforms.
   */
  schema?: StandardSchema<Input, Output> | undefined;
  /** Options for every enqueue of this type. An enqueue can override them. */
  defaults?: TaskOptions | undefined;
}

/** What a batch handler returns: nothing, or one result per task in order. An Error fails its task. */
// biome-ignore lint/suspicious/noConfusingVoidType: a function that returns nothing has to fit
export type BatchResults<Result> = readonly (Result | Error)[] | void;

/**
 * A task type with the types of its payload and result.
 * @typeParam Input what is enqueued
 * @typeParam Output what the handler gets
 */
export interface TaskDefinition<Input, Result, Output = Input> {
  /** The task type. */
  readonly type: string;
  /**
   * Enqueues a task of this type.
   * @throws HoldfastError invalid_argument if the payload does not match the schema, either as it is or after JSON
   */
  enqueue(queue: Pick<Queue, "enqueue">, payload: Input, options?: TaskOptions): Promise<EnqueueReceipt>;
  /**
   * Waits for a task of this type to end, like `queue.result`, and returns it with the result of its handler; null if
   * it has not ended after `waitMs`, or if there is no task with this id. Only a completed task has a result.
   * @throws HoldfastError as `queue.result` does; conflict if the task has another type
   */
  result(
    queue: Pick<Queue, "result">,
    id: string,
    options?: WaitOptions,
  ): Promise<(TaskView & { result?: Result }) | null>;
  /**
   * Makes an entry for the handlers of a worker: `{ ...send.handler(async (payload, ctx) => …) }`. If a stored payload
   * does not match the schema, the task becomes a dead letter at once, because a retry would not change the payload.
   */
  handler(
    run: (payload: Output, ctx: HandlerContext, task: HandlerTask) => Result | Promise<Result>,
  ): Record<string, (task: HandlerTask, ctx: HandlerContext) => Promise<Result>>;
  /**
   * Makes such an entry with options for the tasks of this type in this worker.
   * @throws HoldfastError invalid_argument
   */
  handler(
    run: (payload: Output, ctx: HandlerContext, task: HandlerTask) => Result | Promise<Result>,
    options: Omit<HandlerOptions, "handler">,
  ): Record<string, HandlerOptions>;
  /**
   * Makes an entry for the handlers of a worker that runs several tasks in one call: `{ ...row.batch({ max: 500 },
   * async (tasks, ctx) => …) }`. The handler gets only the tasks whose payloads match the schema; the others become
   * dead letters at once. The option `by` gets the stored payload, before the schema has changed it.
   * @throws HoldfastError invalid_argument
   */
  batch(options: BatchOptions, run: BatchRun<Output, Result>): Record<string, Handler>;
  /**
   * Makes such a batch entry with further options for the tasks of this type in this worker.
   * @throws HoldfastError invalid_argument
   */
  batch(
    options: BatchOptions,
    run: BatchRun<Output, Result>,
    own: Omit<HandlerOptions, "handler">,
  ): Record<string, HandlerOptions>;
}

type BatchRun<Output, Result> = (
  tasks: readonly HandlerTask<Output>[],
  ctx: BatchContext<Result>,
) => BatchResults<Result> | Promise<BatchResults<Result>>;

export const taskDefinitionShape = shapeOf<TaskDefinitionOptions<unknown>>({
  what: "defineTask",
  title: "defineTask",
  example: "{ schema, defaults: { maxRetries: 5 } }",
  kinds: {
    schema: {
      wants: "a schema that implements Standard Schema (Zod 3.24 or later, Valibot 1, ArkType 2)",
      is: (value) =>
        typeof (value as Partial<StandardSchema<unknown>> | null)?.["~standard"]?.validate === "function",
    },
    defaults: nested(taskShape),
  },
  hints: {
    options: "defaults",
    defaultOptions: "defaults",
    validate: "schema",
    handler: "definition.handler(run) makes the entry for a worker",
    batch: "definition.batch(options, run) makes the entry for a worker",
  },
});

/**
 * Defines a task type with the types of its payload and result. With a schema, payloads are checked when they are
 * enqueued and again before the handler gets them.
 */
export function defineTask<Input, Result = unknown, Output = Input>(
  type: string,
  options: TaskDefinitionOptions<Input, Output> = {},
): TaskDefinition<Input, Result, Output> {
  checkTaskType(type);
  checkShape(taskDefinitionShape, options);
  const { schema, defaults } = options;
  const validate = (value: unknown): SchemaResult<Output> | Promise<SchemaResult<Output>> =>
    schema === undefined ? { value: value as Output } : schema["~standard"].validate(value);
  type Own = Omit<HandlerOptions, "handler">;
  /**
   * Returns the payload as the handler gets it.
   * @throws FatalError if the payload does not match the schema, because a retry would not change it
   */
  const payloadOf = async (task: HandlerTask): Promise<Output> => {
    const result = await validate(task.payload);
    if (result.issues) throw new FatalError(`payload of "${type}": ${told(result.issues)}`);
    return result.value;
  };
  const entry = (handler: Handler, own: Own | undefined) => {
    if (own === undefined) return { [type]: handler };
    checkShape(handlerShape, { ...own, handler });
    return { [type]: { ...own, handler } };
  };
  const handlerOf = (
    run: (payload: Output, ctx: HandlerContext, task: HandlerTask) => unknown,
    own?: Own,
  ) => {
    checkArgument("the handler of a task", callback, run);
    return entry(async (task, ctx) => run(await payloadOf(task), ctx, task), own);
  };
  const batchOf = (options: BatchOptions, run: BatchRun<Output, Result>, own?: Own) => {
    checkArgument("the handler of a batch", callback, run);
    return entry(
      batch(options, (tasks, ctx) => runFitting(tasks, ctx, payloadOf, run)),
      own,
    );
  };
  return {
    type,
    async enqueue(queue, payload, own) {
      if (own !== undefined) checkShape(taskShape, own);
      // The payload is checked in its JSON form, which the worker gets. Otherwise a schema that wants a Date would
      // accept the payload here and refuse it in every worker.
      const checked = schema === undefined ? undefined : validate(throughJson(payload));
      // Only a promise is awaited, so that without one the enqueue begins before a close() that is called right after
      // it.
      const { issues } = (checked instanceof Promise ? await checked : checked) ?? {};
      if (issues) throw await misfit(type, issues, validate(payload));
      return queue.enqueue(type, payload, merged(defaults, own));
    },
    async result(queue, id, waitOptions) {
      const task = await queue.result(id, waitOptions);
      if (task === null) return null;
      if (typeWithoutVersion(task.type) !== typeWithoutVersion(type))
        throw new HoldfastError("conflict", `task "${id}" has the type "${task.type}", not "${type}"`);
      return task.resultText === null ? task : { ...task, result: JSON.parse(task.resultText) as Result };
    },
    handler: handlerOf as TaskDefinition<Input, Result, Output>["handler"],
    batch: batchOf as TaskDefinition<Input, Result, Output>["batch"],
  };
}

/** Runs a batch handler with the tasks that match the schema. Returns all results, in order of the tasks. */
async function runFitting<Output, Result>(
  tasks: readonly HandlerTask[],
  ctx: BatchContext,
  payloadOf: (task: HandlerTask) => Promise<Output>,
  run: BatchRun<Output, Result>,
): Promise<unknown> {
  const fitting: HandlerTask<Output>[] = [];
  for (const task of tasks)
    try {
      fitting.push({ ...task, payload: await payloadOf(task) });
    } catch (error) {
      ctx.fail(task, error);
    }
  const returned: unknown = fitting.length === 0 ? undefined : await run(fitting, ctx);
  const refusal = refused(fitting.length, returned);
  if (refusal) return tasks.map(() => refusal);
  const results = new Map(fitting.map(({ id }, place) => [id, (returned as unknown[] | undefined)?.[place]]));
  return tasks.map(({ id }) => results.get(id));
}

/** A task that was enqueued with the option `version` has a type such as `order@2`. */
const typeWithoutVersion = (type: string) => type.replace(/@\d+$/, "");

async function misfit(
  type: string,
  issues: readonly SchemaIssue[],
  direct: SchemaResult<unknown> | Promise<SchemaResult<unknown>>,
): Promise<HoldfastError> {
  const text = (await direct).issues
    ? `: ${told((await direct).issues ?? issues)}`
    : ` fits its schema, but not after it became JSON, where a Date is text: ${told(issues)}. Use a schema that accepts JSON, such as z.coerce.date()`;
  return new HoldfastError("invalid_argument", `payload of "${type}"${text}`);
}

/** Joins options and defaults. If the call has `delayMs` or `runAt`, neither is taken from the defaults. */
function merged(defaults: TaskOptions | undefined, own: TaskOptions | undefined): TaskOptions | undefined {
  if (defaults === undefined || own === undefined) return own ?? defaults;
  const given = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
  const { delayMs, runAt, ...others } = defaults;
  return "delayMs" in given || "runAt" in given ? { ...others, ...given } : { ...defaults, ...given };
}

/** Returns the payload as it is after JSON; without a JSON form unchanged, and the queue refuses it. */
function throughJson(payload: unknown): unknown {
  try {
    const text = JSON.stringify(payload);
    return text === undefined ? payload : JSON.parse(text);
  } catch {
    return payload;
  }
}

/** Describes each issue with the path of the value, such as `items[2].to: …`. */
function told(issues: readonly SchemaIssue[]): string {
  return issues
    .map(({ message, path = [] }) => {
      const keys = path.map((part) => (typeof part === "object" ? part.key : part));
      const place = keys
        .map((key, i) => (typeof key === "number" ? `[${key}]` : `${i === 0 ? "" : "."}${String(key)}`))
        .join("");
      return place === "" ? message : `${place}: ${message}`;
    })
    .join("; ");
}
