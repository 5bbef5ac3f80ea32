import { queuesMatcher } from "@holdfast/contracts";
import {
  type AlertConfig,
  type AlertStore,
  type AlertTurn,
  newNotification,
  type StoredRule,
} from "holdfast/operate";
import { nanoid } from "nanoid";
import type { Logger } from "pino";
import type { Sample } from "../sampling/sampler.ts";
import type { SeriesStore } from "../sampling/series.ts";
import type { AlertMetrics } from "./alert-metrics.ts";
import { type Measure, measure } from "./conditions.ts";
import { Deliveries } from "./deliveries.ts";
import { messageOf } from "./message.ts";
import { type RuleStep, stepRule } from "./rule-state.ts";
import type { AlertSender } from "./sender.ts";

/** A little less than the time between two samples, so that no sample is left out. */
const EVERY_MS = 900;
/** How often a process checks for a first rule or target while there is none, ms. */
const IDLE_MS = 5_000;
const LEASE_MS = 10_000;
/** If no process has evaluated the rules for this long, ms, nobody knows whether a condition held all the time. */
const GAP_MS = 30_000;

/** The methods of `AlertStore`, so that a test can pass a fake. */
export type AlertStorePort = Pick<AlertStore, keyof AlertStore>;

export interface EvaluatorOptions {
  store: AlertStorePort;
  series: Pick<SeriesStore, "points">;
  sender: AlertSender;
  metrics: AlertMetrics;
  logger: Logger;
  /** The shortest time between two evaluations, ms. @default 900 */
  everyMs?: number | undefined;
  /** How long this process may evaluate the rules before it has to extend its lease, ms. @default 10,000 */
  leaseMs?: number | undefined;
}

/**
 * Evaluates the alert rules with the samples that this process takes anyway, and sends their messages. Every process
 * has one, and a lease in Redis decides which process works. A decision and its messages are stored together, so the
 * next process continues where the last one ended.
 */
export class AlertEvaluator {
  readonly #options: EvaluatorOptions;
  readonly #owner = nanoid(12);
  readonly #deliveries: Deliveries;
  /** The rules and targets; null if another process evaluates them, or if they have to be read again. */
  #config: AlertConfig | null = null;
  #revision = 0;
  /** The revision of the rules at which there was neither a rule nor a target; null otherwise. */
  #idleRevision: number | null = 0;
  #nextLookAt = 0;
  #looking: Promise<void> | undefined;
  #isStopped = false;
  #failed = false;

  constructor(options: EvaluatorOptions) {
    this.#options = options;
    const { store, sender, metrics } = options;
    const onError = (error: unknown) => this.#report(error);
    this.#deliveries = new Deliveries({ store, sender, metrics, owner: this.#owner, onError });
  }

