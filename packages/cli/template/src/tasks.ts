import { defineTask, FatalError } from "holdfast";

export const QUEUE = "emails";

/** The address of Redis. `holdfast dev` prints the address of its Redis if that is another one. */
export const redis = process.env.REDIS_URL ?? "redis://127.0.0.1:6379";

/** The compiler checks the payload where a task is enqueued and where it is handled. It checks the result too. */
export const welcome = defineTask<{ to: string }, { sentTo: string }>("email.welcome");

/** The handlers of the worker. A task can run again after a crash, so a handler has to be safe to repeat. */
export const handlers = welcome.handler(async ({ to }, { attempt, log }) => {
  // A FatalError sends the task to the dead letters at once. After any other error the worker tries it again.
  if (!to.includes("@")) throw new FatalError(`${to} is not an address`);
  await log(`attempt ${attempt} sends a mail to ${to}`);
  return { sentTo: to };
});
