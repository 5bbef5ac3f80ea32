import { describe, expect, it } from "vitest";
import { screenFacts, unknownIn } from "./screen-facts.ts";

const unknown = (path: string, raw: Record<string, unknown>) => unknownIn(raw, screenFacts(path));
const DEAD = "/queues/$queue/dead-letters";

describe("the fields of the address that a screen does not understand", () => {
  it("are none if the screen knows every field", () => {
    expect(
      unknown("/queues/$queue/tasks", { state: "dead", q: 17, tag: "a", within: "1h", type: "" }),
    ).toEqual([]);
    expect(unknown("/tasks", { query: "type:a", sort: "type", task: "q/t-1" })).toEqual([]);
    expect(unknown(DEAD, { query: "a", tag: "b" })).toEqual([]);
    expect(
      unknown(DEAD, { view: "list", tag: "tenant:acme", reason: "fatal", signature: "abcdef012345" }),
    ).toEqual([]);
    expect(unknown("/", { sort: "dead" })).toEqual([]);
  });

  it("are reported by name and value if the name or the value is unknown", () => {
    expect(unknown(DEAD, { tags: "tenant:acme" })).toEqual(["tags=tenant:acme"]);
    expect(unknown(DEAD, { reason: "bored", tag: "a" })).toEqual(["reason=bored"]);
    expect(unknown("/queues/$queue/tasks", { within: "2h", state: "jobs" })).toEqual([
      "within=2h",
      "state=jobs",
    ]);
    expect(unknown("/queues/$queue/tasks", { tag: ["a", "b"] })).toEqual(['tag=["a","b"]']);
    expect(unknown("/audit", { action: "queue.burn" })).toEqual(["action=queue.burn"]);
    expect(unknown("/workers", { queue: "emails" })).toEqual(["queue=emails"]);
  });

  it("include a text that is too long, and any filter for the list of groups", () => {
    const long = "x".repeat(2_001);
    expect(unknown(DEAD, { query: long })).toEqual([`query=${long}`]);
    expect(unknown(DEAD, { q: long })).toEqual([`q=${long}`]);
    expect(unknown("/tasks", { tag: "a" })).toEqual(["tag=a"]);
    expect(unknown(DEAD, { view: "groups", tag: "a" })).toEqual(["tag=a"]);
  });
});
