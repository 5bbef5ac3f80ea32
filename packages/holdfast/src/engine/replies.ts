export interface AuditReply {
  repaired: number;
  looked: number;
  violations: { invariant: string; detail: string }[];
}

/**
 * A page of a sorted set by score, or of a list: the task that ended last comes first, or the one that is granted next.
 * `typed`: of `pending:typed`.
 */
export type ListOrder = "first" | "last" | "ended" | "waiting" | "typed";

export interface RawTask {
  id: string;
  envelope: string;
  record: string;
  result: string;
  progress: string;
  score: string;
}

export interface RawStats {
  now: number;
  counters: number[];
  accepted: number[];
  settings: string;
  lengths: number[];
  oldest: string[];
}
