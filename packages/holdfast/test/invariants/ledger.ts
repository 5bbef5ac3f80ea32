import { expect } from "vitest";
import type { StateRecord } from "../../src/engine/record.ts";
import type { QueueSnapshot } from "../support/invariants.ts";

/** How many attempts another system had made of a task that was imported as given up. */
export const GIVEN_UP_ATTEMPTS = 2;

/** Returns the arguments of the script `give_up` for these tasks. */
export const givenUp = (ids: readonly string[], reason: string): string[] =>
  ids.flatMap((id) => [id, String(GIVEN_UP_ATTEMPTS), reason, "0", "0", "-", "-"]);

/**
 * For each state, the states to which one script call may move a task. A promotion with a grant counts as one move.
 */
const MOVES: Record<string, readonly string[]> = {
  // A node whose predecessor has failed is skipped as soon as it is added.
  absent: ["pending", "scheduled", "waiting", "cancelled"],
  waiting: ["pending", "scheduled", "cancelled", "absent"],
  // A change of the task, or an enqueue with its unique key, may give the task a later time, so it becomes scheduled.
  // If an acquire finds a node of a cancelled flow, the node goes back to waiting, until flow_advance ends it as skipped.
  pending: ["scheduled", "processing", "cancelled", "expired", "absent", "waiting"],
  // A task that another system gave up becomes a dead letter without an attempt in this queue.
  scheduled: ["pending", "processing", "dead", "cancelled", "expired", "absent"],
  processing: ["completed", "scheduled", "pending", "dead", "cancelled"],
  completed: ["absent"],
  // An enqueue with the id of a task that ended without completing begins its next life.
  dead: ["pending", "scheduled", "discarded", "absent"],
  discarded: ["pending", "scheduled", "dead", "absent"],
  // If a dead node is replayed, the nodes that were skipped because of it wait again.
  cancelled: ["pending", "scheduled", "absent", "waiting"],
  expired: ["pending", "scheduled", "absent"],
};

function attemptsMayBecome(before: StateRecord, after: StateRecord): number[] {
  if (after.generation === before.generation + 1) return [0];
  if (after.fence !== null && after.state === "processing" && after.fence !== before.fence)
    return [before.attempts + 1];
  // Only a leased task can be released. A release gives the attempt back.
  if (before.state === "processing" && (after.state === "pending" || after.state === "scheduled"))
    return [before.attempts, before.attempts - 1];
  if (before.state === "scheduled" && after.state === "dead") return [before.attempts + GIVEN_UP_ATTEMPTS];
  return [before.attempts];
}

/**
 * Checks two snapshots with one script call between them: invariants I5 and I7 (docs/guarantees.md), and the moves of
 * the state machine.
 */
export function illegalMoves(before: QueueSnapshot, after: QueueSnapshot): string[] {
  const found: string[] = [];
  for (const id of new Set([...before.tasks.keys(), ...after.tasks.keys()])) {
    const was = before.tasks.get(id);
    const is = after.tasks.get(id);
    const [from, to] = [was?.state ?? "absent", is?.state ?? "absent"];
    if (from !== to && !MOVES[from]?.includes(to)) found.push(`${id} went from ${from} to ${to}`);
    if (!is) continue;
    if (is.maxAttempts !== null && is.attempts > is.maxAttempts)
      found.push(`I7: attempt ${is.attempts} of ${id}, which has ${is.maxAttempts}`);
    if (!was) continue;
    if (from === to && was.fence !== is.fence) found.push(`I5: the token of ${id} changed in ${to}`);
    if (!attemptsMayBecome(was, is).includes(is.attempts))
      found.push(`I7: ${id} went from attempt ${was.attempts} (${from}) to ${is.attempts} (${to})`);
    if (to === "completed" && from !== to && is.fence !== was.fence)
      found.push(`I5: ${id} was completed under ${is.fence}, but its lease had ${was.fence}`);
  }
  return found;
}

interface Lease {
  token: string;
  fromMs: number;
  untilMs: number;
}

/**
 * Checks the grants and acks of one history: I5 (one ack per life of a task), I6 (leases do not overlap), I7 (tokens
 * differ). docs/guarantees.md lists all invariants.
 */
export class Ledger {
  readonly #tokens = new Set<string>();
  readonly #leases = new Map<string, Lease>();
  readonly #acked = new Map<string, string>();

  granted(id: string, token: string, nowMs: number, untilMs: number): void {
    expect(this.#tokens, `I7: ${token} was granted before`).not.toContain(token);
    this.#tokens.add(token);
    const last = this.#leases.get(id);
    if (last && last.untilMs > nowMs)
      expect.fail(`I6: ${id} was granted under ${token} while ${last.token} holds it`);
    this.#leases.set(id, { token, fromMs: nowMs, untilMs });
  }

  renewed(id: string, token: string, untilMs: number): void {
    const lease = this.#leases.get(id);
    expect(lease?.token, `I5: a lease of ${id} was renewed under an old token`).toBe(token);
    if (lease) lease.untilMs = untilMs;
  }

  /** Notes that a verdict was accepted, which ends the lease. */
  settled(id: string, token: string, nowMs: number): void {
    const lease = this.#leases.get(id);
    expect(lease?.token, `I5: a verdict on ${id} was accepted under an old token`).toBe(token);
    if (lease) lease.untilMs = nowMs;
  }

  acked(id: string, generation: number, token: string): void {
    const life = `${id} in generation ${generation}`;
    expect(this.#acked.get(life) ?? token, `I5: a second ack of ${life}`).toBe(token);
    this.#acked.set(life, token);
  }
}
