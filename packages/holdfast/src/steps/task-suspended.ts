/**
 * Thrown by `ctx.sleep`, `ctx.waitFor` and `ctx.call` to end the attempt. While the task sleeps or waits, it has no
 * slot and no lease. Afterwards its handler runs again from the beginning. The error unwinds the handler, so its
 * `finally` blocks run. A handler that catches the error cannot prevent the suspension, so a `catch` block should throw
 * this error on and do nothing else.
 */
export class TaskSuspended extends Error {
  constructor() {
    super("the task sleeps or waits, and its handler runs again when it goes on");
    this.name = "TaskSuspended";
  }
}
