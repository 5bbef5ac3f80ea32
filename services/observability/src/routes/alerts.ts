import { setTimeout as delay } from "node:timers/promises";
import { type AlertNotification, type AlertRuleView, type AlertTarget, wholeRule } from "@holdfast/contracts";
import {
  AlertMuteBody,
  AlertNotificationSchema,
  AlertNotificationsQuery,
  AlertNotificationsReply,
  AlertParams,
  AlertRuleBody,
  AlertRuleSchema,
  AlertsReply,
  AlertTargetBody,
  AlertTargetSchema,
  type Identity,
  nullable,
} from "@holdfast/contracts/api";
import type { HttpServer } from "@holdfast/service";
import { HoldfastError } from "holdfast";
import { unknownRule, unknownTarget } from "holdfast/operate";
import { Type } from "typebox";
import { type AlertEvaluator, type AlertStorePort, measuresOf } from "../alerts/evaluator.ts";
import { isVisible, mayChangeRule, viewOfRule, viewOfTarget, visibleRule } from "../alerts/rule-view.ts";
import type { AlertSender } from "../alerts/sender.ts";
import { authorOf } from "../operators/audit-log.ts";
import type { Sampler } from "../sampling/sampler.ts";
import { abortOf, PROBLEMS, type RouteContext, TAGS } from "./context.ts";

export interface AlertRoutesOptions {
  store: AlertStorePort;
  sender: Pick<AlertSender, "problemOf">;
  evaluator: Pick<AlertEvaluator, "nudge">;
  sampler: Pick<Sampler, "latest">;
}

/** How long a test waits for the answer of its target. It is longer than the time-out of the request to the target. */
const TEST_WAIT_MS = 20_000;
const LOOK_MS = 100;

