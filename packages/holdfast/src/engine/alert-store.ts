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

/** A queue for which the condition of an alert rule is true. Times are Redis times, ms since the epoch. */
export interface HeldAlert {
  /** Since when the condition has been true. */
  since: number;
  /** When the alert began to fire; null while it is pending. */
  firedAt: number | null;
  /** When the last message about this alert was decided; null if there was none, for example because of a mute. */
  toldAt: number | null;
  /** Since when the condition has been false. Set only while the alert keeps firing because of `keepFiringForMs`. */
  overSince?: number;
}

/** The alerts of one rule, by the name of the queue. */
export type RuleState = Record<string, HeldAlert>;

/** An alert rule as it is stored, with its alerts. */
export interface StoredRule extends AlertRule {
  name: string;
  updatedAt: number;
  state: RuleState;
  mute: AlertMute | null;
}

/** A target of alert messages as it is stored, with its secrets. */
export interface StoredTarget extends AlertTarget {
  name: string;
  updatedAt: number;
}

/** All rules and targets of alerts, and the messages that are not delivered yet. */
export interface AlertConfig {
  rules: StoredRule[];
  /** Deleted rules. They are kept until the messages about the end of their alerts are decided. */
  deleted: StoredRule[];
  targets: StoredTarget[];
  /** Messages that are not delivered yet, oldest first. */
  waiting: AlertNotification[];
}

/** What the process that evaluates the rules stores in one call. */
export interface AlertWrites {
  /** The new alerts of one rule. `isDeleted`: the rule is forgotten. */
  state?: { rule: string; state: RuleState; isDeleted?: boolean };
  /** New messages, and messages whose delivery failed and is tried again. */
  waiting?: readonly AlertNotification[];
  /** Messages that were delivered or given up. */
  ended?: readonly AlertNotification[];
}

/** The answer to a process that asks whether it may evaluate the rules. */
export interface AlertTurn {
  now: number;
  /** Whether the caller holds the lease to evaluate the rules. */
  isOwner: boolean;
  /** Grows with each change of a rule, a mute or a target, and with each test message. */
  revision: number;
  /** For how long no process has evaluated the rules, ms. */
  idleMs: number;
}

type What = "rule" | "mute" | "target" | "test";

/** Stores alert rules, their alerts and messages in Redis. The process that holds a lease evaluates the rules. */
export class AlertStore {
  readonly #connection: Connection;
  readonly #keys: SystemKeys;
  readonly #clockMs: () => number;

  /** @param clockMs for tests: the time to use instead of the time of Redis @default 0: the time of Redis */
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

  /** Returns how often rules and targets were changed, 0 for never. */
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
      // Rules of an earlier version lack this field.
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

  /** Returns the messages that are not delivered yet and those that have ended, newest first. */
  async notifications(limit: number): Promise<AlertNotification[]> {
    const [{ waiting }, texts] = await Promise.all([
      this.read(),
      this.#connection.command<string[]>("LRANGE", this.#keys.alertHistory, 0, limit - 1),
    ]);
    const ended = texts.map((text) => JSON.parse(text) as AlertNotification);
    // A message that ended between the two reads is in both lists.
    const ids = new Set(ended.map(({ id }) => id));
    return [...waiting.reverse().filter(({ id }) => !ids.has(id)), ...ended].slice(0, limit);
  }

  async #put(what: What, name: string, value: object | null, most = 0): Promise<number> {
    const text = value === null ? "" : JSON.stringify(value);
    const done: number = await this.#run(scripts.alertPutScript, { what, name, text, most });
    if (done === -1)
      throw new HoldfastError(
        "conflict",
        `there are ${most} alert ${what}s, and no more are allowed: remove one first`,
      );
    return done;
  }

  /**
   * Writes a rule. @returns whether the rule is new
   * @throws HoldfastError not_found for an unknown target; conflict if there are too many rules
   */
  async putRule(name: string, rule: AlertRule): Promise<boolean> {
    const { targets } = await this.read();
    for (const [index, target] of rule.targets.entries())
      if (!targets.some((known) => known.name === target))
        throw new HoldfastError("not_found", `there is no alert target "${target}"`, {
          field: `targets/${index}`,
        });
    return (await this.#put("rule", name, { ...rule, updatedAt: Date.now() }, ALERT_LIMITS.rules)) === 2;
  }

  /** Deletes a rule. @returns false if there is no such rule */
  async deleteRule(name: string): Promise<boolean> {
    return (await this.#put("rule", name, null)) === 1;
  }

  /** Mutes a rule. @param mute null ends the mute @throws HoldfastError not_found */
  async mute(name: string, mute: AlertMute | null): Promise<void> {
    const done = await this.#put("mute", name, mute);
    if (done > 0) return;
    const { rules } = await this.read();
    if (!rules.some((rule) => rule.name === name)) throw unknownRule(name);
  }

  /** Writes a target. @returns whether the target is new @throws HoldfastError conflict for too many targets */
  async putTarget(name: string, target: AlertTarget): Promise<boolean> {
    return (
      (await this.#put("target", name, { ...target, updatedAt: Date.now() }, ALERT_LIMITS.targets)) === 2
    );
  }

  /** Deletes a target. @returns false if it does not exist @throws HoldfastError conflict if a rule sends to it */
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

  /** Stores a test message, which the process that evaluates the rules delivers. @throws HoldfastError not_found */
  async test(target: string): Promise<AlertNotification> {
    const { targets } = await this.read();
    if (!targets.some(({ name }) => name === target)) throw unknownTarget(target);
    const message = { kind: "test" as const, rule: null, when: null, queues: [], more: 0, at: Date.now() };
    const notification = newNotification(target, message);
    await this.#put("test", notification.id, notification);
    return notification;
  }

  /** Returns a message; null if it is not stored any more. */
  async notification(id: string): Promise<AlertNotification | null> {
    const notifications = await this.notifications(ALERT_LIMITS.notifications);
    return notifications.find((one) => one.id === id) ?? null;
  }

  /**
   * Takes, renews or gives up the lease to evaluate the rules.
   * @param owner a name that no other process has
   * @param leaseMs how long the lease lasts; 0 gives it up
   */
  async turn(owner: string, leaseMs: number): Promise<AlertTurn> {
    const [now, isOwner, revision, idleMs] = await this.#run<
      scripts.AlertTurnArgs,
      [number, number, number, number]
    >(scripts.alertTurnScript, { clockMs: this.#clockMs(), owner, leaseMs });
    return { now, isOwner: isOwner === 1, revision, idleMs };
  }

  /** Stores the changes of one evaluation. @returns false if another process holds the lease now */
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

/** Returns the alerts of a rule: first those that fire, then the pending ones, each oldest first. */
export function alertsOf(state: RuleState): Omit<AlertView, "value">[] {
  return Object.entries(state)
    .map(([queue, { since, firedAt }]) => ({
      ...{ queue, state: firedAt === null ? ("pending" as const) : ("firing" as const) },
      since: firedAt ?? since,
    }))
    .sort((a, b) => Number(a.state === "pending") - Number(b.state === "pending") || a.since - b.since);
}

const byName = ([a]: [string, string], [b]: [string, string]) => (a < b ? -1 : 1);

/** Makes a message with a new id that waits for its first delivery. */
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
