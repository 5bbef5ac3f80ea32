import type { Identity, RedisView } from "@holdfast/contracts/api";
import { mayUseQueue } from "@holdfast/service";
import { measure } from "../alerts/conditions.ts";
import type { Sample } from "../sampling/sampler.ts";

/** One of the Redis servers that a process shows. */
export interface ShownRedis {
  name: string;
  /** The path of its dashboard, relative to the first one, such as `redis/eu/`; "" for the first one. */
  path: string;
  /** Returns the last sample. */
  latest(): Sample;
}

/** The Redis servers that a process shows, including the first one. */
export class RedisList {
  readonly #all: ShownRedis[] = [];

  add(redis: ShownRedis): void {
    this.#all.push(redis);
  }

  /** Whether there is more than one, so that people can switch between them. */
  get isSeveral(): boolean {
    return this.#all.length > 1;
  }

  /** Returns each Redis with its health. Queues that the caller may not see do not count. */
  views(identity: Identity): RedisView[] {
    return this.#all.map(({ name, path, latest }) => {
      const sample = latest();
      return { name, path, isUp: sample.redisUp, onFire: sample.redisUp ? onFireOf(sample, identity) : 0 };
    });
  }
}

/** Counts the queues with dead letters, and those whose tasks wait without a worker. */
function onFireOf({ queues, workers }: Sample, identity: Identity): number {
  const points = () => [];
  return queues.filter(
    (stats) =>
      mayUseQueue(identity, stats.queue) &&
      ([{ kind: "dead_letters", above: 0 }, { kind: "no_workers" }] as const).some(
        (when) => measure(when, { stats, workers, points })?.holds,
      ),
  ).length;
}
