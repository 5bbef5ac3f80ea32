import type { QueueKeys } from "../redis/keys.ts";

/** The states that can be emptied. Tasks that are processing belong to their workers. */
export const EMPTIED_STATES = ["pending", "scheduled", "dead", "completed", "cancelled", "expired"] as const;
export type EmptiedState = (typeof EMPTIED_STATES)[number];

/** The indexes with the tasks of a state. */
export const INDEXES: Record<EmptiedState, (keyof QueueKeys)[]> = {
  pending: ["pendingHigh", "pending", "pendingLow", "pendingSolo", "pendingTyped"],
  scheduled: ["scheduled"],
  dead: ["deadLetters"],
  completed: ["completed"],
  cancelled: ["cancelled"],
  expired: ["expired"],
};
