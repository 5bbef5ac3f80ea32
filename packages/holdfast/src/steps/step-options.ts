import type { CalledOptions } from "./called-task.ts";
import type { Duration } from "./duration.ts";

/** Options of `ctx.step`. */
export interface StepOptions {
  /**
   * How often the function of the step is called again if it throws, before the attempt fails. The waits grow from 1 s,
   * with jitter; meanwhile the task keeps its slot. 0 to 100. @default 0
   */
  retries?: number | undefined;
}

/** Options of `ctx.sleep`. */
export interface SleepOptions {
  /** The name by which the step is recognised in later attempts. @default "sleep" */
  name?: string | undefined;
}

/** Options of `ctx.waitFor`. */
export interface WaitForOptions {
  /** How long to wait. Milliseconds, or a text such as "3d"; at most 365 days. @default 365 days */
  timeoutMs?: Duration | undefined;
  /** The name by which the step is recognised in later attempts. @default the events, separated by commas */
  name?: string | undefined;
}

/** Options of `ctx.call`. */
export interface CallOptions extends CalledOptions {
  /** The name by which the step is recognised in later attempts. @default the type */
  name?: string | undefined;
}

/** A signal that a handler has waited for. */
export interface Signal {
  /** The name of the event. */
  event: string;
  /** The data of the signal; undefined if it has none. */
  // biome-ignore lint/suspicious/noExplicitAny: only the sender and the handler know the type of the data
  data: any;
}
