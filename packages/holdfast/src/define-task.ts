import { HoldfastError, type TaskOptions } from "@holdfast/contracts";
import type { EnqueueReceipt } from "./queue/enqueue-buffer.ts";
import type { Queue } from "./queue/queue.ts";
import type { HandlerContext, HandlerTask } from "./worker/handler.ts";

/** The part of Standard Schema v1 (standardschema.dev) that is used here: any validator that speaks it will do. */
export interface StandardSchema<Output> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | {
      readonly issues: readonly {
        readonly message: string;
        readonly path?: readonly unknown[] | undefined;
      }[];
    };

export interface TaskDefinition<Payload, Result> {
  readonly type: string;
  /** @throws HoldfastError invalid_argument where the payload does not fit the schema */
  enqueue(queue: Queue, payload: Payload, options?: TaskOptions): Promise<EnqueueReceipt>;
  /** An entry for the handlers of a worker: `{ ...send.handler(async (payload, ctx) => …) }`. */
  handler(
    run: (payload: Payload, ctx: HandlerContext, task: HandlerTask) => Result | Promise<Result>,
  ): Record<string, (task: HandlerTask, ctx: HandlerContext) => Promise<Result>>;
}

/** A task type with the types of its payload and result, checked at both ends where a schema is given. */
export function defineTask<Payload, Result = unknown>(
  type: string,
  options: { schema?: StandardSchema<Payload>; defaults?: TaskOptions } = {},
): TaskDefinition<Payload, Result> {
  const check = async (value: unknown): Promise<Payload> => {
    if (!options.schema) return value as Payload;
    const result = await options.schema["~standard"].validate(value);
    if (result.issues) {
      const issues = result.issues.map((issue) => issue.message).join("; ");
      throw new HoldfastError("invalid_argument", `payload of "${type}": ${issues}`);
    }
    return result.value;
  };
  return {
    type,
    async enqueue(queue, payload, own) {
      const merged = options.defaults || own ? { ...options.defaults, ...own } : undefined;
      return queue.enqueue(type, await check(payload), merged);
    },
    handler(run) {
      return { [type]: async (task, ctx) => run(await check(task.payload), ctx, task) };
    },
  };
}
