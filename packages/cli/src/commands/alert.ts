import { readFileSync } from "node:fs";
import { text as readText } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import {
  ALERT_DEFAULTS,
  ALERT_KINDS,
  ALERT_LIMITS,
  ALERT_TARGET_KINDS,
  type AlertCondition,
  type AlertTargetKind,
  conditionText,
  isAlertName,
  isAlertQueues,
} from "@holdfast/contracts";
import { HoldfastError } from "holdfast";
import { alertsOf, type StoredRule, type StoredTarget, unknownRule, unknownTarget } from "holdfast/operate";
import { type Action, type Command, type Context, Option } from "../context.ts";
import { EXIT, type ExitCode, UsageError } from "../exit.ts";
import type { Column } from "../output.ts";
import { collect, duration, parseDuration, parseFraction, parseWhole, time } from "../values.ts";

const RULE_COLUMNS: Column<StoredRule>[] = [
  { title: "RULE", cell: (rule) => rule.name },
  { title: "STATE", cell: (rule) => (isMuted(rule) ? `${stateOf(rule)}, muted` : stateOf(rule)) },
  { title: "SINCE", cell: (rule) => time(alertsOf(rule.state)[0]?.since ?? null) },
  { title: "QUEUES", cell: (rule) => rule.queues },
  { title: "WHEN", cell: (rule) => conditionText(rule.when) },
  { title: "FOR", cell: (rule) => duration(rule.forMs) },
  { title: "TARGETS", cell: (rule) => rule.targets.join(", ") },
];

interface TargetView {
  name: string;
  kind: AlertTargetKind;
  host: string;
  updatedAt: number;
}
const TARGET_COLUMNS: Column<TargetView>[] = [
  { title: "TARGET", cell: (target) => target.name },
  { title: "KIND", cell: (target) => target.kind },
  { title: "HOST", cell: (target) => target.host },
  { title: "WRITTEN", cell: (target) => time(target.updatedAt) },
];

/** How long `holdfast alert test` waits until its message was delivered or has failed, ms. */
const TEST_WAIT_MS = 20_000;
const LOOK_MS = 100;

const stateOf = ({ state }: StoredRule) => alertsOf(state)[0]?.state ?? "ok";
const isMuted = ({ mute }: StoredRule) => mute !== null && (mute.until === null || mute.until > Date.now());
/**
 * Returns the queue under which the audit log records a change of a rule. It is null if the rule names queues by a
 * pattern.
 */
const queueOf = (queues: string) => (queues.includes("*") ? null : queues);

/** The URL and the secrets of a target are never printed. */
const shown = ({ name, kind, url, updatedAt }: StoredTarget): TargetView => {
  return { name, kind, host: new URL(url).host, updatedAt };
};

/** @throws UsageError */
function named(name: string, what: "rule" | "target"): string {
  if (!isAlertName(name))
    throw new UsageError(
      `the name of a ${what} has to be 1 to 32 characters of a-z 0-9 _ -, and begin with a letter or digit`,
    );
  return name;
}

async function ruleOf(context: Context, name: string): Promise<StoredRule> {
  await context.checked();
  const found = (await context.client.alerts.read()).rules.find((rule) => rule.name === name);
  if (!found) throw unknownRule(name);
  return found;
}

function show({ out }: Context, rule: StoredRule): void {
  const { state, ...view } = rule;
  const alerts = alertsOf(state);
  out.record({ ...view, state: stateOf(rule), alerts }, [
    ["rule", rule.name],
    ["state", stateOf(rule)],
    ["when", conditionText(rule.when)],
    ["queues", rule.queues],
    ["for", duration(rule.forMs)],
    ["keep firing for", duration(rule.keepFiringForMs)],
    ["repeat", rule.repeatMs === 0 ? "never" : duration(rule.repeatMs)],
    ["at the end", rule.resolved ? "sends a message" : "sends no message"],
    ["targets", rule.targets.join(", ")],
    [
      "muted",
      isMuted(rule) ? `by ${rule.mute?.by} until ${time(rule.mute?.until ?? null) || "unmuted"}` : "",
    ],
    ...alerts.map(({ queue, state, since }) => [queue, `${state} since ${time(since)}`] as const),
  ]);
}

interface PutOptions {
  when: AlertCondition["kind"];
  above?: string;
  window?: number;
  minTasks?: number;
  queues: string;
  for: number;
  keepFiringFor: number;
  repeat: number;
  resolved: boolean;
  target?: string[];
}

/** Parses --above, whose form depends on --when, so this runs after all options were read. @throws UsageError */
function aboveOf(text: string, parse: (text: string) => number): number {
  try {
    return parse(text);
  } catch (error) {
    throw new UsageError(`--above: ${(error as Error).message}`);
  }
}

