export const STEP_KINDS = ["step", "sleep", "wait", "call"] as const;
export const STEP_OUTCOMES = ["done", "open", "timed_out"] as const;

/** A durable step of a task. */
export interface TaskStepView {
  /** The name that the handler gave. */
  name: string;
  /** What the handler called: `ctx.step`, `ctx.sleep`, `ctx.waitFor` or `ctx.call`. */
  kind: (typeof STEP_KINDS)[number];
  /** Whether the step is done, still open, or ended by its time-out. */
  outcome: (typeof STEP_OUTCOMES)[number];
  /** When it was done; when an open sleep or wait ends. Milliseconds since the epoch. */
  at: number;
  /** Bytes of its result. */
  bytes: number;
  /** The task that a call has enqueued, while it is open. */
  calledId: string | null;
}

/** The durable steps of a task, without their results. */
export interface TaskSteps {
  /** How many steps the task has begun. */
  count: number;
  /** Bytes of the results of all steps. */
  bytes: number;
  /** The last 100, oldest first. */
  steps: TaskStepView[];
  /** The signals that the task has got and not used yet, oldest first. */
  signals: { event: string; at: number; bytes: number }[];
}
