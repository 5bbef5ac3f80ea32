import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeCounts, decodeRecord, envelopeIn, stateOfLetter } from "./record.ts";
import { encodeLine } from "./text.ts";

test.each([
  ["p", "pending"],
  ["s", "scheduled"],
  ["l", "processing"],
  ["c", "completed"],
  ["d", "dead"],
  ["x", "cancelled"],
  ["e", "expired"],
  ["r", "purged"],
])("letter %s is %s", (letter, state) => {
  expect(stateOfLetter(letter)).toBe(state);
  expect(decodeRecord(`${letter}0`, false).state).toBe(state);
});

describe("the head", () => {
  test("without a record the envelope decides", () => {
    const fresh = { attempts: 0, crashes: 0, history: [], fence: null };
    expect(decodeRecord("", false)).toMatchObject({ state: "pending", ...fresh });
    expect(decodeRecord("", true)).toMatchObject({ state: "scheduled", ...fresh });
  });

  test("processing: fence, times, attempts allowed, worker, and a running attempt in the history", () => {
    expect(decodeRecord("l2 7-abc 1000 2000 4 w1", false)).toMatchObject({
      state: "processing",
      attempts: 2,
      fence: "7-abc",
      grantedAt: 1000,
      deadline: 2000,
      maxAttempts: 4,
      workerId: "w1",
      endedAt: null,
      history: [
        {
          attempt: 2,
          outcome: "running",
          startedAt: 1000,
          endedAt: null,
          fence: "7-abc",
          workerId: "w1",
          error: null,
        },
      ],
    });
  });

  test("completed: fence, times, worker, and the attempt that was acked", () => {
    expect(decodeRecord("c1 7-abc 500 1500 w1", false)).toMatchObject({
      endedAt: 1500,
      workerId: "w1",
      history: [{ attempt: 1, outcome: "acked", startedAt: 1000, endedAt: 1500 }],
    });
  });

  test("a replay in the history is not taken for an attempt", () => {
    const lines = ["d1,1,0,0,1,0, 9000 fatal", "1 0 failed 10 20 w 1-n. boom", "0 1 released 500 500 - - -"];
    const { history, replays } = decodeRecord(
      [...lines, "1 1 failed 700 800 w 2-n. 0 1 x"].join("\n"),
      false,
    );
    expect(history.map(({ generation, error }) => [generation, error])).toEqual([
      [0, "boom"],
      [1, "0 1 x"],
    ]);
    expect(replays).toEqual([{ generation: 1, at: 500 }]);
  });

  test("dead: when and why", () => {
    expect(decodeRecord("d4,4,0,0,0,0, 1500 retries_exhausted", false)).toMatchObject({
      failures: 4,
      endedAt: 1500,
      deadReason: "retries_exhausted",
    });
  });

  test("cancelled, expired: when; scheduled: due when", () => {
    expect(decodeRecord("x0 1500", false)).toMatchObject({ endedAt: 1500, dueAt: null });
    expect(decodeRecord("e0 1500", false)).toMatchObject({ endedAt: 1500, dueAt: null });
    expect(decodeRecord("s1,1,0,0,0,0, 1700", false)).toMatchObject({ dueAt: 1700, endedAt: null });
  });
});

describe("counts", () => {
  test("all of them, in order", () => {
    expect(decodeCounts("5,1,2,3,4,99,6,hoxfwz")).toEqual({
      onDead: "hold",
      attempts: 5,
      failures: 1,
      crashes: 2,
      releases: 3,
      generation: 4,
      unroutedSince: 99,
      limited: 6,
      cancelRequested: true,
      solo: true,
      suspended: true,
    });
  });

  test("counts without the number of rate limits, which earlier versions do not write", () => {
    expect(decodeCounts("5,1,2,3,4,99,hox")).toMatchObject({ unroutedSince: 99, limited: 0, solo: true });
  });

  test("of a node of a flow with nothing but attempts, the flags come right behind their number", () => {
    expect(decodeCounts("3fwx@cust-1")).toEqual({
      ...decodeCounts("3,0,0,0,0,0,fwx"),
      onDead: "hold",
      attempts: 3,
      cancelRequested: true,
    });
    expect(decodeRecord("p0fc", false)).toMatchObject({ state: "pending", attempts: 0, onDead: "continue" });
  });

  test("acquire returns no record for a first attempt", () => {
    expect(decodeCounts("")).toMatchObject({ attempts: 1, failures: 0, unroutedSince: null });
    expect(decodeCounts("3@cust-1")).toMatchObject({ attempts: 3, limited: 0 });
    expect(decodeCounts("3")).toMatchObject({ attempts: 3, crashes: 0, solo: false });
  });

  test("two crashes make a task solo, and so does the flag; one crash does not", () => {
    expect(decodeCounts("1,0,1,0,0,0,").solo).toBe(false);
    expect(decodeCounts("2,0,2,0,0,0,").solo).toBe(true);
    expect(decodeCounts("0,0,0,0,0,0,o").solo).toBe(true);
    expect(decodeCounts("0,0,0,0,0,0,h")).toMatchObject({ solo: false, cancelRequested: false });
  });
});

