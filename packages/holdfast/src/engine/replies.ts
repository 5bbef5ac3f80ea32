import { envelopeIn } from "./record.ts";

export interface AuditReply {
  repaired: number;
  looked: number;
  violations: { invariant: string; detail: string }[];
}

/**
 * The order of a page. In a sorted set: "first" or "last", by score. In a list: "ended", with the task that ended last
 * first, or "waiting", with the task that is granted next first. "typed" is for `pending:typed` and `pending:keyed`.
 */
export type ListOrder = "first" | "last" | "ended" | "waiting" | "typed";

export interface RawTask {
  id: string;
  envelope: string;
  record: string;
  result: string;
  progress: string;
  score: string;
  /** The entry of its unique key; "" without one. */
  holder: string;
}

export interface RawStats {
  now: number;
  counters: number[];
  accepted: number[];
  settings: string;
  lengths: number[];
  oldest: string[];
  /** Empty for a queue that has had neither keys nor limits. */
  flow: number[];
  /** Dead letters that a cap dropped. */
  dropped: number;
  /** The field #flows; "" without flows. */
  flows: string;
  /** When the oldest flow was created that is sealed and has not ended, ms since the epoch; 0 without one. */
  oldestFlow: number;
  /** Scheduled tasks whose handler sleeps or waits for a signal. */
  suspended: number;
}

/** Reads the reply of the script get, which has six texts for each id. */
export function rawTasks(ids: readonly string[], reply: readonly string[]): RawTask[] {
  return ids.map((id, i) => {
    const [envelope = "", record = "", result = "", progress = "", score = "", holder = ""] = reply.slice(
      6 * i,
      6 * i + 6,
    );
    return { id, envelope: envelope || envelopeIn(record), record, result, progress, score, holder };
  });
}

/** @param found the invariant and the detail of each violation, in turn */
export function violationsOf(found: readonly string[]): AuditReply["violations"] {
  const violations = [];
  for (let i = 0; i + 1 < found.length; i += 2)
    violations.push({ invariant: found[i] as string, detail: found[i + 1] as string });
  return violations;
}

export type DeleteOutcome = "deleted" | "closed" | "not_paused" | "changed" | "busy";
