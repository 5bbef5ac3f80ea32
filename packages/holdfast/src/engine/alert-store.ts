import {
  ALERT_LIMITS,
  type AlertMute,
  type AlertNotification,
  type AlertRule,
  type AlertTarget,
  type AlertView,
  HoldfastError,
} from "@holdfast/contracts";
import { nanoid } from "nanoid";
import type { Connection } from "../redis/connection.ts";
import * as scripts from "../redis/generated/index.ts";
import { type SystemKeys, systemKeys } from "../redis/keys.ts";
import type { Script } from "../redis/script.ts";

/** A queue for which the condition of a rule holds, as it is stored. Times are Redis times, ms since the epoch. */
export interface HeldAlert {
  /** Since when the condition holds. */
  since: number;
  /** When the alert began to fire; null while it is pending. */
  firedAt: number | null;
  /** When the last message about it was decided; null if there was none, for example because the rule is muted. */
  toldAt: number | null;
  /** Since when the condition has been over. Only of an alert that fires on nevertheless, because of `keepFiringForMs`. */
  overSince?: number;
}

/** The queues for which the condition of a rule holds. */
export type RuleState = Record<string, HeldAlert>;

/** An alert rule as it is stored, with what it found last. */
export interface StoredRule extends AlertRule {
  name: string;
  updatedAt: number;
  state: RuleState;
  mute: AlertMute | null;
}

/** An alert target as it is stored, with its secrets. */
export interface StoredTarget extends AlertTarget {
  name: string;
  updatedAt: number;
}

/** Everything about alerts except the ended notifications. */
export interface AlertConfig {
  rules: StoredRule[];
  /** Rules that were deleted. They are kept until the ends of their alerts are told. */
  deleted: StoredRule[];
  targets: StoredTarget[];
  /** Messages that have to be sent, oldest first. */
  waiting: AlertNotification[];
}

/** What the process that evaluates the rules stores, all of it or nothing. */
export interface AlertWrites {
  /** The new state of one rule. Of a deleted one it is the last state, after which nothing of the rule is kept. */
  state?: { rule: string; state: RuleState; isDeleted?: boolean };
  /** New messages, and those of which an attempt has failed. */
  waiting?: readonly AlertNotification[];
  /** Messages that were delivered or given up. */
  ended?: readonly AlertNotification[];
}

/** The answer to a process that asks to evaluate the rules. */
export interface AlertTurn {
  /** Redis time, ms since the epoch. */
  now: number;
  /** Whether the caller evaluates the rules. */
  isOwner: boolean;
  /** Grows with each change of a rule, a mute or a target, and with each test. */
  revision: number;
  /** For how long nobody has evaluated the rules, ms. */
  idleMs: number;
}

type What = "rule" | "mute" | "target" | "test";

/** Alert rules, their state and their messages in Redis. One process at a time evaluates the rules. */
export class AlertStore {
  readonly #connection: Connection;
  readonly #keys: SystemKeys;
  readonly #clockMs: () => number;

  /** @param clockMs 0 for Redis time; tests give another time */
  constructor(connection: Connection, prefix = "queue", clockMs: () => number = () => 0) {
    this.#connection = connection;
    this.#keys = systemKeys(prefix);
    this.#clockMs = clockMs;
  }