describe("history", () => {
  test("each line is an attempt, oldest first, its error with all its spaces", () => {
    const record = decodeRecord(
      ["p2,1,1,0,0,0,", "1 0 failed 10 20 w1 1-a Error: two  spaces", "2 0 crashed 30 40 w2 2-b -"].join(
        "\n",
      ),
      false,
    );
    expect(record.history).toEqual([
      {
        attempt: 1,
        generation: 0,
        outcome: "failed",
        startedAt: 10,
        endedAt: 20,
        workerId: "w1",
        fence: "1-a",
        error: "Error: two  spaces",
      },
      {
        attempt: 2,
        generation: 0,
        outcome: "crashed",
        startedAt: 30,
        endedAt: 40,
        workerId: "w2",
        fence: "2-b",
        error: null,
      },
    ]);
  });

  test("the attempt that runs comes after the ones that ended", () => {
    const record = decodeRecord("l2,1,0,0,0,0, 2-b 50 90 4 w2\n1 0 failed 10 20 w1 1-a no", false);
    expect(record.history.map(({ outcome }) => outcome)).toEqual(["failed", "running"]);
  });
});

describe("the text of an error", () => {
  const through = (error: string) =>
    decodeRecord(`p1,1,0,0,0,0,\n1 0 failed 1 2 w t ${encodeLine(error)}`, false);

  test("is the same after it was written to a record and read", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("%", "0", "A", "2", "5", "\n", " ", "é", "😀") }),
        (error) => {
          const record = through(error);
          expect(record.history).toHaveLength(1);
          expect(record.history[0]?.error).toBe(error === "" ? null : error);
        },
      ),
    );
  });

  test.each(["%0A", "%25", "100%\n%0A%", "a\n\nb\n"])("%j", (error) => {
    expect(encodeLine(error)).not.toContain("\n");
    expect(through(error).history[0]?.error).toBe(error);
  });

  test("every kind of line end becomes a newline, and half a surrogate pair becomes a whole character", () => {
    expect(through("a\r\nb\rc").history[0]?.error).toBe("a\nb\nc");
    expect(through("x\ud800").history[0]?.error).toBe("x\ufffd");
  });
});

test("the header of the envelope is read from a record, whichever clock was ahead", () => {
  const at = 1_795_660_215_766;
  const header = (waitedMs: number) => `+mail.send ${(at - 10 - waitedMs).toString(36)}`;
  const record = (rest: string) => `c1 67-0-W7GU1O 10 ${at} w.1 mail.send ${rest}`;
  expect(envelopeIn(record("1837"))).toBe(`${header(1837)} k=0\n`);
  expect(envelopeIn(record("-5 g=a%20b r=9\n1 0 failed 1 2 w 1-x no"))).toBe(
    `${header(-5)} g=a%20b r=9 k=0\n`,
  );
  expect(envelopeIn(`c1 67-0-W7GU1O 10 ${at} w.1`)).toBe("");
  expect(envelopeIn(`c2,1,0,0,0,0, 67-0-W7GU1O 10 ${at} w.1\n1 0 failed 1 2 w 1-x no`)).toBe("");
  expect(envelopeIn("")).toBe("");
  expect(decodeRecord(record("1837"), false)).toMatchObject({
    ...{ state: "completed", attempts: 1, grantedAt: at - 10, endedAt: at, workerId: "w.1" },
  });
});
