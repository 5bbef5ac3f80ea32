import { expect, test } from "vitest";
import { check } from "./harness/checker.mjs";

let mono = 0;
const event = (op, phase, more) => ({ op, phase, mono: ++mono, ...more });
const enqueued = (id, end = "ok", more = {}) => [
  event("enqueue", "invoke", { id, ...more }),
  event("enqueue", end, { id, ...more }),
];
const attempt = (more) => ({
  attempt: 1,
  generation: 0,
  outcome: "acked",
  startedAt: 100,
  endedAt: 200,
  fence: "1-a",
  ...more,
});
const task = (id, more = {}) => [
  id,
  {
    id,
    state: "completed",
    attempts: 1,
    generation: 0,
    maxRetries: null,
    releases: 0,
    deadReason: null,
    fence: "1-a",
    history: [attempt()],
    ...more,
  },
];
const ran = (id, token = "1-a") => event("run", "invoke", { id, token, attempt: 1 });
const settled = (id, outcome = "acked", token = "1-a") =>
  event("settle", "ok", { id, token, attempt: 1, outcome });

/** Returns the counts and violations that the checker finds in an invented history. */
const verdict = (lines, tasks, options) => check(lines.flat(), new Map(tasks), options);
const crashed = (more) => attempt({ outcome: "crashed", ...more });

test("a run without faults has no violation", () => {
  const { counts, violations } = verdict([enqueued("a"), ran("a"), settled("a")], [task("a")]);
  expect(violations).toEqual([]);
  expect(counts).toMatchObject({
    acknowledged: 1,
    lost: 0,
    unexpected: 0,
    duplicated: 0,
    overlapping: 0,
    early: 0,
    doubleAcks: 0,
  });
});

test.each([
  ["gone", []],
  ["still pending at the end", [task("a", { state: "pending", attempts: 0, history: [] })]],
])("an acknowledged task that is %s is lost (I3)", (_, tasks) => {
  const { counts, violations } = verdict([enqueued("a")], tasks);
  expect(counts.lost).toBe(1);
  expect(violations).toEqual([expect.stringMatching(/^I3: a/)]);
});

test("a confirmed enqueue may be lost only if the row allows it", () => {
  const lines = [enqueued("a"), enqueued("b")];
  const { counts, violations } = verdict(lines, [], { rewound: true, mayLose: (ok) => ok.id === "a" });
  expect(counts).toMatchObject({ lostAllowed: 1, lost: 1 });
  expect(violations).toEqual([expect.stringMatching(/^I3: b/)]);
});

test.each([
  ["that nobody enqueued", []],
  ["that was refused", enqueued("a", "fail")],
])("a task %s is unexpected (I4)", (_, lines) => {
  const { counts, violations } = verdict([lines], [task("a")]);
  expect(counts.unexpected).toBe(1);
  expect(violations).toEqual([expect.stringMatching(/^I4: a/)]);
});

test.each([
  ["timed out", enqueued("a", "info")],
  ["was never answered", [event("enqueue", "invoke", { id: "a" })]],
])("a task whose enqueue %s counts as recovered if it exists, and is not lost if it does not", (_, lines) => {
  expect(verdict([lines], [task("a")])).toMatchObject({
    counts: { recovered: 1, unexpected: 0 },
    violations: [],
  });
  expect(verdict([lines], [])).toMatchObject({ counts: { recovered: 0, lost: 0 }, violations: [] });
});

test("an enqueue that was repeated counts by its best answer", () => {
  const lines = [enqueued("a", "info"), enqueued("a", "fail"), enqueued("a")];
  expect(verdict(lines, [])).toMatchObject({ counts: { acknowledged: 1, lost: 1 } });
});

const twice = {
  attempts: 2,
  fence: "2-b",
  history: [crashed({ endedAt: 150 }), attempt({ attempt: 2, fence: "2-b", startedAt: 150 })],
};

test("a task that ran twice is counted as a duplicate, which is allowed", () => {
  const lines = [
    enqueued("a"),
    ran("a"),
    ran("a", "2-b"),
    settled("a", "acked", "2-b"),
    settled("a", "stale"),
  ];
  expect(verdict(lines, [task("a", twice)])).toMatchObject({
    counts: { duplicated: 1, stale: 1 },
    violations: [],
  });
});

test("an attempt after a failed one is not a duplicate", () => {
  const history = [attempt({ outcome: "failed", endedAt: 150 }), twice.history[1]];
  const lines = [enqueued("a"), ran("a"), ran("a", "2-b")];
  expect(verdict(lines, [task("a", { ...twice, history, failures: 1 })]).counts.duplicated).toBe(0);
});

test("two accepted acks are found in the replies to the workers and in the record (I5)", () => {
  const lines = [enqueued("a"), settled("a"), settled("a", "acked", "2-b")];
  expect(verdict(lines, [task("a", twice)]).violations).toEqual([expect.stringMatching(/^I5: 2 acks of a/)]);
  const history = [attempt({ endedAt: 150 }), attempt({ attempt: 2, fence: "2-b", startedAt: 150 })];
  expect(verdict([enqueued("a")], [task("a", { ...twice, history })])).toMatchObject({
    counts: { doubleAcks: 1 },
  });
});