/** @throws UsageError */
function conditionOf({
  when,
  above,
  window: windowMs = ALERT_DEFAULTS.windowMs,
  minTasks = ALERT_DEFAULTS.minTasks,
}: PutOptions): AlertCondition {
  if (when === "no_workers") {
    if (above !== undefined) throw new UsageError("--above cannot be combined with --when no_workers");
    return { kind: when };
  }
  if (above === undefined) throw new UsageError(`--when ${when} needs --above`);
  switch (when) {
    case "dead_letters":
      return { kind: when, above: aboveOf(above, parseWhole(0, 1_000_000_000)) };
    case "oldest_pending": {
      const aboveMs = aboveOf(above, parseDuration);
      if (aboveMs < 1_000 || aboveMs > ALERT_LIMITS.timeMs)
        throw new UsageError("--above has to be from 1s to 365d");
      return { kind: when, aboveMs };
    }
    default: {
      const ratio = aboveOf(above, parseFraction);
      if (ratio === 1) throw new UsageError("--above has to be less than 1: no ratio is above 1");
      if (windowMs < 10_000 || windowMs > 900_000) throw new UsageError("--window has to be from 10s to 15m");
      return { kind: when, above: ratio, windowMs, minTasks };
    }
  }
}

export function alertCommand(program: Command, action: Action): void {
  const alert = program.command("alert").description("alert rules, and the targets that get their messages");
  ruleCommands(alert, action);
  muteCommands(alert, action);
  targetCommands(alert, action);
}

function ruleCommands(alert: Command, action: Action): void {
  alert
    .command("ls")
    .alias("list")
    .description("lists the rules with their state; exit 1 if a rule fires that is not muted")
    .action(
      action(async (context) => {
        await context.checked();
        const { rules } = await context.client.alerts.read();
        context.out.list(rules, RULE_COLUMNS);
        const fires = rules.some((rule) => stateOf(rule) === "firing" && !isMuted(rule));
        return fires ? EXIT.failed : EXIT.ok;
      }),
    );

  alert
    .command("put")
    .argument("<rule>", "creates a rule, or replaces one; a rule that fires keeps its state")
    .addOption(
      new Option("--when <condition>", "what the rule watches").choices(ALERT_KINDS).makeOptionMandatory(),
    )
    .option("--above <value>", "dead letters, an age such as 5m, or a ratio such as 0.25")
    .option(
      "--window <duration>",
      "with failure_ratio: how far back attempts count (default: 5m)",
      parseDuration,
    )
    .option(
      "--min-tasks <n>",
      "with failure_ratio: how many attempts have to have ended (default: 20)",
      parseWhole(1, 1_000_000_000),
    )
    .option("--queues <pattern>", "a queue, or a pattern such as mail.*", ALERT_DEFAULTS.queues)
    .option(
      "--for <duration>",
      "how long the condition has to hold (default: 1m)",
      parseDuration,
      ALERT_DEFAULTS.forMs,
    )
    .option(
      "--keep-firing-for <duration>",
      "how long the condition has to be over before the alert ends (default: 0s)",
      parseDuration,
      ALERT_DEFAULTS.keepFiringForMs,
    )
    .option(
      "--repeat <duration>",
      "repeat the message while the alert fires (default: never)",
      parseDuration,
      ALERT_DEFAULTS.repeatMs,
    )
    .option("--no-resolved", "send no message when an alert ends")
    .option("--target <name>", "a target that gets the messages; can be repeated", collect)
    .description("writes a rule")
    .action(
      action<PutOptions>(async (context, [rule = ""], options) => {
        const name = named(rule, "rule");
        const { queues, for: forMs, keepFiringFor: keepFiringForMs, repeat: repeatMs, resolved } = options;
        const { target: targets = [] } = options;
        if (!isAlertQueues(queues))
          throw new UsageError("--queues has to be a queue, or a pattern such as mail.*");
        if (targets.length > ALERT_LIMITS.targetsOfRule)
          throw new UsageError(`a rule has at most ${ALERT_LIMITS.targetsOfRule} targets`);
        const spans = { forMs, keepFiringForMs, repeatMs };
        const definition = { when: conditionOf(options), queues, ...spans, resolved, targets };
        await context.checked();
        await context.recorded({ action: "alert.put", queue: queueOf(queues), subject: name }, () =>
          context.client.alerts.putRule(name, definition),
        );
        show(context, await ruleOf(context, name));
        if (targets.length === 0) context.out.say("holdfast: warning: the rule has no target");
      }),
    );

  alert
    .command("rm")
    .argument("<rule>")
    .description("deletes a rule; of an alert that fires, the end is told")
    .action(
      action(async (context, [name = ""]) => {
        const { queues } = await ruleOf(context, name);
        await context.recorded(
          { action: "alert.delete", queue: queueOf(queues), subject: name },
          async () => {
            if (!(await context.client.alerts.deleteRule(name))) throw unknownRule(name);
          },
        );
        context.out.record({ name, deleted: true }, [[name, "deleted"]]);
      }),
    );
}

