import type { Request } from "../../src/engine/requests.ts";

/** The request of an idle worker: open until it brought grants, or its worker stopped. */
export interface Asked {
  workerId: string;
  want: number;
  nonce: string;
  /** The types that it sent, in the form that the scripts take. */
  types: string;
  request: Request & { readonly index: number };
  /** The tasks that an enqueue granted to it, in the order of the tokens; null before that. */
  granted: { id: string; token: string }[] | null;
}

const PUSH_TASKS = 32;

/** A worker that did not send its types is granted tasks of any type. */
export const runs = (told: string, type: string) => told === "" || told.split(" ").includes(type);

/** The parked requests, and the one that an enqueue grants to. */
export class Parking {
  /** Open requests, by worker. */
  readonly asked = new Map<string, Asked>();
  readonly listening = new Set<string>();
  /** Those that stand in Redis, the one that waits longest first. */
  lines: Asked[] = [];

  wake(): void {
    this.lines = [];
  }

  leave(workerId: string): void {
    this.lines = this.lines.filter((line) => line.workerId !== workerId);
  }

  /** A request that is repeated as it is keeps its place. */
  park(asked: Asked): void {
    const { workerId, want, types } = asked;
    if (this.lines.some((line) => line.workerId === workerId && line.want === want && line.types === types))
      return;
    this.leave(workerId);
    this.lines.push({ ...asked });
  }

  /** To whom an enqueue of pending tasks of these types grants them; otherwise it wakes them all. */
  grantTo(types: string[], mayPush: boolean): Asked | null {
    if (types.length === 0) return null;
    const { lines } = this;
    this.lines = [];
    const runsAll = (line: Asked) => types.every((type) => runs(line.types, type));
    const at = lines.findIndex((line) => runsAll(line) && this.listening.has(line.workerId));
    const line = lines[at];
    if (!line || !mayPush || line.want < types.length || types.length > PUSH_TASKS) return null;
    // Those before it that listen no more are dropped.
    this.lines = [...lines.slice(0, at).filter((other) => !runsAll(other)), ...lines.slice(at + 1)];
    return this.asked.get(line.workerId) ?? null;
  }
}
