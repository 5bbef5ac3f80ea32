/**
 * Thrown by `ctx.sleep`, `ctx.waitFor` and `ctx.call` when the attempt ends here: the task sleeps or waits without a slot
 * and a lease, and its handler runs again from the beginning when it goes on. The error unwinds the handler, so that its
 * `finally` blocks run. What the handler does with the error changes nothing, but a `catch` block that has effects of its
 * own should let this error pass.
 */
export class TaskSuspended extends Error {
  constructor() {
    super("the task sleeps or waits, and its handler runs again when it goes on");
    this.name = "TaskSuspended";
  }
}