/** The routes of alert rules, their targets and their messages. */
export function alertRoutes(
  app: HttpServer,
  { audit, series }: RouteContext,
  { store, sender, evaluator, sampler }: AlertRoutesOptions,
): void {
  const tags = [TAGS.alerts];
  const admin = { scope: "admin" } as const;

  const views = async (identity: Identity): Promise<AlertRuleView[]> => {
    const { rules } = await store.read();
    return rules
      .map((rule) => viewOfRule(rule, measuresOf(rule, sampler.latest, series), Date.now()))
      .map((view) => visibleRule(view, identity))
      .filter((view) => view !== null);
  };
  /** @throws HoldfastError not_found, also if the caller may not see the rule */
  const visible = async (identity: Identity, name: string): Promise<AlertRuleView> => {
    const found = (await views(identity)).find((rule) => rule.name === name);
    if (!found) throw unknownRule(name);
    return found;
  };

  app.get(
    "/v1/alerts",
    {
      schema: {
        tags,
        summary: "Alert rules with their state, and targets",
        description: "The secrets and the URLs of targets are never shown.",
        response: { 200: AlertsReply, ...PROBLEMS },
      },
    },
    async ({ identity }) => ({
      rules: await views(identity),
      targets: identity.queues === null ? (await store.read()).targets.map(viewOfTarget) : [],
    }),
  );

  app.get(
    "/v1/alerts/notifications",
    {
      schema: {
        tags,
        summary: "Waiting messages, and the newest ended ones with their outcome",
        querystring: AlertNotificationsQuery,
        response: { 200: AlertNotificationsReply, ...PROBLEMS },
      },
    },
    async ({ identity, query }) => {
      const notifications = await store.notifications(query.limit ?? 50);
      return { notifications: notifications.filter((one) => isVisible(identity, one)) };
    },
  );

  app.put(
    "/v1/alerts/rules/:name",
    {
      config: admin,
      schema: {
        tags,
        summary: "Write an alert rule",
        description:
          "Creates the rule, or replaces it. Missing fields get their defaults. A rule that fires keeps its state.",
        params: AlertParams,
        body: AlertRuleBody,
        response: { 200: AlertRuleSchema, 201: AlertRuleSchema, ...PROBLEMS },
      },
    },
    async (request, reply) => {
      const { identity, params } = request;
      assertUnlimited(identity);
      const rule = wholeRule(request.body);
      const { isNew } = await audit.during(
        { action: "alert.put", queue: queueOf(rule), subject: params.name, by: authorOf(request) },
        async () => ({ count: 0, isNew: await store.putRule(params.name, rule) }),
      );
      evaluator.nudge();
      return reply.code(isNew ? 201 : 200).send(await visible(identity, params.name));
    },
  );

  app.delete(
    "/v1/alerts/rules/:name",
    {
      config: admin,
      schema: {
        tags,
        summary: "Delete an alert rule",
        description: "An alert that fires is told its end, as if its condition had ended.",
        params: AlertParams,
        response: { 204: Type.Null(), ...PROBLEMS },
      },
    },
    async (request, reply) => {
      const { identity, params } = request;
      assertUnlimited(identity);
      const rule = await visible(identity, params.name);
      await audit.during(
        { action: "alert.delete", queue: queueOf(rule), subject: params.name, by: authorOf(request) },
        async () => {
          if (!(await store.deleteRule(params.name))) throw unknownRule(params.name);
          return { count: 0 };
        },
      );
      evaluator.nudge();
      return reply.code(204).send(null);
    },
  );

  app.post(
    "/v1/alerts/rules/:name/mute",
    {
      schema: {
        tags,
        summary: "Mute an alert rule",
        description:
          "No message says that an alert of the rule fires. The end of an alert is still sent if its start was sent before. Without `forMs` the mute has no end.",
        params: AlertParams,
        body: nullable(AlertMuteBody),
        response: { 200: AlertRuleSchema, ...PROBLEMS },
      },
    },
    async (request) => {
      const { forMs, reason } = request.body ?? {};
      const by = authorOf(request);
      const at = Date.now();
      const until = forMs === undefined ? null : at + forMs;
      return changeMute(request.identity, request.params.name, "alert.mute", by, {
        ...{ by: by.actor, at, until, reason: reason ?? null },
      });
    },
  );

  app.post(
    "/v1/alerts/rules/:name/unmute",
    {
      schema: {
        tags,
        summary: "End the mute of an alert rule",
        description: "A message is sent for each alert that began to fire during the mute and still fires.",
        params: AlertParams,
        response: { 200: AlertRuleSchema, ...PROBLEMS },
      },
    },
    async (request) =>
      changeMute(request.identity, request.params.name, "alert.unmute", authorOf(request), null),
  );

  async function changeMute(
    identity: Identity,
    name: string,
    action: "alert.mute" | "alert.unmute",
    by: ReturnType<typeof authorOf>,
    mute: Parameters<AlertStorePort["mute"]>[1],
  ): Promise<AlertRuleView> {
    const rule = await visible(identity, name);
    if (!mayChangeRule(identity, rule))
      throw new HoldfastError("forbidden", "this key is limited to some queues, and this rule covers others");
    const reason = mute?.reason ?? undefined;
    await audit.during({ action, queue: queueOf(rule), subject: name, by, reason }, async () => {
      await store.mute(name, mute);
      return { count: 0 };
    });
    evaluator.nudge();
    return visible(identity, name);
  }

  app.put(
    "/v1/alerts/targets/:name",
    {
      config: admin,
      schema: {
        tags,
        summary: "Write an alert target",
        description:
          "Creates the target, or replaces it. A URL or secrets that are left out stay as they are. No answer ever shows them.",
        params: AlertParams,
        body: AlertTargetBody,
        response: { 200: AlertTargetSchema, 201: AlertTargetSchema, ...PROBLEMS },
      },
    },
    async (request, reply) => {
      const { identity, params, body } = request;
      assertUnlimited(identity);
      const { isNew } = await audit.during(
        { action: "alert_target.put", queue: null, subject: params.name, by: authorOf(request) },
        async () => {
          const before = (await store.read()).targets.find(({ name }) => name === params.name);
          const target = withBefore(body, before);
          const problem = await sender.problemOf(target);
          if (problem) throw new HoldfastError("invalid_argument", problem.message, { field: problem.field });
          return { count: 0, isNew: await store.putTarget(params.name, target) };
        },
      );
      evaluator.nudge();
      const written = (await store.read()).targets.find(({ name }) => name === params.name);
      if (!written) throw unknownTarget(params.name);
      return reply.code(isNew ? 201 : 200).send(viewOfTarget(written));
    },
  );

  app.delete(
    "/v1/alerts/targets/:name",
    {
      config: admin,
      schema: {
        tags,
        summary: "Delete an alert target",
        description: "409 if a rule sends to it. Messages that wait for it are given up.",
        params: AlertParams,
        response: { 204: Type.Null(), ...PROBLEMS },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      assertUnlimited(request.identity);
      await audit.during(
        { action: "alert_target.delete", queue: null, subject: name, by: authorOf(request) },
        async () => {
          if (!(await store.deleteTarget(name))) throw unknownTarget(name);
          return { count: 0 };
        },
      );
      evaluator.nudge();
      return reply.code(204).send(null);
    },
  );

  app.post(
    "/v1/alerts/targets/:name/test",
    {
      config: admin,
      schema: {
        tags,
        summary: "Send a test message",
        description: `The message is sent once, and not repeated if that fails. The request waits up to ${TEST_WAIT_MS / 1_000} s for the answer of the target.`,
        params: AlertParams,
        response: { 200: AlertNotificationSchema, ...PROBLEMS },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      assertUnlimited(request.identity);
      const { sent } = await audit.during(
        { action: "alert.test", queue: null, subject: name, by: authorOf(request) },
        async () => ({ count: 0, sent: await store.test(name) }),
      );
      evaluator.nudge();
      return ended(sent, abortOf(reply));
    },
  );

  /** Waits for the end of a notification. @returns the notification in its state after the wait */
  async function ended(sent: AlertNotification, signal: AbortSignal): Promise<AlertNotification> {
    const deadlineMs = performance.now() + TEST_WAIT_MS;
    let latest = sent;
    while (latest.endedAt === null && performance.now() < deadlineMs && !signal.aborted) {
      await delay(LOOK_MS);
      latest = (await store.notification(sent.id)) ?? latest;
    }
    return latest;
  }
}

/** Rules and targets can concern all queues, so a key that is limited to some queues may not change them. */
function assertUnlimited({ queues }: Identity): void {
  if (queues !== null)
    throw new HoldfastError("forbidden", "a key that is limited to some queues cannot change alerts");
}

/**
 * Returns the queue under which the audit log records a change of a rule. It is null if the rule names queues by a
 * pattern.
 */
const queueOf = ({ queues }: { queues: string }) => (queues.includes("*") ? null : queues);

/**
 * Returns a target whose missing fields are taken from the old target. @throws HoldfastError invalid_argument if a
 * new target has no URL
 */
function withBefore(
  { kind, url, secrets }: Pick<AlertTarget, "kind"> & { url?: string; secrets?: string[] },
  before: AlertTarget | undefined,
): AlertTarget {
  // If the kind changes, the old URL and secrets do not fit, so they are not kept.
  const kept = before?.kind === kind ? before : undefined;
  const wholeUrl = url ?? kept?.url;
  if (wholeUrl === undefined)
    throw new HoldfastError("invalid_argument", "a new target needs a url", { field: "url" });
  return { kind, url: wholeUrl, secrets: secrets ?? kept?.secrets ?? [] };
}