  #run<Args, Reply>(script: Script<Args, SystemKeys>, args: Args): Promise<Reply> {
    return this.#connection.script<Args, Reply, SystemKeys>(script, this.#keys, args);
  }

  async #hash(key: string): Promise<Map<string, string>> {
    const flat = await this.#connection.command<string[]>("HGETALL", key);
    const fields = new Map<string, string>();
    for (let i = 0; i + 1 < flat.length; i += 2) fields.set(flat[i] as string, flat[i + 1] as string);
    return fields;
  }

  /** Returns the revision: 0 if nobody has ever written a rule or a target. */
  async revision(): Promise<number> {
    return Number(await this.#connection.command<string | null>("HGET", this.#keys.alerts, ":revision"));
  }

  async read(): Promise<AlertConfig> {
    const [fields, rules, targets] = await Promise.all([
      this.#hash(this.#keys.alerts),
      this.#hash(this.#keys.alertRules),
      this.#hash(this.#keys.alertTargets),
    ]);
    const one = <T>(field: string, missing: T): T => {
      const text = fields.get(field);
      return text === undefined ? missing : (JSON.parse(text) as T);
    };
    const waiting = [...fields]
      .filter(([field]) => field.startsWith("o"))
      .map(([, text]) => JSON.parse(text) as AlertNotification);
    const ruleOf = ([name, text]: [string, string]): StoredRule => ({
      // A rule that an earlier version wrote lacks it.
      keepFiringForMs: 0,
      ...(JSON.parse(text) as Omit<AlertRule, "keepFiringForMs"> & { updatedAt: number }),
      name,
      state: one<RuleState>(`s${name}`, {}),
      mute: one<AlertMute | null>(`m${name}`, null),
    });
    const deleted = [...fields]
      .filter(([field]) => field.startsWith("d") && !rules.has(field.slice(1)))
      .map(([field, text]) => ruleOf([field.slice(1), text]));
    return {
      rules: [...rules].sort(byName).map(ruleOf),
      deleted,
      targets: [...targets]
        .sort(byName)
        .map(([name, text]) => ({ ...(JSON.parse(text) as AlertTarget & { updatedAt: number }), name })),
      waiting: waiting.sort((a, b) => a.message.at - b.message.at || (a.id < b.id ? -1 : 1)),
    };
  }

  /** Returns the notifications that wait and those that have ended, newest first. */
  async notifications(limit: number): Promise<AlertNotification[]> {
    const [{ waiting }, texts] = await Promise.all([
      this.read(),
      this.#connection.command<string[]>("LRANGE", this.#keys.alertHistory, 0, limit - 1),
    ]);
    const ended = texts.map((text) => JSON.parse(text) as AlertNotification);
    // A message that has ended between the two reads is in both.
    const ids = new Set(ended.map(({ id }) => id));
    return [...waiting.reverse().filter(({ id }) => !ids.has(id)), ...ended].slice(0, limit);
  }

  async #put(what: What, name: string, value: object | null, most = 0): Promise<number> {
    const text = value === null ? "" : JSON.stringify(value);
    const done: number = await this.#run(scripts.alertPutScript, { what, name, text, most });
    if (done === -1)
      throw new HoldfastError("conflict", `there are ${most} alert ${what}s, and no more are allowed`);
    return done;
  }

  /** @returns whether the rule is new @throws HoldfastError not_found for an unknown target; conflict for too many */
  async putRule(name: string, rule: AlertRule): Promise<boolean> {
    const { targets } = await this.read();
    for (const [index, target] of rule.targets.entries())
      if (!targets.some((known) => known.name === target))
        throw new HoldfastError("not_found", `there is no alert target "${target}"`, {
          field: `targets/${index}`,
        });
    return (await this.#put("rule", name, { ...rule, updatedAt: Date.now() }, ALERT_LIMITS.rules)) === 2;
  }

  /** @returns false if there is no such rule */
  async deleteRule(name: string): Promise<boolean> {
    return (await this.#put("rule", name, null)) === 1;
  }

  /** @param mute null ends the mute @throws HoldfastError not_found */
  async mute(name: string, mute: AlertMute | null): Promise<void> {
    const done = await this.#put("mute", name, mute);
    if (done > 0) return;
    const { rules } = await this.read();
    if (!rules.some((rule) => rule.name === name)) throw unknownRule(name);
  }

  /** @returns whether the target is new @throws HoldfastError conflict for too many */
  async putTarget(name: string, target: AlertTarget): Promise<boolean> {
    return (
      (await this.#put("target", name, { ...target, updatedAt: Date.now() }, ALERT_LIMITS.targets)) === 2
    );
  }

  /** @returns false if there is no such target @throws HoldfastError conflict if a rule sends to it */
  async deleteTarget(name: string): Promise<boolean> {
    const { rules } = await this.read();
    const user = rules.find(({ targets }) => targets.includes(name));
    if (user)
      throw new HoldfastError(
        "conflict",
        `the alert rule "${user.name}" sends to "${name}": change the rule first`,
      );
    return (await this.#put("target", name, null)) === 1;
  }

  /** Asks for a test message, which the process that evaluates the rules sends. @throws HoldfastError not_found */
  async test(target: string): Promise<AlertNotification> {
    const { targets } = await this.read();
    if (!targets.some(({ name }) => name === target)) throw unknownTarget(target);
    const message = { kind: "test" as const, rule: null, when: null, queues: [], more: 0, at: Date.now() };
    const notification = newNotification(target, message);
    await this.#put("test", notification.id, notification);
    return notification;
  }

  /** Returns what has become of a notification; null if it is not kept any more. */
  async notification(id: string): Promise<AlertNotification | null> {
    const notifications = await this.notifications(ALERT_LIMITS.notifications);
    return notifications.find((one) => one.id === id) ?? null;
  }

  /**
   * Takes, renews or gives up the lease of the process that evaluates the rules.
   * @param owner a name that nobody else has
   * @param leaseMs 0 gives the lease up
   */
  async turn(owner: string, leaseMs: number): Promise<AlertTurn> {
    const [now, isOwner, revision, idleMs] = await this.#run<
      scripts.AlertTurnArgs,
      [number, number, number, number]
    >(scripts.alertTurnScript, { clockMs: this.#clockMs(), owner, leaseMs });
    return { now, isOwner: isOwner === 1, revision, idleMs };
  }

  /** Stores decisions and what was sent. @returns false if another process evaluates the rules now */
  async write(owner: string, { state, waiting = [], ended = [] }: AlertWrites): Promise<boolean> {
    const parts = [
      ...(state ? ["state", state.rule, JSON.stringify(state.state)] : []),
      ...(state?.isDeleted ? ["forget", state.rule, ""] : []),
      ...waiting.flatMap((one) => ["send", one.id, JSON.stringify(one)]),
      ...ended.flatMap((one) => ["end", one.id, JSON.stringify(one)]),
    ];
    const held: number = await this.#run(scripts.alertWriteScript, {
      clockMs: this.#clockMs(),
      owner,
      maxKept: ALERT_LIMITS.notifications,
      tail: parts,
    });
    return held === 1;
  }
}

/** Returns the alerts of a rule: those that fire before the pending ones, and of each the oldest first. */
export function alertsOf(state: RuleState): Omit<AlertView, "value">[] {
  return Object.entries(state)
    .map(([queue, { since, firedAt }]) => ({
      ...{ queue, state: firedAt === null ? ("pending" as const) : ("firing" as const) },
      since: firedAt ?? since,
    }))
    .sort((a, b) => Number(a.state === "pending") - Number(b.state === "pending") || a.since - b.since);
}

const byName = ([a]: [string, string], [b]: [string, string]) => (a < b ? -1 : 1);

/** Returns a message that waits for its first delivery, with a new id. */
export function newNotification(target: string, message: AlertNotification["message"]): AlertNotification {
  return {
    id: `alert_${nanoid(16)}`,
    ...{ target, message, outcome: "waiting", attempts: 0, nextAt: message.at, endedAt: null, answer: null },
  };
}

/** Returns the error for a rule that does not exist. */
export const unknownRule = (name: string) =>
  new HoldfastError("not_found", `there is no alert rule "${name}"`);
/** Returns the error for a target that does not exist. */
export const unknownTarget = (name: string) =>
  new HoldfastError("not_found", `there is no alert target "${name}"`);
