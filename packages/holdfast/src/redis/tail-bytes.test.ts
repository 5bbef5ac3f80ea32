import fc from "fast-check";
import { expect, test } from "vitest";
import { BytesPool } from "./bytes-pool.ts";
import { encodeCall } from "./connection.ts";
import { headOfCall, TailBytes, viewOf } from "./tail-bytes.ts";

const viewed = (text: string) => {
  // The bytes do not begin at the start of their buffer, as in most request bodies.
  const bytes = Buffer.from(`..${text}`).subarray(2);
  return { bytes, view: viewOf(bytes) };
};

/** Makes a call with these tasks as its last arguments. */
function call(
  tasks: { id: string; header: string; payload: string }[],
  argv: (string | number)[],
  pool = new BytesPool(),
) {
  const source = viewed(tasks.map(({ payload }) => `${payload},`).join(""));
  const room = tasks.map(({ id, header, payload }) =>
    TailBytes.boundOf(id.length, Buffer.byteLength(header), Buffer.byteLength(payload)),
  );
  const tail = new TailBytes(
    pool,
    room.reduce((sum, bytes) => sum + bytes, 0),
  );
  let at = 0;
  tasks.forEach(({ id, header, payload }, i) => {
    expect(tail.hasRoom(room[i] as number)).toBe(true);
    const end = at + Buffer.byteLength(payload);
    tail.add(viewed(`--${id}`), 2, id.length, viewed(header), source, at, end);
    at = end + 1;
  });
  return { tail, bytes: tail.after(headOfCall("EVALSHA", "f00", 1, argv, tail.count)) };
}

const task = fc.record({
  id: fc.stringMatching(/^[a-z0-9_-]{1,20}$/),
  header: fc.string({ maxLength: 40 }),
  payload: fc.oneof(
    fc.string({ maxLength: 60, unit: "grapheme" }),
    fc.string({ minLength: 1_000, maxLength: 1_100 }),
  ),
});
const argument = fc.oneof(fc.string({ unit: "grapheme", maxLength: 40 }), fc.integer());

test("a call whose tail is bytes is equal to the call with the same arguments as texts", () => {
  fc.assert(
    fc.property(fc.array(task, { maxLength: 8 }), fc.array(argument, { maxLength: 6 }), (tasks, argv) => {
      const texts = tasks.flatMap(({ id, header, payload }) => [id, header + payload]);
      expect(call(tasks, argv).bytes.toString("hex")).toBe(
        Buffer.from(encodeCall("EVALSHA", "f00", 1, [...argv, ...texts])).toString("hex"),
      );
    }),
  );
});

test("the head of a call may be longer than the room that is reserved for it", () => {
  const long = "k".repeat(5_000);
  const { bytes } = call([{ id: "a", header: "h\n", payload: "1" }], [long]);
  expect(bytes.toString()).toBe(encodeCall("EVALSHA", "f00", 1, [long, "a", "h\n1"]).toString());
});

test("lengths with one to six digits are written correctly", () => {
  for (const length of [1, 9, 10, 99, 100, 999, 1_000, 9_999, 10_000, 99_999, 100_000, 262_144]) {
    const payload = "x".repeat(length);
    expect(call([{ id: "a", header: "", payload }], []).bytes.toString()).toBe(
      encodeCall("EVALSHA", "f00", 1, ["a", payload]).toString(),
    );
  }
});

test("the memory of a call is used again after its reply, but not if the call was sent twice or not answered", () => {
  const pool = new BytesPool();
  const tasks = [{ id: "a", header: "", payload: "1" }];
  const first = call(tasks, [], pool);
  first.tail.release(pool, true);
  const second = call(tasks, [], pool);
  expect(second.bytes.buffer).toBe(first.bytes.buffer);
  second.tail.after(headOfCall("EVAL", "return 1", 0, [], second.tail.count));
  second.tail.release(pool, true);
  expect(call(tasks, [], pool).bytes.buffer).not.toBe(first.bytes.buffer);
  const third = call(tasks, [], pool);
  third.tail.release(pool, false);
  expect(call(tasks, [], pool).bytes.buffer).not.toBe(third.bytes.buffer);
});

test("while many calls are in flight, each gets memory for its size only; afterwards calls get large buffers again", () => {
  const pool = new BytesPool();
  const sizes = (count: number, payload: string) =>
    Array.from({ length: count }, () => call([{ id: "a", header: "", payload }], [], pool)).map(
      ({ tail, bytes }) => ({
        tail,
        size: bytes.buffer.byteLength,
      }),
    );
  const first = sizes(8, "1");
  const more = sizes(4, "1");
  const large = sizes(1, "x".repeat(200_000));
  expect(new Set(first.map(({ size }) => size))).toEqual(new Set([131_072]));
  expect(Math.max(...more.map(({ size }) => size))).toBeLessThan(32_768);
  expect(large[0]?.size).toBeGreaterThan(200_000);
  for (const { tail } of [...first, ...more, ...large]) tail.release(pool, true);
  expect(new Set(sizes(8, "1").map(({ size }) => size))).toEqual(new Set([131_072]));
});
