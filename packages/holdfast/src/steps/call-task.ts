import type { StoredStep } from "../engine/steps.ts";
import { decodeWord } from "../engine/text.ts";
import { type CalledTask, CallFailed, endOf } from "./called-task.ts";
import type { StepStore } from "./step-store.ts";

// A signal tells the caller that a called task has ended. The signal may be lost, so the caller also reads the state of
// the called task: first after LOOK_MS, then at growing intervals up to MOST_LOOK_MS.
const LOOK_MS = 5_000;
const MOST_LOOK_MS = 300_000;

/** The durable step of a `ctx.call`. */
export interface CallStep {
  place: number;
  name: string;
  /** The step as an earlier attempt has stored it; undefined in the first attempt. */
  known: StoredStep | undefined;
}

/** The result of the called task, or until when to wait for it. */
export type CallAnswer = { id: string } & (
  | { text: string; until?: undefined }
  | { text?: undefined; until: number }
);

/**
 * Enqueues the called task once, and returns its result if there is one.
 * @throws CallFailed if it ended without completing; HoldfastError conflict if the lease is lost; queue_full, key_full
 */
export async function callTask(
  store: StepStore,
  { place, name, known }: CallStep,
  task: Omit<CalledTask, "id">,
): Promise<CallAnswer> {
  // The id is stored before the enqueue, so that a later attempt does not enqueue a second task. After the enqueue, the
  // stored text becomes `=<id>`, the event that the caller waits for.
  const kept = known?.text ? decodeWord(known.text) : await store.mintId();
  const isCalled = kept.startsWith("=");
  const id = isCalled ? kept.slice(1) : kept;
  if (!known) await store.write({ place, kind: "c", outcome: "o", name, text: id });
  if (!isCalled) await store.call({ id, ...task });
  return { id, ...(await answerOf(store, id, { place, name }, isCalled)) };
}

/** Returns the result, or until when to wait. @param looks whether to read the called task if no signal has come */
async function answerOf(
  store: StepStore,
  id: string,
  { place, name }: Pick<CallStep, "place" | "name">,
  looks: boolean,
): Promise<{ text: string; until?: undefined } | { text?: undefined; until: number }> {
  const wait = { place, kind: "c", name, events: [endOf(id)] } as const;
  const answer = await store.wait({ ...wait, timeoutMs: LOOK_MS });
  if (answer.kind === "signal") return { text: answer.data };
  if (answer.kind === "open" && !looks) return { until: answer.until };
  const called = await store.readCalled(id);
  if (called.kind === "failed") throw new CallFailed(id, called.state, called.message);
  if (called.kind === "completed") {
    await store.write({ place, kind: "c", outcome: "d", name, text: called.resultText });
    return { text: called.resultText };
  }
  const timeoutMs = Math.min(MOST_LOOK_MS, Math.max(LOOK_MS, called.ageMs / 2));
  const again = await store.wait({ ...wait, timeoutMs: Math.round(timeoutMs) });
  return again.kind === "signal" ? { text: again.data } : { until: again.kind === "open" ? again.until : 0 };
}
