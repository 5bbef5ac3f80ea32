import type { Request } from "../../src/engine/requests.ts";

/** The request of an idle worker: open until it brought grants, or its worker stopped. */
export interface Asked {
  workerId: string;
  want: number;
  nonce: string;
  request: Request & { readonly index: number };
  /** What an enqueue granted to it, in the order of the tokens; null where it was not granted anything yet. */
  granted: { id: string; token: string }[] | null;
}

const PUSH_TASKS = 32;

/** Who waits for tasks, and to whom an enqueue grants. */
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
    const { workerId, want } = asked;
    if (this.lines.some((line) => line.workerId === workerId && line.want === want)) return;
    this.leave(workerId);
    this.lines.push({ ...asked });
  }

  /** To whom an enqueue of so many pending tasks grants them; otherwise it wakes them all. */
  grantTo(pushed: number, mayPush: boolean): Asked | null {
    if (pushed === 0) return null;
    const { lines } = this;
    this.lines = [];
    const at = lines.findIndex(({ workerId }) => this.listening.has(workerId));
    const line = lines[at];
    if (!line || !mayPush || line.want < pushed || pushed > PUSH_TASKS) return null;
    this.lines = lines.slice(at + 1);
    return this.asked.get(line.workerId) ?? null;
  }
}
