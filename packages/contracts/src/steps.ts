export const STEP_KINDS = ["step", "sleep", "wait", "call"] as const;
export const STEP_OUTCOMES = ["done", "open", "timed_out"] as const;

/** A durable step of a task. */
export interface TaskStepView {
  /** The name that the handler gave. */
  name: string;
  /** What the handler called: `ctx.step`, `ctx.sleep`, `ctx.waitFor` or `ctx.call`. */
  kind: (typeof STEP_KINDS)[number];
  /** `done`, `open`, or `timed_out` (a wait without a signal). */
  outcome: (typeof STEP_OUTCOMES)[number];
  /** When the step was done; for an open sleep or wait, when it will end. Milliseconds since the epoch. */
  at: number;
  /** Size of the result of the step, bytes. */
  bytes: number;
  /** The id of the task that `ctx.call` enqueued, while this step waits for its result; null for any other step. */
  calledId: string | null;
}

/** The durable steps of a task, without their results. */
export interface TaskSteps {
  /** How many steps the task has begun. */
  count: number;
  /** Size of the results of all steps, bytes. */
  bytes: number;
  /** The last 100 steps, oldest first. */
  steps: TaskStepView[];
  /** The signals that the handler has not used yet, oldest first. */
  signals: { event: string; at: number; bytes: number }[];
}