test("an accepted ack that is missing in the record is found (I5)", () => {
  const lines = [enqueued("a"), settled("a", "acked", "1-a")];
  expect(verdict(lines, [task("a", twice)]).violations).toEqual([expect.stringMatching(/^I5: the ack of a/)]);
  const dead = { state: "dead", deadReason: "fatal", fence: null, history: [crashed()] };
  expect(verdict(lines, [task("a", dead)]).violations).toEqual([expect.stringMatching(/^I5: an ack of a/)]);
});

test("leases that overlap in Redis time are found (I6)", () => {
  const history = [crashed({ endedAt: 151 }), attempt({ attempt: 2, fence: "2-b", startedAt: 150 })];
  const { counts, violations } = verdict([enqueued("a")], [task("a", { ...twice, history })]);
  expect(counts.overlapping).toBe(1);
  expect(violations).toEqual([expect.stringMatching(/^I6: a/)]);
});

test.each([
  ["more counted attempts than its history has", { attempts: 2 }, /counts 2 attempts, but its history has 1/],
  [
    "more attempts than the maximum",
    { maxRetries: 0, attempts: 2, history: twice.history },
    /granted 2 times, more than the maximum of 1/,
  ],
  [
    "a death before the last attempt",
    { state: "dead", deadReason: "retries_exhausted", history: [crashed()] },
    /dead after 1 grants, not after 4/,
  ],
])("the checker finds %s (I7)", (_, more, text) => {
  expect(verdict([enqueued("a")], [task("a", more)]).violations).toEqual([expect.stringMatching(text)]);
});

test("a token that was granted twice is found, and so is a run without a grant (I7)", () => {
  const lines = [enqueued("a"), enqueued("b")];
  const later = task("b", { history: [attempt({ startedAt: 99 })] });
  expect(verdict(lines, [task("a"), later]).violations).toEqual([
    expect.stringMatching(/^I7: b and a were granted with 1-a/),
  ]);
  expect(verdict([enqueued("a"), ran("a", "9-z")], [task("a")]).violations).toEqual([
    expect.stringMatching(/^I7: a ran with 9-z/),
  ]);
});

test("a fence is shared by the tasks of one grant, and by no others (I7)", () => {
  const lines = [
    enqueued("a"),
    enqueued("b"),
    ran("a", "1-n.1"),
    ran("b", "1-n.2"),
    settled("b", "acked", "1-n.2"),
  ];
  const of = (id, more) =>
    task(id, { fence: "1-n", history: [attempt({ fence: "1-n", workerId: "w", ...more })] });
  expect(verdict(lines, [of("a"), of("b")]).violations).toEqual([]);
  for (const other of [{ startedAt: 99 }, { workerId: "v" }])
    expect(verdict(lines, [of("a"), of("b", other)]).violations).toEqual([
      expect.stringMatching(/^I7: b and a were granted with 1-n/),
    ]);
  expect(verdict([...lines, ran("b", "1-n.1")], [of("a"), of("b")]).violations).toEqual([
    expect.stringMatching(/^I7: b and a ran with 1-n\.1/),
  ]);
  const twice = [
    attempt({ fence: "1-n", outcome: "failed" }),
    attempt({ attempt: 2, fence: "1-n", startedAt: 200 }),
  ];
  expect(
    verdict([enqueued("a")], [task("a", { fence: "1-n", attempts: 2, history: twice })]).violations,
  ).toEqual([expect.stringMatching(/^I7: a and a were granted with 1-n/)]);
  expect(verdict([enqueued("a"), settled("a", "acked", "2-n.1")], [of("a")]).violations).toEqual([
    expect.stringMatching(/^I5: the ack of a with 2-n\.1/),
  ]);
});

test("a released attempt may leave no trace except its count (I7)", () => {
  const lines = [enqueued("a"), ran("a", "0-z"), ran("a")];
  expect(verdict(lines, [task("a", { releases: 1 })]).violations).toEqual([]);
  expect(verdict(lines, [task("a")]).violations).toHaveLength(1);
});

test("an attempt that was given back is not counted (I7)", () => {
  const history = [attempt({ outcome: "released", endedAt: 150 }), attempt({ fence: "2-b", startedAt: 160 })];
  expect(verdict([enqueued("a")], [task("a", { fence: "2-b", history })]).violations).toEqual([]);
});

test("a task that is granted before its time is found (I9)", () => {
  expect(verdict([enqueued("a", "ok", { runAt: 100 })], [task("a")]).violations).toEqual([]);
  const { counts, violations } = verdict([enqueued("a", "ok", { runAt: 101 })], [task("a")]);
  expect(counts.early).toBe(1);
  expect(violations).toEqual([expect.stringMatching(/^I9: a/)]);
});

test("each finding of the audit is a violation (I1, I2)", () => {
  expect(verdict([], [], { audit: ["I2 one is missing"] }).violations).toEqual(["audit: I2 one is missing"]);
});
