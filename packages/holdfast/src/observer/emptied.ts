import type { QueueKeys } from "../redis/keys.ts";

/** What can be emptied. Tasks that are processing belong to their workers. */
export const EMPTIED_STATES = ["pending", "scheduled", "dead", "completed", "cancelled", "expired"] as const;
export type EmptiedState = (typeof EMPTIED_STATES)[number];

/** Where the tasks of a state stand. */
export const INDEXES: Record<EmptiedState, (keyof QueueKeys)[]> = {
  pending: ["pendingHigh", "pending", "pendingLow", "pendingSolo", "pendingTyped"],
  scheduled: ["scheduled"],
  dead: ["deadLetters"],
  completed: ["completed"],
  cancelled: ["cancelled"],
  expired: ["expired"],
};