  /** Evaluates the rules with a sample, unless the last evaluation was less than `everyMs` ago. */
  take(sample: Sample): void {
    if (!sample.redisUp || this.#isStopped || this.#looking || performance.now() < this.#nextLookAt) return;
    this.#looking = this.#look(sample)
      .catch((error: unknown) => this.#report(error))
      .finally(() => {
        this.#looking = undefined;
      });
  }

  /** Lets the next sample be evaluated without a wait, because this process has changed a rule or a target. */
  nudge(): void {
    this.#nextLookAt = 0;
  }

  async #look(sample: Sample): Promise<void> {
    const { store, metrics, everyMs = EVERY_MS, leaseMs = LEASE_MS } = this.#options;
    this.#nextLookAt = performance.now() + everyMs;
    if (this.#idleRevision !== null && (await store.revision()) === this.#idleRevision) {
      this.#nextLookAt = performance.now() + IDLE_MS;
      return;
    }
    this.#idleRevision = null;
    const turn = await store.turn(this.#owner, leaseMs);
    if (!turn.isOwner) return this.#rest();
    const config = await this.#read(turn);
    const { rules, deleted, targets, waiting } = config;
    if ([rules, deleted, targets, waiting].every(({ length }) => length === 0)) {
      await store.turn(this.#owner, 0);
      this.#idleRevision = turn.revision;
      this.#nextLookAt = performance.now() + IDLE_MS;
      return this.#rest();
    }
    for (const rule of rules) if (!(await this.#evaluate(rule, sample, turn))) return;
    for (const rule of deleted) if (!(await this.#end(rule, sample, turn))) return;
    config.deleted = [];
    metrics.update(new Map(rules.map((rule) => [rule.name, firingOf(rule)])));
    this.#deliveries.pump(turn.now);
    this.#failed = false;
  }

  #rest(): void {
    this.#config = null;
    this.#options.metrics.update(null);
  }

  async #read({ revision }: AlertTurn): Promise<AlertConfig> {
    if (this.#config !== null && revision === this.#revision) return this.#config;
    const config = await this.#options.store.read();
    this.#config = config;
    this.#revision = revision;
    this.#deliveries.load(config.waiting, config.targets);
    for (const { name } of config.targets) this.#options.metrics.begin(name);
    return config;
  }

  /** @returns false if another process has taken over the rules */
  async #evaluate(rule: StoredRule, sample: Sample, { now, idleMs }: AlertTurn): Promise<boolean> {
    const measures = measuresOf(rule, sample, this.#options.series);
    const isMuted = rule.mute !== null && (rule.mute.until === null || rule.mute.until > now);
    const isContinuous = idleMs < GAP_MS;
    const step = stepRule({ rule, before: rule.state, measures, isMuted, now, isContinuous });
    return !step.isChanged || this.#store(rule, step, now, false);
  }

  /** Ends the alerts of a deleted rule. @returns false if another process has taken over the rules */
  #end(rule: StoredRule, sample: Sample, { now }: AlertTurn): Promise<boolean> {
    const measures = new Map<string, Measure>();
    for (const [queue, measured] of measuresOf(rule, sample, this.#options.series))
      if (measured) measures.set(queue, { ...measured, holds: false });
    const step = stepRule({
      ...{ rule: { ...rule, keepFiringForMs: 0 }, before: rule.state, measures },
      ...{ isMuted: false, now, isContinuous: true },
    });
    return this.#store(rule, step, now, true);
  }

  async #store(rule: StoredRule, step: RuleStep, now: number, isDeleted: boolean): Promise<boolean> {
    const { store, logger } = this.#options;
    const waiting = [...step.messages].flatMap(([kind, queues]) => {
      const message = messageOf(kind, rule, queues, now);
      const names = queues.map(({ queue }) => queue);
      logger.info({ rule: rule.name, kind, queues: names.slice(0, 20) }, "alert");
      return rule.targets.map((target) => newNotification(target, message));
    });
    const state = { rule: rule.name, state: step.state, isDeleted };
    if (!(await store.write(this.#owner, { state, waiting }))) return false;
    rule.state = step.state;
    this.#deliveries.add(waiting);
    return true;
  }

  #report(error: unknown): void {
    // It is not known what was stored, so the next evaluation reads everything again.
    this.#config = null;
    // Only the first of several failures is logged.
    if (!this.#failed) this.#options.logger.warn({ err: error }, "the alert rules cannot be evaluated");
    this.#failed = true;
  }

  /** Stops, and releases the lease so that another process takes over the rules. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#looking;
    await this.#deliveries.stop();
    await this.#options.sender.close();
    if (this.#config === null) return;
    // If Redis does not answer, the lease is not released but expires.
    await this.#options.store.turn(this.#owner, 0).catch(() => undefined);
  }
}

/** Measures the condition of a rule for each of its queues. */
export function measuresOf(
  { when, queues }: Pick<StoredRule, "when" | "queues">,
  sample: Pick<Sample, "queues" | "workers">,
  series: Pick<SeriesStore, "points">,
): Map<string, Measure | null> {
  const isOfRule = queuesMatcher(queues);
  const measures = new Map<string, Measure | null>();
  for (const stats of sample.queues) {
    if (!isOfRule(stats.queue)) continue;
    const points = (windowMs: number) => series.points(stats.queue, windowMs);
    measures.set(stats.queue, measure(when, { stats, workers: sample.workers, points }));
  }
  return measures;
}

const firingOf = ({ state }: StoredRule) =>
  Object.values(state).filter(({ firedAt }) => firedAt !== null).length;
