import type { LimitsView, TaskKeyView } from "@holdfast/contracts";
import { type Call, frame, queueStats, renderAt } from "./render.tsx";

export const LIMITS = "/v1/queues/emails/limits";
export const KEYS = "/v1/queues/emails/keys";
export const HOLD = "/v1/queues/emails/hold";

export const view = (part: Partial<LimitsView> = {}): LimitsView => ({
  queue: "emails",
  at: Date.now(),
  limits: {},
  types: [],
  shared: [],
  running: 0,
  heldUntil: null,
  blockedBy: null,
  nextAt: null,
  ...part,
});

export const keyView = (key: string, part: Partial<TaskKeyView> = {}): TaskKeyView => ({
  key,
  waiting: 1,
  running: 0,
  limit: null,
  limitUntil: null,
  heldUntil: null,
  blockedBy: null,
  nextAt: null,
  ...part,
});

/**
 * Renders the screen Limits with these limits and keys. `more` may answer a request before the default handler does.
 */
export function show(
  limits: LimitsView,
  keys: TaskKeyView[],
  more: (call: Call) => { status?: number; body: unknown } | undefined = () => undefined,
  search = "",
) {
  return renderAt(`/queues/emails/limits${search}`, (call) => {
    const answer = more(call);
    if (answer !== undefined) return answer;
    if (call.path === LIMITS) return { body: limits };
    if (call.path === KEYS) return { body: { queue: "emails", keys, cursor: null } };
    return frame([queueStats({ pending: 3 })])(call);
  });
}

/** Returns the body of the last request with this method and path, or undefined if there was none. */
export const body = (calls: Call[], method: string, path: string) => {
  const sent = calls.findLast((call) => call.method === method && call.path === path);
  return sent === undefined ? undefined : JSON.parse(sent.bodyText ?? "");
};
