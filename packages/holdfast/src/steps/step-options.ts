import type { CalledOptions } from "./called-task.ts";
import type { Duration } from "./duration.ts";

/** Options of `ctx.step`. */
export interface StepOptions {
  /**
   * How often the function of the step is called again if it throws, before the attempt fails. The waits grow from 1 s,
   * with jitter, while the task keeps its slot. 0 to 100. @default 0
   */
  retries?: number | undefined;
}

/** Options of `ctx.sleep`. */
export interface SleepOptions {
  /** @default "sleep" */
  name?: string | undefined;
}

/** Options of `ctx.waitFor`. */
export interface WaitForOptions {
  /** How long to wait. Milliseconds, or a text such as "3d"; at most 365 days. @default 365 days */
  timeoutMs?: Duration | undefined;
  /** @default the events, separated by commas */
  name?: string | undefined;
}

/** Options of `ctx.call`. */
export interface CallOptions extends CalledOptions {
  /** @default the type */
  name?: string | undefined;
}

/** A signal that a handler waited for. */
export interface Signal {
  /** The name for which `ctx.waitFor` waits. */
  event: string;
  /** The JSON value that was sent; undefined without one. */
  // biome-ignore lint/suspicious/noExplicitAny: only the sender and the handler know the type of the data
  data: any;
}
