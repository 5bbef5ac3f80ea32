import { isWorkerId } from "@holdfast/contracts";
import {
  type OwnerOptions,
  ownerProblem,
  prefixKind,
  redisHints,
  redisKind,
  tracingKind,
} from "./client-options.ts";
import { ActionLog } from "./engine/action-log.ts";
import { AlertStore } from "./engine/alert-store.ts";
import { Engine, type Peers } from "./engine/engine.ts";
import { OperationStore } from "./engine/operation-store.ts";
import { Registry } from "./engine/registry.ts";
import { SharedLimits } from "./engine/shared-limits.ts";
import { callback, pattern } from "./options/kinds.ts";
import { checkShape, type Kind, shapeOf } from "./options/shape.ts";
import { Connection, type ConnectionOptions } from "./redis/connection.ts";
import type { RedisOption } from "./redis/settings.ts";
import { guardedTracing } from "./tracing/guarded.ts";
import type { Tracing } from "./tracing/tracing.ts";
import { warn } from "./user-code.ts";

/** Options of a `Holdfast`. */
export interface HoldfastOptions {
  /** Where Redis is: a URL, fields, or a client of ioredis, whose settings are then used. */
  redis: RedisOption;
  /** The first part of every Redis key: 1 to 64 of `A-Z a-z 0-9 _ . : -`. @default "queue" */
  prefix?: string | undefined;
  /** A name of this process for people who read request ids. A random part is added to it. @default none */
  instance?: string | undefined;
  /** Called after each script call, with the name of the script and the time in seconds, for metrics. @default none */
  onScript?: ConnectionOptions["onScript"];
  /** Receives a trace span for each enqueue of the queues of this client. @default no spans are made */
  tracing?: Tracing | undefined;
}

export const holdfastShape = shapeOf<HoldfastOptions>({
  what: "a client (Holdfast)",
  title: "Holdfast",
  example: '{ redis: "redis://127.0.0.1:6379" }',
  kinds: {
    redis: redisKind,
    prefix: prefixKind,
    instance: pattern("up to 128 of A-Z a-z 0-9 _ . : @ -", (value) => value === "" || isWorkerId(value)),
    onScript: callback,
    tracing: tracingKind,
  },
  hints: redisHints,
  rule: ownerProblem,
});

/** A connection to Redis that queues, janitors and observers of a process can share. */
export class Holdfast {
  /** The first part of every Redis key. */
  readonly prefix: string;
  /** The registry: which queues and workers there are in Redis. */
  readonly registry: Registry;
  /** Operations on many tasks, which continue after the request that started them has ended. */
  readonly operations: OperationStore;
  /** The audit log of what operators did. */
  readonly actions: ActionLog;
  /** The alert rules, their alerts and their messages. */
  readonly alerts: AlertStore;
  /** The limits that several queues share. */
  readonly sharedLimits: SharedLimits;
  /** The connection for all calls of this client. */
  readonly connection: Connection;
  /** Receives the trace spans; undefined without tracing. */
  readonly tracing: Tracing | undefined;
  readonly #others: Connection[] = [];
  readonly #instance: string | undefined;
  readonly #peers: Peers = {
    engine: (part) => this.engine(part),
    exists: (part) => this.registry.hasQueue(part),
    partitionFields: () => this.registry.partitionFields(),
  };
  /** Engines in use, by queue. The references are weak, because a process may use very many queues in its lifetime. */
  readonly #engines = new Map<string, WeakRef<Engine>>();
  readonly #unused = new FinalizationRegistry<string>((queue) => {
    if (this.#engines.get(queue)?.deref() === undefined) this.#engines.delete(queue);
  });

  /**
   * @param connection a shared connection, which queues, workers and janitors that were created with `redis` give
   * @throws HoldfastError invalid_argument
   */
  constructor(options: HoldfastOptions, connection?: Connection) {
    checkShape(holdfastShape, options);
    this.prefix = options.prefix ?? "queue";
    this.#instance = options.instance;
    this.connection = connection ?? new Connection(options.redis, { onScript: options.onScript });
    this.tracing = options.tracing && guardedTracing(options.tracing, warn);
    this.registry = new Registry(this.connection, this.prefix);
    this.sharedLimits = new SharedLimits(this.connection, this.prefix);
    this.operations = new OperationStore(this.connection, this.prefix);
    this.actions = new ActionLog(this.connection, this.prefix);
    this.alerts = new AlertStore(this.connection, this.prefix);
  }

  /**
   * Returns the engine that calls the scripts of one queue or partition. The same name gives the same engine while the
   * engine is in use.
   */
  engine(queue: string): Engine {
    let engine = this.#engines.get(queue)?.deref();
    if (!engine) {
      engine = new Engine(this.connection, queue, {
        prefix: this.prefix,
        instance: this.#instance,
        register: () => this.registry.addQueue(queue),
        peers: this.#peers,
      });
      this.#engines.set(queue, new WeakRef(engine));
      this.#unused.register(engine, queue);
    }
    return engine;
  }

  /**
   * Connects and checks Redis.
   * @throws HoldfastError redis_unavailable, or redis_unsupported if Redis is too old or may evict tasks
   */
  check(timeoutMs?: number) {
    return this.connection.check(timeoutMs);
  }

  /** Measures a round trip to Redis. @returns its duration, ms */
  async ping(): Promise<number> {
    const started = performance.now();
    await this.connection.command("PING");
    return performance.now() - started;
  }

  /** Registers another connection, which `close` closes as well. */
  alsoClose(connection: Connection): void {
    this.#others.push(connection);
  }

  /** Closes the connections of this client. May be called several times. */
  async close(): Promise<void> {
    await Promise.all([this.connection, ...this.#others].map((connection) => connection.close()));
  }
}

/** A client is recognized by its properties, because it may come from another copy of the library. */
export const clientKind: Kind = {
  wants: "a client: new Holdfast({ redis })",
  is: (value) => {
    const { engine, check, connection } = (value ?? {}) as Partial<Holdfast>;
    return typeof engine === "function" && typeof check === "function" && typeof connection === "object";
  },
};

/**
 * Returns the client in the options, or creates one. Clients that are created for the same `redis` share one connection
 * per process, which closes when the last of them closes.
 */
export function clientOf({ client, redis, prefix, tracing, onScript }: OwnerOptions): {
  client: Holdfast;
  isOwn: boolean;
} {
  if (client !== undefined) return { client: client as Holdfast, isOwn: false };
  const options = { redis, prefix, tracing, onScript } as HoldfastOptions;
  const connection = new Connection(options.redis, { onScript: options.onScript, share: true });
  return { client: new Holdfast(options, connection), isOwn: true };
}
