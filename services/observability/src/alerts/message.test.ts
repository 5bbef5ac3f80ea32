import { expect, test } from "vitest";
import { messageOf, slackBody, webhookBody } from "./message.ts";

const rule = { name: "dead-letters", when: { kind: "dead_letters", above: 10 } } as const;
const nowhere = { environment: null, redisName: () => null, dashboardUrl: null };
const queue = (name: string, value: number | null = 12) => ({ queue: name, since: 0, value });

test("the body of a webhook has a type, a time and the figures", () => {
  const message = messageOf("firing", rule, [queue("orders")], 60_000);
  expect(
    JSON.parse(
      webhookBody(message, {
        environment: "production",
        redisName: () => "eu",
        dashboardUrl: "https://h.example/q/",
      }),
    ),
  ).toEqual({
    type: "alert.firing",
    timestamp: "1970-01-01T00:01:00.000Z",
    data: {
      rule: "dead-letters",
      condition: rule.when,
      summary: "dead-letters fires for orders: more than 10 dead letters",
      repeated: false,
      queues: [{ queue: "orders", value: 12, since: "1970-01-01T00:00:00.000Z" }],
      moreQueues: 0,
      environment: "production",
      redis: "eu",
      url: "https://h.example/q/alerts",
    },
  });
});

test("a repeated message has the type of the first one, so receivers need to know only two types", () => {
  const { type, data } = JSON.parse(
    webhookBody(messageOf("repeat", rule, [queue("a"), queue("b")], 1), nowhere),
  );
  expect([type, data.repeated, data.summary]).toEqual([
    ...["alert.firing", true, "dead-letters still fires for 2 queues: more than 10 dead letters"],
  ]);
});

test("a message names at most 20 queues, and counts the others", () => {
  const queues = Array.from({ length: 25 }, (_, at) => queue(`q${at}`));
  const message = messageOf("resolved", rule, queues, 1);
  expect([message.queues.length, message.more]).toEqual([20, 5]);
  expect(JSON.parse(slackBody(message, nowhere)).text).toContain("dead-letters is resolved for 25 queues");
  expect(JSON.parse(slackBody(message, nowhere)).text).toContain("• and 5 more");
});

test("a message for Slack is one text with a line for each queue and a link", () => {
  const message = messageOf("firing", rule, [queue("orders"), queue("mail", null)], 1);
  const { text } = JSON.parse(slackBody(message, { ...nowhere, dashboardUrl: "https://h.example" }));
  expect(text.split("\n")).toEqual([
    ":red_circle: dead-letters fires for 2 queues: more than 10 dead letters",
    "• orders: 12 dead letters",
    "• mail: not known",
    "<https://h.example/alerts|Open the dashboard>",
  ]);
});

test("the name of the environment cannot mention everybody or hide a link", () => {
  const text = slackBody(messageOf("test", rule, [], 1), { ...nowhere, environment: "<!channel> & co" });
  expect(JSON.parse(text).text).toBe(
    ":white_circle: [&lt;!channel&gt; &amp; co] This is a test message of Holdfast.",
  );
});
