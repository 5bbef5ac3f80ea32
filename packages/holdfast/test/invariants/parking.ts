import type { Request } from "../../src/engine/task-scripts.ts";

/** The request of an idle worker. It stays open until it brings grants or the worker stops. */
export interface Asked {
  workerId: string;
  want: number;
  nonce: string;
  /** The types that the worker has sent, in the form of the scripts. */
  types: string;
  request: Request & { readonly index: number };
  /** The tasks that an enqueue has granted to this request, in the order of the tokens; null before that. */
  granted: { id: string; token: string }[] | null;
}

const PUSH_TASKS = 32;

/** Returns whether the worker runs the type. A worker that did not send its types is granted tasks of any type. */
export const runs = (told: string, type: string) =>
  told === "" || told.split(" ").some((rule) => rule === type || rule.startsWith(`${type}=`));

/** Returns how many tasks of the type a batch needs before it starts; 0 if the worker runs no such batch. */
export const fillOf = (told: string, type: string) =>
  Number(new RegExp(` ${type}=0/\\d+/(\\d+)/`).exec(told)?.[1] ?? 0);

/**
 * Returns how many tasks of the type one acquire takes at most, as its argument `types` says; Infinity if it sets no limit.
 */
export const mostOf = (told: string, type: string) =>
  Number(new RegExp(` ${type}=0/(\\d+)/`).exec(told)?.[1] ?? Number.POSITIVE_INFINITY);

/** Returns whether each key of the type has batches of its own. */
export const isByKey = (told: string, type: string) => new RegExp(` ${type}=0/[\\d/]+k`).test(told);

/**
 * The model of parked requests (requests of idle workers in Redis), and of the choice which one an enqueue answers.
 */
export class Parking {
  /** The open requests: id of the worker -> request. */
  readonly asked = new Map<string, Asked>();
  readonly listening = new Set<string>();
  /** The parked requests as Redis has them, oldest first. */
  lines: Asked[] = [];

  wake(): void {
    this.lines = [];
  }

  leave(workerId: string): void {
    this.lines = this.lines.filter((line) => line.workerId !== workerId);
  }

  /** Parks a request. A repeated request that has not changed keeps its place. */
  park(asked: Asked): void {
    const { workerId, want, types } = asked;
    if (this.lines.some((line) => line.workerId === workerId && line.want === want && line.types === types))
      return;
    this.leave(workerId);
    this.lines.push({ ...asked });
  }

  /** @returns the request to which an enqueue grants tasks of these types; null if the enqueue wakes all workers */
  grantTo(types: string[], mayPush: boolean): Asked | null {
    if (types.length === 0) return null;
    const { lines } = this;
    this.lines = [];
    const runsAll = (line: Asked) =>
      types.every((type) => runs(line.types, type) && fillOf(line.types, type) === 0);
    const at = lines.findIndex((line) => runsAll(line) && this.listening.has(line.workerId));
    const line = lines[at];
    if (!line || !mayPush || line.want < types.length || types.length > PUSH_TASKS) return null;
    // The script removes older requests whose workers no longer listen.
    this.lines = [...lines.slice(0, at).filter((other) => !runsAll(other)), ...lines.slice(at + 1)];
    return this.asked.get(line.workerId) ?? null;
  }
}
