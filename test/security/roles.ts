import { Holdfast, type HoldfastError, type Queue, Worker } from "holdfast";
import { expect } from "vitest";
import * as scripts from "../../packages/holdfast/src/redis/generated/index.ts";
import { afterwards } from "../../packages/holdfast/test/support/library.ts";
import { isSince72, PREFIX, type SecuredRedis, template, type Watch } from "./secured-redis.ts";

const nameOf = new Map(Object.values(scripts).map(({ sha1, name }) => [sha1, name]));
export const prefix = PREFIX;

/** Returns the words of the line that follows this comment in the template of the role. */
function linesAfter(role: string, comment: string): string[] {
  const lines = template(role).split("\n");
  const at = lines.findIndex((line) => line.startsWith(`# ${comment}`));
  return (lines[at + 1] ?? "").split(" ").map((word) => word.slice(1));
}

/** Returns a client of this role that is connected and has sent a PING. */
export async function clientOf(redis: SecuredRedis, role: string): Promise<Holdfast> {
  const client = new Holdfast({ redis: redis.url(role), prefix });
  afterwards(() => client.close());
  await client.check();
  await client.ping();
  return client;
}

/** Returns a client of the user admin, on the same database as the roles. */
export const helper = (redis: SecuredRedis) => clientOf(redis, "admin");

/** Checks that the role sent only allowed commands, and that it used all of its allowed commands and scripts. */
export async function expectLeast(
  redis: SecuredRedis,
  seen: Watch,
  role: string,
  unseen: readonly string[] = [],
) {
  expect(await redis.admin.acl("LOG")).toEqual([]);
  const ran = [...seen.scripts(role)].map((sha) => nameOf.get(sha) ?? sha).sort();
  expect(template(role)).toContain(`# Called by the scripts ${ran.join(", ")}\n`);
  const sent = seen.commands(role);
  // Redis 7.2 and later have this command.
  const newer = isSince72 ? ["client|setinfo"] : [];
  const wanted = [...linesAfter(role, "Sent by the library"), ...newer].filter(
    (command) => !unseen.includes(command),
  );
  expect(wanted.filter((command) => !sent.has(command))).toEqual([]);
}

export const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => "fulfilled",
    (error: HoldfastError) => error.code,
  );

/** Uses the role to read the events and the result of a task. A worker with the user `worker` runs the task. */
export async function followEvents(redis: SecuredRedis, queue: Queue): Promise<void> {
  const worker = new Worker(queue.name, { t: async () => 42 }, { redis: redis.url("worker"), prefix });
  afterwards(() => worker.stop({ graceMs: 0 }));
  const { id } = await queue.enqueue("t", 1);
  const result = queue.result(id, { waitMs: 20_000 });
  await worker.start();
  expect(await result).toMatchObject({ resultText: "42" });
  const events = queue.events({ after: "0", types: ["completed"] });
  expect((await events.next()).value).toMatchObject({ id, resultText: "42" });
  await events.return?.();
}
