import type { QueueKeys } from "../redis/keys.ts";

export type EmptiedState = "pending" | "scheduled" | "dead" | "completed" | "cancelled" | "expired";

/** Where the tasks of a state stand. */
export const INDEXES: Record<EmptiedState, (keyof QueueKeys)[]> = {
  pending: ["pendingHigh", "pending", "pendingLow", "pendingSolo", "pendingTyped"],
  scheduled: ["scheduled"],
  dead: ["deadLetters"],
  completed: ["completed"],
  cancelled: ["cancelled"],
  expired: ["expired"],
};
