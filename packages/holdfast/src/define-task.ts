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

/**
 * The part of Standard Schema v1 (standardschema.dev) that is used here. Any validator that implements it can be used.
 */
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
   * The shape of the payload. The payload is stored as it was given. The handler gets the output of the schema, so
   * defaults, dates (`z.coerce.date()`) and transforms are applied there.
   */
  schema?: StandardSchema<Input, Output> | undefined;
  /** Options of every enqueue that does not override them. */
  defaults?: TaskOptions | undefined;
}

/**
 * What a batch handler returns: nothing, or the results in the order of the tasks. A task whose result is an Error has
 * failed.
 */
// biome-ignore lint/suspicious/noConfusingVoidType: a function that returns nothing has to fit
export type BatchResults<Result> = readonly (Result | Error)[] | void;

/**
 * @typeParam Input what is enqueued
 * @typeParam Output what the handler gets
 */
export interface TaskDefinition<Input, Result, Output = Input> {
  /** The type of the tasks. */
  readonly type: string;
  /**
   * @throws HoldfastError invalid_argument if the payload does not fit the schema, either as it is or after it became
   * JSON
   */
  enqueue(queue: Pick<Queue, "enqueue">, payload: Input, options?: TaskOptions): Promise<EnqueueReceipt>;
  /**
   * Waits for a task of this type to end, like `queue.result`, and returns it with the result of its handler; null if it
   * still waits or runs after `waitMs`, or if no task has the id. Only a completed task has a result.
   * @throws HoldfastError as `queue.result` does; conflict if the task has another type
   */
  result(
    queue: Pick<Queue, "result">,
    id: string,
    options?: WaitOptions,
  ): Promise<(TaskView & { result?: Result }) | null>;
  /**
   * An entry for the handlers of a worker: `{ ...send.handler(async (payload, ctx) => …) }`. A stored payload that does
   * not fit the schema goes to the dead letters at once, since no retry would change it.
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
   * Makes an entry for the handlers of a worker, which runs several tasks in one call: `{ ...row.batch({ max: 500 },
   * async (tasks, ctx) => …) }`. The handler gets only the tasks whose payloads fit the schema; the others become dead
   * letters at once. The option `by` gets the payload as it is stored, before the schema has changed it.
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
 * A task type with the types of its payload and result. With a schema, payloads are checked at the enqueue and before
 * the handler.
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
   * @throws FatalError if the payload does not fit the schema, because no retry would change that
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
      // The payload is checked in its JSON form, which the worker will get. Otherwise a schema that wants a Date would
      // accept the payload here, and refuse it in every worker.
      const checked = schema === undefined ? undefined : validate(throughJson(payload));
      // A result that is not a promise is not awaited. So the enqueue begins before a close() that is called right
      // after it.
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

/** Runs a batch handler with the tasks whose payloads fit. Returns the results of all tasks, in their order. */
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

/** A task that was enqueued with the option `version` has the version behind its type: `order@2`. */
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

/**
 * The options of a call override the defaults. If the call has `delayMs` or `runAt`, both are dropped from the
 * defaults.
 */
function merged(defaults: TaskOptions | undefined, own: TaskOptions | undefined): TaskOptions | undefined {
  if (defaults === undefined || own === undefined) return own ?? defaults;
  const given = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
  const { delayMs, runAt, ...others } = defaults;
  return "delayMs" in given || "runAt" in given ? { ...others, ...given } : { ...defaults, ...given };
}

/**
 * Returns the payload as it is after JSON. A payload that JSON cannot express is returned unchanged, and the queue
 * refuses it.
 */
function throughJson(payload: unknown): unknown {
  try {
    const text = JSON.stringify(payload);
    return text === undefined ? payload : JSON.parse(text);
  } catch {
    return payload;
  }
}

/** The text of each issue, with the path of the value: `items[2].to: …`. */
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
