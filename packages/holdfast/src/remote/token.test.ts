import { expect, test } from "vitest";
import { askedOf, isOf } from "./poll.ts";
import { decodeToken, encodeToken, type RemoteLease } from "./token.ts";

const plain: RemoteLease = {
  ...{ fence: "12-abcDEF_-", place: 3, part: 0, type: "mail/send:a@2", attempt: 1 },
  ...{ enqueuedAt: 1_764_498_000_000, grantedAt: 1_764_498_000_123, waitedMs: 0 },
  ...{ hasKey: false, own: { backoff: null, maxRetries: null }, isCalled: false },
};

test.each<[string, Partial<RemoteLease>]>([
  ["a first attempt", {}],
  ["a later attempt in a partition", { attempt: 7, part: 255, waitedMs: null }],
  ["a key", { hasKey: true }],
  ["no retries of its own", { own: { backoff: null, maxRetries: 0 } }],
  [
    "a backoff of its own",
    { own: { backoff: { kind: "fixed", baseMs: 5, jitter: "none" }, maxRetries: null } },
  ],
  ["a caller", { isCalled: true }],
])("a token of a task with %s is read back whole", (_what, more) => {
  const lease = { ...plain, ...more };
  expect(decodeToken(encodeToken(lease))).toEqual(lease);
});

test.each(["", "x", "12-abc.1", "12-abc.1~0~t~1~a", "12-a b.1~0~t~1~a~a~", "~~~~~~", "-abc.1~0~t~1~a~a~"])(
  "a text that is not a token is refused: %s",
  (text) => {
    expect(() => decodeToken(text)).toThrowError(
      expect.objectContaining({ code: "invalid_argument", field: "token" }),
    );
  },
);

test("the same request has the same slot and nonce, and any other request another one", () => {
  const worker = { id: "w", owner: "key1" };
  const asked = askedOf(worker, { lane: 2, requestId: 5 });
  expect(askedOf(worker, { lane: 2, requestId: 5 })).toEqual(asked);
  expect(asked.request).toEqual({ requestSlot: "#q:key1~w:2", sequence: 5 });
  const others = [
    askedOf(worker, { lane: 2, requestId: 6 }),
    askedOf(worker, { lane: 3, requestId: 5 }),
    askedOf({ ...worker, id: "v" }, { lane: 2, requestId: 5 }),
  ];
  for (const other of others) expect(other.nonce).not.toBe(asked.nonce);
});

test("a fence belongs to the owner in its nonce, and to nobody else", () => {
  const fence = (owner: string) => `7-${askedOf({ id: "w", owner }, { lane: 0, requestId: 1 }).nonce}`;
  expect(isOf("key1", fence("key1"))).toBe(true);
  expect(isOf("key2", fence("key1"))).toBe(false);
  expect(isOf("", fence("key1"))).toBe(false);
  expect(isOf("", fence(""))).toBe(true);
  expect(isOf("key1", fence(""))).toBe(false);
  expect(isOf("key", fence("key1"))).toBe(false);
});
