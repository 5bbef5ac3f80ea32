import type { ScheduleInput } from "@holdfast/contracts";
import { Engine } from "../../src/engine/engine.ts";
import { ScheduleStore } from "../../src/engine/schedule-store.ts";
import { Holdfast, Observer, type ScheduleRunEvent, Schedules } from "../../src/index.ts";
import type { Connection } from "../../src/redis/connection.ts";
import type { Script } from "../../src/redis/script.ts";
import { ScheduleFiring } from "../../src/schedules/firing.ts";
import { afterwards } from "../support/library.ts";
import { type Mutate, mutated } from "../support/setup.ts";
import { setupSystem } from "../worker/harness.ts";

export const MINUTE = 60_000;
/** The start of a minute. A schedule of every minute is due at it. */
export const NOON = Date.UTC(2027, 0, 15, 12);

/** Functions that are called around each script call of one janitor. */
export interface Around {
  before?(call: number, name: string): Promise<void> | void;
  after?(call: number, name: string): Promise<void> | void;
  /** Changes the source of a script before it is called. */
  mutate?: Mutate;
}

/** Makes a system with a simulated clock for schedules, and with as many janitors as a test needs. */
export async function setupSchedules() {
  const system = await setupSystem();
  const clock = { nowMs: NOON };
  const clockMs = () => clock.nowMs;
  const { client } = system;
  const observer = new Observer({ client });
  const schedules = new Schedules({ client, clockMs });
  const store = new ScheduleStore(client.connection, system.prefix, clockMs);

  /** Returns a function that fires schedules like a janitor. A test can stop or delay it at any script call. */
  const janitor = (around: Around = {}) => {
    const own = new Holdfast({ redis: system.url, prefix: system.prefix });
    afterwards(() => own.close());
    const events: ScheduleRunEvent[] = [];
    let calls = 0;
    const connection = new Proxy(own.connection, {
      get(target, property) {
        const value: unknown = Reflect.get(target, property, target);
        if (property !== "script") return typeof value === "function" ? value.bind(target) : value;
        return async (script: Script<unknown>, ...rest: [never, never]) => {
          const call = ++calls;
          await around.before?.(call, script.name);
          const sent = around.mutate ? mutated(script, around.mutate) : script;
          const reply = await target.script(sent, ...rest);
          await around.after?.(call, script.name);
          return reply;
        };
      },
    }) as Connection;
    const engines = new Map<string, Engine>();
    const faulty = {
      prefix: system.prefix,
      registry: own.registry,
      connection,
      check: () => own.check(),
      engine(queue: string) {
        const register = () => own.registry.addQueue(queue);
        const engine =
          engines.get(queue) ?? new Engine(connection, queue, { prefix: system.prefix, register, clockMs });
        engines.set(queue, engine);
        return engine;
      },
    } as unknown as Holdfast;
    const firing = new ScheduleFiring({ client: faulty, onRun: (event) => events.push(event), clockMs });
    const written = new Schedules({ client: faulty, clockMs });
    return { fire: () => firing.runOnce(), events, calls: () => calls, connection, schedules: written };
  };

  const every = (change: Partial<ScheduleInput> = {}) =>
    schedules.put("s", { queue: "work", cron: "* * * * *", type: "t", ...change });

  /** Returns the due times of the waiting tasks of schedule "s", in minutes after `NOON`. */
  const times = async () => {
    const { tasks } = await observer.list("work", { state: "pending", limit: 100 });
    return tasks.map((task) => (Number(task.id.split(":")[1]) - NOON) / MINUTE).sort((a, b) => a - b);
  };
  const enqueuedTotal = async () => (await observer.stats("work")).totals.enqueued;

  return { ...{ system, clock, schedules, store, observer, janitor, every, times, enqueuedTotal } };
}
