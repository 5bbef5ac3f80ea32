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
  /** Where Redis is: a URL, fields, or a client of ioredis, whose settings are used. */
  redis: RedisOption;
  /** The first part of every Redis key: 1 to 64 of `A-Z a-z 0-9 _ . : -`. @default "queue" */
  prefix?: string | undefined;
  /** Shown in request ids, before a part that is always minted. */
  instance?: string | undefined;
  /** Called after each script call, with its name and time in seconds; for metrics. @default none */
  onScript?: ConnectionOptions["onScript"];
  /** Receives the spans of the queues of this client. @default no spans are made */
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

/** One connection that queues, janitors and observers of a process can share. */
export class Holdfast {
  /** The first part of every Redis key. */
  readonly prefix: string;
  /** The queues and workers that are known in Redis. */
  readonly registry: Registry;
  /** The operations that operators started, which outlive the request that started them. */
  readonly operations: OperationStore;
  /** The audit log of what operators did. */
  readonly actions: ActionLog;
  /** The alert rules and their messages. */
  readonly alerts: AlertStore;
  /** The limits that queues share. */
  readonly sharedLimits: SharedLimits;
  /** The connection for all calls of this client. */
  readonly connection: Connection;
  /** Receives the spans of the queues of this client; undefined without tracing. */
  readonly tracing: Tracing | undefined;
  readonly #others: Connection[] = [];
  readonly #instance: string | undefined;
  readonly #peers: Peers = {
    engine: (part) => this.engine(part),
    exists: (part) => this.registry.hasQueue(part),
    partitionFields: () => this.registry.partitionFields(),
  };
  /**
   * Weak references, because a process may use many queues in its lifetime. An engine lives as long as somebody uses
   * it.
   */
  readonly #engines = new Map<string, WeakRef<Engine>>();
  readonly #unused = new FinalizationRegistry<string>((queue) => {
    if (this.#engines.get(queue)?.deref() === undefined) this.#engines.delete(queue);
  });

  /**
   * @param connection given by a queue, worker or janitor that was created with `redis`. All of these in one process
   * share it.
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

  /** The engine of one queue. The same name gives the same engine for as long as somebody holds a reference to it. */
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
   * Connects and runs the boot checks.
   * @throws HoldfastError redis_unavailable, or redis_unsupported if Redis is too old or its policy evicts tasks
   */
  check(timeoutMs?: number) {
    return this.connection.check(timeoutMs);
  }

  /** Round trip to Redis, ms. */
  async ping(): Promise<number> {
    const started = performance.now();
    await this.connection.command("PING");
    return performance.now() - started;
  }

  /** Registers a further connection, which `close` closes together with this client. */
  alsoClose(connection: Connection): void {
    this.#others.push(connection);
  }

  /** Closes the connections of this client. Idempotent. */
  async close(): Promise<void> {
    await Promise.all([this.connection, ...this.#others].map((connection) => connection.close()));
  }
}

/** Recognizes a shared client by its properties, because it may come from another copy of the library. */
export const clientKind: Kind = {
  wants: "a client: new Holdfast({ redis })",
  is: (value) => {
    const { engine, check, connection } = (value ?? {}) as Partial<Holdfast>;
    return typeof engine === "function" && typeof check === "function" && typeof connection === "object";
  },
};

/**
 * Returns the client that the options give, or makes one. All clients made for the same `redis` share one connection
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
