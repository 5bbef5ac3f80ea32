import type { Claim } from "./policy.ts";
import type { QueueRunner } from "./queue-runner.ts";
import type { OtherRunners, Peer } from "./runner-options.ts";
import { quotas, shareOf } from "./share.ts";
import type { Slots } from "./slots.ts";

/**
 * The runners of a worker, which share its slots. Each runner acquires the tasks of one queue or partition. When a slot
 * becomes free, each runner checks whether it can begin a task that it holds, or ask for more tasks.
 */
export class Runners implements OtherRunners {
  readonly all: QueueRunner[] = [];
  readonly #slots: Slots;

  constructor(slots: Slots) {
    this.#slots = slots;
  }

  changed(): void {
    for (const runner of this.all) {
      runner.held.begin();
      if (!runner.idle) runner.schedule();
    }
  }

  alone(runner: Peer): boolean {
    return this.all.every((other) => other === runner || other.idle || other.trips.silent);
  }

  claim(runner: Peer, taken: number): Claim {
    return {
      taken,
      share: (free) => this.#share(runner, taken, free),
      quota: () => quotas<Peer>(runner, this.#answering(runner), this.#slots.total)(runner),
      pace: () => this.all.reduce((sum, other) => sum + (other.idle ? 0 : other.ahead), 0),
    };
  }

  #share(runner: Peer, taken: number, free: number): number {
    if (this.all.length === 1) return free;
    const { total, virtualTime } = this.#slots;
    const { weight, rank, turnEnd } = runner;
    const self = { weight, rank, idle: false, taken, turnEnd };
    const others = this.#answering(runner).map((other) => (other === runner ? self : other));
    return shareOf(self, others, { total, free, virtualTime });
  }

  room(runner: Peer): number {
    const free = this.#slots.total - this.#slots.running;
    if (free <= 0 || this.all.length === 1 || this.alone(runner)) return free;
    const all = this.#answering(runner);
    const quotaOf = quotas<Peer>(runner, all, this.#slots.total);
    let kept = 0;
    for (const other of all) {
      if (other === runner || other.waiting === 0) continue;
      kept += Math.min(other.waiting, Math.max(0, quotaOf(other) - other.held.running));
    }
    return Math.min(free, Math.max(quotaOf(runner) - runner.held.running, free - kept));
  }

  kept(runner: Peer & { readonly ahead: number }, granted: number): number {
    const { total, held, settling, reserved, exclusive, makesRoomFor } = this.#slots;
    if (exclusive || makesRoomFor !== null) return 0;
    const free = total - held + settling - reserved;
    if (granted <= free) return granted;
    return Math.max(0, free + (this.alone(runner) ? runner.ahead : 0));
  }

  /** Returns this runner, and all others except those whose last call to Redis failed. */
  #answering(runner: Peer): QueueRunner[] {
    return this.all.filter((other) => other === runner || !other.trips.silent);
  }

  /** Called when the heartbeat thread reports that a lease is lost, or that a cancel was requested. */
  leaseChanged(what: "lost" | "cancelled", index: number, version: number): void {
    for (const runner of this.all) runner.held.leaseChanged(what, index, version);
  }

  /** Called when the handler of this rule was at its limit and may get tasks again. */
  roomCame(rule: string): void {
    for (const runner of this.all) {
      if (runner.trips.waitsFor.includes(rule)) runner.wake();
      runner.schedule();
    }
  }

  get quiet(): boolean {
    return this.all.every((runner) => runner.quiet);
  }
}
