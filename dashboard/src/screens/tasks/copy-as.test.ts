import { expect, it } from "vitest";
import { deadTask } from "../../testing/render.tsx";
import { asCommand, asCurl } from "./copy-as.ts";

const HOSTILE = `{"n":12345678901234567890,"s":"it's $(touch /tmp/never) \`id\` \\n"}`;

/**
 * Splits a command into words like a POSIX shell: single quotes make text literal, and elsewhere a backslash escapes a
 * character.
 */
const words = (command: string): string[] =>
  (command.match(/(?:'[^']*'|\\.|[^\s'\\])+/g) ?? []).map((word) =>
    word.replace(/'([^']*)'|\\(.)/g, (_, quoted, escaped) => quoted ?? escaped),
  );

it("gives the command exactly the characters of the payload, whatever they are", () => {
  const task = deadTask("a", { payloadText: HOSTILE, tags: ["o'neil"], priority: "high" });
  expect(words(asCommand(task))).toEqual([
    "holdfast",
    "enqueue",
    "emails",
    "email.send",
    HOSTILE,
    "--priority",
    "high",
    "--max-retries",
    "3",
    "--tag",
    "o'neil",
  ]);
});

it("gives curl the body that an enqueue sends", () => {
  const task = deadTask("a", { payloadText: HOSTILE });
  expect(words(asCurl(task, "http://test")).at(-1)).toBe(
    `{"type":"email.send","priority":"normal","payload":${HOSTILE}}`,
  );
});

it("shows the record of a task whose payload is not JSON", () => {
  expect(asCurl(deadTask("a", { payloadText: "\u0000" }), "http://test")).toBe(
    "curl http://test/v1/queues/emails/tasks/a",
  );
});

it("repeats how long a task is kept", () => {
  const keep = { completedMs: 0, deadMs: 5, count: 2 };
  const task = deadTask("a", { keep });
  const told = ["--keep-completed", "0ms", "--keep-dead", "5ms", "--keep-count", "2"];
  expect(words(asCommand(task)).slice(-6)).toEqual(told);
  expect(JSON.parse(words(asCurl(task, "http://host")).at(-1) ?? "")).toMatchObject({ keep });
});

it("repeats key and cost of a task", () => {
  const task = deadTask("a", { key: "it's \u05d0", cost: 5 });
  expect(words(asCommand(task)).slice(-4)).toEqual(["--key", "it's \u05d0", "--cost", "5"]);
  const body = words(asCurl(task, "http://host")).at(-1) ?? "";
  expect(JSON.parse(body)).toMatchObject({ key: "it's \u05d0", cost: 5 });
});
