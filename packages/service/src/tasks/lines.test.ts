import type { ReadTasks } from "@holdfast/contracts/task-json";
import { describe, expect, test } from "vitest";
import { readTaskStream } from "./lines.ts";
import { LINE_LIMIT_BYTES, taskReader } from "./read.ts";

async function* chunks(text: string, size: number) {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(text: string, size: number, isPrompt = false): Promise<ReadTasks[]> {
  const blocks: ReadTasks[] = [];
  for await (const block of readTaskStream(chunks(text, size), taskReader, isPrompt)) blocks.push(block);
  return blocks;
}

/** Returns the payload of each line, or the error code if the line was refused. */
const told = (blocks: ReadTasks[]) =>
  blocks.flatMap(({ tasks: { bytes, spans }, refused, count }) => {
    let next = 0;
    return Array.from({ length: count }, (_, place) => {
      const error = refused?.get(place);
      if (error !== undefined) return error.code;
      const at = 2 * next++;
      return bytes.toString("utf8", spans[at], spans[at + 1]);
    });
  });

describe("a stream of lines", () => {
  const line = (payload: string) => `{"type":"t","payload":${payload}}`;

  test.each([1, 7, 4_096])("gives the same tasks in chunks of %i bytes", async (size) => {
    const text = `${line("1")}\n\n{oops\r\n${line('"é😀"')}\n  \n${line("3")}`;
    for (const isPrompt of [false, true]) {
      expect(told(await read(text, size, isPrompt))).toEqual(["1", "invalid_json", '"é😀"', "3"]);
    }
  });

  test("has an error in the place of a line that is too long, wherever the chunks end", async () => {
    const long = `"${"x".repeat(LINE_LIMIT_BYTES)}"`;
    for (const size of [65_536, 1_000_003]) {
      expect(told(await read(`${line("1")}\n${line(long)}\n${line("2")}\n`, size))).toEqual([
        "1",
        "payload_too_large",
        "2",
      ]);
    }
  });

  test("is read in blocks of limited size, or line by line if the caller asks for it", async () => {
    const text = `${line("1")}\n`.repeat(40_000);
    const blocks = await read(text, 65_536);
    expect(told(blocks)).toHaveLength(40_000);
    for (const { count } of blocks) expect(count).toBeLessThan(16_000);
    expect((await read(text, 65_536, true)).length).toBeGreaterThan(blocks.length);
  });
});