function muteCommands(alert: Command, action: Action): void {
  alert
    .command("mute")
    .argument("<rule>")
    .option("--for <duration>", "how long (default: until it is unmuted)", parseDuration)
    .option("--reason <text>", "for the audit log")
    .description("sends no message when an alert of the rule fires")
    .action(
      action<{ for?: number; reason?: string }>(async (context, [name = ""], { for: forMs, reason }) => {
        const { queues } = await ruleOf(context, name);
        const at = Date.now();
        const until = forMs === undefined ? null : at + forMs;
        await context.recorded({ action: "alert.mute", queue: queueOf(queues), subject: name, reason }, () =>
          context.client.alerts.mute(name, {
            ...{ by: context.by().actor, at, until, reason: reason ?? null },
          }),
        );
        show(context, await ruleOf(context, name));
      }),
    );

  alert
    .command("unmute")
    .argument("<rule>")
    .description("ends the mute of a rule")
    .action(
      action(async (context, [name = ""]) => {
        const { queues } = await ruleOf(context, name);
        await context.recorded({ action: "alert.unmute", queue: queueOf(queues), subject: name }, () =>
          context.client.alerts.mute(name, null),
        );
        show(context, await ruleOf(context, name));
      }),
    );

  alert
    .command("test")
    .argument("<target>")
    .description("asks observability to send a test message, and shows the answer of the target")
    .action(
      action(async (context, [target = ""]): Promise<ExitCode> => {
        await context.checked();
        const { alerts } = context.client;
        const sent = await context.recorded({ action: "alert.test", queue: null, subject: target }, () =>
          alerts.test(target),
        );
        const deadlineMs = performance.now() + TEST_WAIT_MS;
        let latest = sent;
        while (latest.endedAt === null && performance.now() < deadlineMs && !context.io.signal.aborted) {
          await delay(LOOK_MS);
          latest = (await alerts.notification(sent.id)) ?? latest;
        }
        context.out.record(latest, [
          ["target", latest.target],
          ["outcome", latest.outcome],
          ["answer", latest.answer],
        ]);
        if (latest.outcome === "waiting")
          context.out.say("holdfast: the message has not been sent yet: is observability running?");
        return latest.outcome === "delivered" ? EXIT.ok : EXIT.failed;
      }),
    );
}

function targetCommands(alert: Command, action: Action): void {
  const target = alert.command("target").description("where messages are sent");

  target
    .command("ls")
    .alias("list")
    .description("lists the targets, without their URLs and secrets")
    .action(
      action(async (context) => {
        await context.checked();
        context.out.list((await context.client.alerts.read()).targets.map(shown), TARGET_COLUMNS);
      }),
    );

  target
    .command("put")
    .argument("<target>", "creates a target, or replaces one")
    .argument(
      "<file>",
      "a file with the URL, and below it the secrets of a webhook, one per line; - for stdin",
    )
    .addOption(
      new Option("--kind <kind>", "what receives the messages")
        .choices(ALERT_TARGET_KINDS)
        .default("webhook"),
    )
    .description("writes a target; the URL and the secrets are never shown again")
    .action(
      action<{ kind: AlertTargetKind }>(async (context, [name = "", file = ""], { kind }) => {
        const text = file === "-" ? await readText(context.io.stdin) : readFileSync(file, "utf8");
        const definition = { kind, ...targetOf(named(name, "target"), kind, text) };
        await context.checked();
        await context.recorded({ action: "alert_target.put", queue: null, subject: name }, () =>
          context.client.alerts.putTarget(name, definition),
        );
        context.out.record(shown({ ...definition, name, updatedAt: Date.now() }), [
          ["target", name],
          ["kind", kind],
          ["host", new URL(definition.url).host],
        ]);
        context.out.say(`holdfast: to send a test message: holdfast alert test ${name}`);
      }),
    );

  target
    .command("rm")
    .argument("<target>")
    .description("deletes a target that no rule sends to")
    .action(
      action(async (context, [name = ""]) => {
        await context.checked();
        await context.recorded({ action: "alert_target.delete", queue: null, subject: name }, async () => {
          if (!(await context.client.alerts.deleteTarget(name))) throw unknownTarget(name);
        });
        context.out.record({ name, deleted: true }, [[name, "deleted"]]);
      }),
    );
}

/**
 * Reads the file of a target: its first word is the URL, and each further word is a secret. Error messages show
 * neither. @throws HoldfastError invalid_argument
 */
function targetOf(name: string, kind: AlertTargetKind, text: string): { url: string; secrets: string[] } {
  const [url = "", ...secrets] = text.split(/\s+/).filter(Boolean);
  const refuse = (why: string): never => {
    throw new HoldfastError("invalid_argument", `the target ${name}: ${why}`);
  };
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    return refuse("the first line has to be a URL, such as https://example.com/alerts");
  if (kind === "slack" && secrets.length > 0)
    return refuse("a Slack target has no secrets: its URL is the secret");
  if (kind === "webhook" && (secrets.length === 0 || secrets.length > 2))
    return refuse("a webhook needs one or two secrets, because its messages are signed");
  if (!secrets.every((secret) => /^whsec_[A-Za-z0-9+/=]{32,88}$/.test(secret)))
    return refuse(
      'a secret has to be whsec_ and 24 to 64 bytes in base64; make one with: echo "whsec_$(openssl rand -base64 32)"',
    );
  return { url, secrets };
}
