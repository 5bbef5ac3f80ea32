import { expect } from "vitest";
import { auditQueue } from "../../src/engine/audit.ts";
import { readFlow } from "../../src/engine/flow-reader.ts";
import { advanceFlows } from "../../src/engine/flows.ts";
import { readQueue } from "./invariants.ts";
import { expectConserved, type Mutate, setup } from "./setup.ts";
import { LEASE_MS, type TestQueue, typesText } from "./test-queue.ts";

export interface Held {
  id: string;
  fence: string;
}

/** A state of a queue, and the call that is aborted in this state. */
export interface Scenario {
  script: string;
  /** @returns the ids of the accepted tasks, and the leases that are held */
  prepare(queue: TestQueue): Promise<{ accepted: string[]; held?: Held[] }>;
  /** Makes the same call each time, with the same request id. */
  call(queue: TestQueue): Promise<unknown>;
  /** The tasks that the call removes. */
  removes?: string[];
  /** The tasks that the call may or may not remove, depending on where it is aborted. */
  mayRemove?: string[];
  /** The discarded tasks that the call makes dead letters again. */
  restores?: string[];
  /** The tasks that the call adds. */
  adds?: string[];
  /** The ended tasks whose next life the call begins. */
  begins?: string[];
  /** The unique keys that have to be free once every task has ended. */
  frees?: string[];
  /** The flow that the test runs to its end, with its expected outcome. Each of its callbacks has to run once. */
  flow?: { id: string; outcome: "success" | "failed" | "cancelled" };
  /** The least number of Redis calls that the script makes in this scenario. @default 1 */
  callsAtLeast?: number;
}

/** Makes the script raise an error instead of its `call`-th Redis call. */
export function abortAt(script: string, call: number): Mutate {
  return (name, source) => {
    if (name !== script) return source;
    const [shebang = "", ...rest] = source.split("\n");
    const wrapper = [
      "local realRedis, callsMade = redis, 0",
      "local redis = { error_reply = realRedis.error_reply, sha1hex = realRedis.sha1hex, call = function(...)",
      "callsMade = callsMade + 1",
      `if callsMade == ${call} then error('aborted at call ${call}') end`,
      "return realRedis.call(...)",
      "end }",
    ];
    return [shebang, ...wrapper, ...rest].join("\n");
  };
}

/** Checks invariant I5: in each life of a task, the ack of at most one token is accepted. */
class AckLedger {
  readonly #accepted = new Map<string, Set<string>>();
  readonly #queue: TestQueue;

  constructor(queue: TestQueue) {
    this.#queue = queue;
  }

  async ack(held: Held): Promise<void> {
    const view = await this.#queue.view(held.id);
    if ((await this.#queue.ack(held)) !== "acked") return;
    const life = `${held.id} in generation ${view?.generation}`;
    const tokens = this.#accepted.get(life) ?? new Set();
    this.#accepted.set(life, tokens.add(held.fence));
    expect([life, [...tokens]]).toEqual([life, [held.fence]]);
  }
}

const ROUNDS = 100;
/** How many aborted calls are tested at the same time, each in its own queue, so that Redis is never idle. */
const AT_ONCE = 8;
/** The types of all tasks in the scenarios. */
const EVERY_TYPE = "t mail report old x y z";

async function drain(queue: TestQueue, ledger: AckLedger): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    while ((await advanceFlows(queue.engine)).more);
    const { pending, scheduled, processing } = await queue.stats();
    if (pending + scheduled + processing === 0) return;
    queue.advance(LEASE_MS + 60_001);
    await queue.engine.reap(500);
    await queue.engine.freeKeys(500, "0");
    await queue.engine.promote(500);
    const { grants } = await queue.acquire(500, { types: typesText(EVERY_TYPE) });
    for (const grant of grants) await ledger.ack(grant);
  }
  throw new Error(`not drained: ${JSON.stringify(await queue.stats())}`);
}

/**
 * Checks invariant I14 (an aborted script loses no task): aborts the call at each of its Redis calls in turn, in a
 * new queue each time. Then one audit repairs the queue, and all tasks run to their end. No accepted task may be
 * lost, no second ack may be accepted, and I1 and I2 (docs/guarantees.md) have to hold.
 * @param repeat whether the caller sends the same call again, as the client does after an error that it can retry
 * @returns how many Redis calls the script makes
 */
