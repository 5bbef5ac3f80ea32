import { expect, test } from "vitest";
import { holdfastShape } from "../src/client.ts";
import { taskDefinitionShape } from "../src/define-task.ts";
import { changeShape } from "../src/engine/change.ts";
import {
  backoffShape,
  keepShape,
  newTaskShape,
  taskShape,
  taskTextShape,
  uniqueShape,
} from "../src/engine/task-options.ts";
import { eventsShape } from "../src/events/events-options.ts";
import { stopShape } from "../src/grace.ts";
import { isolationShape } from "../src/isolation/isolated.ts";
import { janitorShape } from "../src/janitor/janitor-options.ts";
import {
  heaviestKeysShape,
  holdShape,
  keyLimitShape,
  keyLimitsShape,
  limitShape,
  listKeysShape,
  queueLimitsShape,
  rateShape,
  tryLimitsShape,
  typeLimitShape,
} from "../src/limits/limits-options.ts";
import { giveUpShape } from "../src/observer/give-up.ts";
import {
  auditShape,
  bulkShape,
  matchShape,
  muteShape,
  observerShape,
  replayShape,
  settingsShape,
  workersShape,
} from "../src/observer/observer-options.ts";
import type { Shape } from "../src/options/shape.ts";
import { anchorOf } from "../src/options/shape.ts";
import { enqueueManyShape, queueShape, traceContextShape, waitShape } from "../src/queue/queue-options.ts";
import { connectionShape, tlsShape } from "../src/redis/settings.ts";
import { scheduledTaskShape, scheduleShape } from "../src/schedules/definition.ts";
import { scheduleListShape, schedulesShape } from "../src/schedules/schedules.ts";
import { testBatchShape, testRunShape, testScheduleShape } from "../src/testing/test-options.ts";
import { batchShape } from "../src/worker/batch.ts";
import { handlerShape } from "../src/worker/handler-options.ts";
import { acquireShape, manualWorkerShape } from "../src/worker/manual-worker.ts";
import { workerShape } from "../src/worker/worker-options.ts";

/** The sections of the page, in their order. */
const SHAPES: readonly Shape[] = [
  ...[connectionShape, tlsShape, holdfastShape],
  ...[queueShape, taskShape, keepShape, uniqueShape, backoffShape, taskTextShape, newTaskShape],
  ...[enqueueManyShape, traceContextShape, waitShape, eventsShape, taskDefinitionShape],
  ...[workerShape, handlerShape, batchShape, manualWorkerShape, acquireShape, stopShape, isolationShape],
  ...[testRunShape, testBatchShape, testScheduleShape],
  ...[janitorShape, schedulesShape, scheduleShape, scheduledTaskShape, scheduleListShape],
  ...[observerShape, settingsShape, bulkShape, replayShape, muteShape, matchShape],
  ...[changeShape, giveUpShape, workersShape, auditShape],
  ...[queueLimitsShape, limitShape, rateShape, keyLimitsShape, typeLimitShape, keyLimitShape, holdShape],
  ...[listKeysShape, heaviestKeysShape, tryLimitsShape],
];

const HEAD = `# Options

What the library takes, and what it refuses. Every name, kind and range is checked when an object is made or a call is
begun. What is not understood is refused with an \`invalid_argument\` error that names the option; nothing is ignored.
\`undefined\` stands for "left out", \`null\` does not. Times are whole numbers of milliseconds. Defaults stand in the doc
comments of the types, which editors show.

<!-- Written by packages/holdfast/test/options-page.test.ts: npx vitest run packages/holdfast/test/options-page.test.ts -u -->
`;

const escaped = (text: string) => text.replaceAll("|", "\\|");

function rows(head: readonly string[], body: readonly (readonly string[])[]): string {
  const widths = head.map((text, i) =>
    Math.max(text.length, ...body.map((cells) => (cells[i] ?? "").length)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...body.map(line)].join("\n");
}

function section({ title, what, kinds, hints, required }: Shape): string {
  const options = [...kinds].map(([name, { wants }]) => [
    `\`${name}\``,
    `${escaped(wants)}${required.includes(name) ? "; required" : ""}`,
  ]);
  const known = [...hints].map(([name, hint]) => [
    `\`${name}\``,
    kinds.has(hint) ? `\`${hint}\`` : escaped(hint),
  ]);
  const others =
    known.length === 0
      ? ""
      : `\nNames of other libraries, and what to write instead:\n\n${rows(["Not an option", "Instead"], known)}\n`;
  return `\n## ${title}\n\nOptions of ${what}:\n\n${rows(["Option", "Takes"], options)}\n${others}`;
}

test("the page of all options agrees with the checks", async () => {
  await expect(`${HEAD}${SHAPES.map(section).join("")}`).toMatchFileSnapshot("../../../docs/options.md");
});

test("every error points to a heading of the page, and the headings are unique", () => {
  const anchors = SHAPES.map(({ title }) => anchorOf(title));
  expect(new Set(anchors).size).toBe(anchors.length);
  const nested = SHAPES.flatMap(({ kinds }) =>
    [...kinds.values()].flatMap(({ shape }) => (shape ? [shape] : [])),
  );
  for (const shape of nested) expect(SHAPES).toContain(shape);
});
