import { defineTask, FatalError } from "holdfast";

export const QUEUE = "emails";

/** Where Redis is. `holdfast dev` says if it is elsewhere. */
export const redis = process.env.REDIS_URL ?? "redis://127.0.0.1:6379";

/** The compiler checks the payload where it is enqueued and handled, and the result. */
export const welcome = defineTask<{ to: string }, { sentTo: string }>("email.welcome");

/** What the worker runs. A task can run again after a crash, so a handler has to be safe to repeat. */
export const handlers = welcome.handler(async ({ to }, { attempt, log }) => {
  // A FatalError sends the task to the dead letters at once. After any other error the worker tries it again.
  if (!to.includes("@")) throw new FatalError(`${to} is not an address`);
  await log(`attempt ${attempt} sends a mail to ${to}`);
  return { sentTo: to };
});