export async function expectAbortSafe(
  scenario: Scenario,
  options: { repeat: boolean; mutate?: Mutate },
): Promise<number> {
  for (let first = 1; ; first += AT_ONCE) {
    const calls = Array.from({ length: AT_ONCE }, (_, at) => first + at);
    const runs = await Promise.allSettled(calls.map((call) => abortedAt(call, scenario, options)));
    const failed = runs.find((run) => run.status === "rejected");
    if (failed) throw failed.reason;
    const whole = runs.findIndex((run) => run.status === "fulfilled" && !run.value);
    if (whole >= 0) return first + whole - 1;
  }
}

/** Aborts the script at one call, and checks the queue. @returns whether the script makes that many calls */
async function abortedAt(
  call: number,
  scenario: Scenario,
  options: { repeat: boolean; mutate?: Mutate },
): Promise<boolean> {
  const queue = await setup();
  // A mutant (a script with an error) may leave the queue broken, so no audit runs after the test. The checks below
  // have to find the error.
  queue.corrupted = options.mutate !== undefined;
  const { accepted, held = [] } = await scenario.prepare(queue);
  const abort = abortAt(scenario.script, call);
  queue.mutate = (name, source) => abort(name, options.mutate?.(name, source) ?? source);
  const aborted = await scenario.call(queue).then(
    () => false,
    (error: Error) => {
      if (!error.message.includes(`aborted at call ${call}`)) throw error;
      return true;
    },
  );
  queue.mutate = undefined;
  if (!aborted) return false;
  if (options.repeat) await scenario.call(queue);
  // The counts of errors are written together with the records, so they are right even without a repair.
  expect((await readQueue(queue.redis, queue.keys)).errors).toEqual([]);
  await auditQueue(queue.engine, { repair: true });
  await expectConserved(queue);

  // No settle may purge ended tasks here, because the checks below look for them.
  await queue.engine.configure({ retentionCount: 10_000 });
  const ledger = new AckLedger(queue);
  for (const lease of held) await ledger.ack(lease);
  await drain(queue, ledger);
  for (const lease of held) await ledger.ack(lease);
  const removed = new Set(scenario.removes);
  const mayBeGone = new Set([...removed, ...(scenario.mayRemove ?? [])]);
  for (const id of accepted) {
    const state = (await queue.view(id))?.state;
    if (state === undefined && mayBeGone.has(id)) continue;
    expect([id, state]).toEqual([id, expect.stringMatching(/^(completed|dead|cancelled|expired)$/)]);
  }
  const { flow } = scenario;
  if (flow && (options.repeat || (await readFlow(queue.engine, queue.name, flow.id)))) {
    const found = (await readFlow(queue.engine, queue.name, flow.id))?.flow;
    expect(found).toMatchObject({ state: "ended", counts: { waiting: 0, active: 0 } });
    if (options.repeat) expect(found?.outcome).toBe(flow.outcome);
    const came = (found?.callbacks ?? []).filter(({ enqueued }) => enqueued);
    expect(came.map(({ moment }) => moment)).toContain("done");
    for (const { taskId } of came.filter(({ taskId }) => !scenario.removes?.includes(taskId)))
      expect([taskId, (await queue.view(taskId))?.attempts]).toEqual([taskId, 1]);
  }
  for (const id of scenario.adds ?? []) {
    const view = await queue.view(id);
    if (options.repeat || view) expect([id, view?.state]).toEqual([id, "completed"]);
  }
  if (options.repeat) {
    for (const id of scenario.begins ?? [])
      expect([id, (await queue.view(id))?.state]).toEqual([id, "completed"]);
  }
  for (const id of scenario.restores ?? []) {
    const view = await queue.view(id);
    if (options.repeat || view) expect([id, view?.state]).toEqual([id, "dead"]);
  }
  for (const key of scenario.frees ?? [])
    expect([key, await queue.add(`last-${key}`, { unique: { key } })]).toEqual([key, "n"]);
  if (options.repeat) for (const id of removed) expect([id, await queue.view(id)]).toEqual([id, null]);
  return true;
}
