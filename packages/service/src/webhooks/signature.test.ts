import { randomBytes } from "node:crypto";
import { Webhook } from "standardwebhooks";
import { expect, test } from "vitest";
import { readSecret, type SigningKey, sign, signatureProblem } from "./signature.ts";

const body = Buffer.from('{"id":"a.1","payload":"Grüße ✓"}');

function secret(): { text: string; key: SigningKey } {
  const text = `whsec_${randomBytes(32).toString("base64")}`;
  return { text, key: readSecret(text) as SigningKey };
}

test("another library verifies what is signed here, with the new secret and with the old one", () => {
  const [fresh, old] = [secret(), secret()];
  const headers = { ...sign([fresh.key, old.key], "a.1", body, Date.now()) };
  for (const { text } of [fresh, old])
    expect(new Webhook(text).verify(body.toString(), headers)).toEqual({ id: "a.1", payload: "Grüße ✓" });
  expect(() => new Webhook(secret().text).verify(body.toString(), headers)).toThrow();
  expect(() => new Webhook(old.text).verify(`${body} `, headers)).toThrow();
});

test("what another library has signed is verified here, with each key of two", () => {
  const [fresh, old, stranger] = [secret(), secret(), secret()];
  const now = new Date();
  const signedBy = (text: string) => ({
    "webhook-id": "a.1",
    "webhook-timestamp": String(Math.floor(now.getTime() / 1_000)),
    "webhook-signature": new Webhook(text).sign("a.1", now, body.toString()),
  });
  const keys = [fresh.key, old.key];
  expect(signatureProblem(keys, signedBy(fresh.text), body, now.getTime())).toBeNull();
  expect(signatureProblem(keys, signedBy(old.text), body, now.getTime())).toBeNull();
  expect(signatureProblem(keys, signedBy(stranger.text), body, now.getTime())).toContain("does not fit");
});

test("a changed id, time or body, an old timestamp and missing headers are refused", () => {
  const { key } = secret();
  const now = 1_700_000_000_000;
  const headers = { ...sign([key], "a.1", body, now) };
  const problem = (change: object, bytes = body, at = now) =>
    signatureProblem([key], { ...headers, ...change }, bytes, at);
  expect(problem({})).toBeNull();
  expect(problem({ "webhook-id": "a.2" })).toContain("does not fit");
  expect(problem({ "webhook-timestamp": "1700000001" })).toContain("does not fit");
  expect(problem({}, Buffer.from("{}"))).toContain("does not fit");
  expect(problem({}, body, now + 299_000)).toBeNull();
  expect(problem({}, body, now + 301_000)).toContain("300 s");
  expect(problem({}, body, now - 301_000)).toContain("300 s");
  expect(problem({ "webhook-timestamp": "soon" })).toContain("seconds");
  expect(problem({ "webhook-signature": undefined })).toContain("lacks");
  expect(problem({ "webhook-signature": "v1a,AAAA v2,AAAA" })).toContain("does not fit");
  // A signature of an unknown version does not stop the check of the other signatures.
  expect(problem({ "webhook-signature": `v2,AAAA ${headers["webhook-signature"]}` })).toBeNull();
});

test("only whsec_ with 24 to 64 bytes in base64 is a secret", () => {
  const of = (bytes: number) => `whsec_${Buffer.alloc(bytes, 7).toString("base64")}`;
  for (const text of [of(24), of(64), of(32).replace(/=+$/, "")]) expect(readSecret(text)).not.toBeNull();
  for (const text of [
    of(23),
    of(65),
    "",
    "whsec_",
    of(32).slice(6),
    `${of(32)} x`,
    `whsec_${"?".repeat(40)}`,
  ])
    expect(readSecret(text)).toBeNull();
});

test("a key shows its bytes neither as text nor as JSON", () => {
  const { key, text } = secret();
  expect(JSON.stringify({ key })).toBe('{"key":{}}');
  expect(`${String(key)}${Object.values(key).join()}`).not.toContain(text.slice(6, 12));
});
