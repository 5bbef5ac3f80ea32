/**
 * Thrown by `ctx.sleep`, `ctx.waitFor` and `ctx.call` to end the attempt. The sleeping or waiting task has no slot and
 * no lease; afterwards its handler runs again from the beginning. `finally` blocks of the handler run. Catching the
 * error does not prevent the suspension, so a `catch` block should throw it again.
 */
export class TaskSuspended extends Error {
  constructor() {
    super("the task sleeps or waits, and its handler runs again when it goes on");
    this.name = "TaskSuspended";
  }
}
