import { envelopeIn } from "./record.ts";

export interface AuditReply {
  repaired: number;
  looked: number;
  violations: { invariant: string; detail: string }[];
}

/**
 * The order of a page. Sorted sets: "first" for the lowest score first, "last" for the highest. Lists: "ended" for the
 * task that ended last first, "waiting" for the task that is granted next first. "typed" is for `pending:typed` and
 * `pending:keyed`.
 */
export type ListOrder = "first" | "last" | "ended" | "waiting" | "typed";

export interface RawTask {
  id: string;
  envelope: string;
  record: string;
  result: string;
  progress: string;
  score: string;
  /** The stored entry of its unique key; "" if it has none. */
  holder: string;
}

export interface RawStats {
  now: number;
  counters: number[];
  accepted: number[];
  settings: string;
  lengths: number[];
  oldest: string[];
  /** The counters of tasks with keys; empty for a queue that never had keys or limits. */
  flow: number[];
  /** How many dead letters were removed because the queue had too many or too old ones. */
  dropped: number;
  /** The text of the field #flows; "" for a queue without flows. */
  flows: string;
  /** When the oldest flow was created that is sealed and still runs, ms since the epoch; 0 if there is none. */
  oldestFlow: number;
  /** How many scheduled tasks sleep or wait for a signal in their handler. */
  suspended: number;
}

/** Decodes the reply of the script get, which has six texts for each id. */
export function rawTasks(ids: readonly string[], reply: readonly string[]): RawTask[] {
  return ids.map((id, i) => {
    const [envelope = "", record = "", result = "", progress = "", score = "", holder = ""] = reply.slice(
      6 * i,
      6 * i + 6,
    );
    return { id, envelope: envelope || envelopeIn(record), record, result, progress, score, holder };
  });
}

/** @param found two texts per violation: the invariant, such as I2, and the detail */
export function violationsOf(found: readonly string[]): AuditReply["violations"] {
  const violations = [];
  for (let i = 0; i + 1 < found.length; i += 2)
    violations.push({ invariant: found[i] as string, detail: found[i + 1] as string });
  return violations;
}

export type DeleteOutcome = "deleted" | "closed" | "not_paused" | "changed" | "busy";
