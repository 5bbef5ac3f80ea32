import fc from "fast-check";
import { Command } from "ioredis";
import { describe, expect, test } from "vitest";
import { BytesPool } from "./bytes-pool.ts";
import { type EncodedCall, encodeCall, ScriptCommand } from "./connection.ts";

const argument = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ maxLength: 2_000 }),
  fc.constantFrom("", "\r\n", "é", "€", "Ł", "🎈", "$3\r\nabc"),
  fc.integer(),
);

/** Returns the bytes that the socket sends for a call. */
const bytesOf = (call: EncodedCall) => (typeof call === "string" ? Buffer.from(call) : call);

test("a call that is short and ASCII is text, and bytes otherwise", () => {
  const call = (text: string) => encodeCall("EVALSHA", "f00", 0, [text]);
  expect(call("a")).toBe("*4\r\n$7\r\nEVALSHA\r\n$3\r\nf00\r\n$1\r\n0\r\n$1\r\na\r\n");
  expect(call("é")).toBeInstanceOf(Buffer);
  expect(call("x".repeat(10_000))).toBeInstanceOf(Buffer);
});

test("a call has exactly the bytes that the client would send", () => {
  fc.assert(
    fc.property(fc.array(argument, { maxLength: 30 }), fc.integer({ min: 0, max: 12 }), (argv, keyCount) => {
      const theirs = new Command("EVALSHA", ["f00", keyCount, ...argv], { replyEncoding: "utf8" });
      expect(bytesOf(encodeCall("EVALSHA", "f00", keyCount, argv)).toString("hex")).toBe(
        Buffer.from(theirs.toWritable({})).toString("hex"),
      );
    }),
  );
});

test("the length of a source that is not ASCII is counted in bytes", () => {
  expect(encodeCall("EVAL", "return 'é'", 0, []).toString()).toBe(
    "*3\r\n$4\r\nEVAL\r\n$11\r\nreturn 'é'\r\n$1\r\n0\r\n",
  );
});

test("the command has its first key, for a Cluster, and none of its other arguments", () => {
  const bytes = encodeCall("EVALSHA", "f00", 1, ["queue:{a}:tasks", "a secret"]);
  const command = new ScriptCommand("EVALSHA", bytes, "queue:{a}:tasks");
  expect(command.getKeys()).toEqual(["queue:{a}:tasks"]);
  expect(command.getSlot()).toBe(new Command("GET", ["queue:{a}:tasks"]).getSlot());
  expect(JSON.stringify(command.args)).not.toContain("secret");
  expect(command.toWritable()).toBe(bytes);
  expect(new ScriptCommand("EVAL", bytes, undefined).getKeys()).toEqual([]);
});

describe("memory for calls", () => {
  const text = "x".repeat(10_000);
  const call = (pool: BytesPool, ...argv: string[]) =>
    bytesOf(encodeCall("EVALSHA", "f00", 0, [text, ...argv], pool));

  test("is used again after it was given back, and holds the bytes of the call that took it", () => {
    const pool = new BytesPool();
    const first = call(pool, "a longer one");
    const second = call(pool);
    expect(second.buffer).not.toBe(first.buffer);
    const whole = first.buffer;
    pool.give(first);
    const third = call(pool, "b");
    expect(third.buffer).toBe(whole);
    expect(third.toString()).toBe(encodeCall("EVALSHA", "f00", 0, [text, "b"]).toString());
    expect(second.toString()).toBe(encodeCall("EVALSHA", "f00", 0, [text]).toString());
  });

  test("takes back only its own buffers, and only a limited number", () => {
    const pool = new BytesPool();
    pool.give(Buffer.alloc(10_000));
    pool.give(bytesOf(encodeCall("EVALSHA", "f00", 0, ["small"], pool)));
    pool.give(bytesOf(encodeCall("EVALSHA", "f00", 0, ["é".repeat(10_000)], pool)));
    pool.give(bytesOf(encodeCall("EVALSHA", "f00", 0, ["x".repeat(200_000)], pool)));
    const held = Array.from({ length: 20 }, () => call(pool));
    expect(new Set(held.map((bytes) => bytes.buffer)).size).toBe(20);
    const given = new Set(held.map((bytes) => bytes.buffer));
    for (const bytes of held) pool.give(bytes);
    const again = Array.from({ length: 20 }, () => call(pool).buffer);
    expect(again.filter((buffer) => given.has(buffer))).toHaveLength(8);
  });
});
