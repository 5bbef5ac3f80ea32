import { describe, expect, test } from "vitest";
import { isAllowedHost } from "./hosts.ts";

describe("the Host check of a service without keys", () => {
  test.each(["localhost", "localhost:3000", "127.0.0.1:3000", "[::1]:3000", "app.localhost", "LOCALHOST"])(
    "on loopback accepts %s",
    (host) => expect(isAllowedHost(host, "127.0.0.1", [])).toBe(true),
  );

  test.each([
    undefined,
    "",
    "evil.example",
    "evil.example:3000",
    "127.0.0.1.evil.example",
    "10.0.0.1",
    "api",
    "a b",
    "[::1",
  ])("on loopback refuses %s", (host) => expect(isAllowedHost(host, "127.0.0.1", [])).toBe(false));

  test.each(["10.0.0.1:3000", "[fd00::1]", "producer-api:3000", "localhost"])(
    "beyond loopback accepts %s",
    (host) => expect(isAllowedHost(host, "0.0.0.0", [])).toBe(true),
  );

  test.each(["evil.example", "rebind.127.0.0.1.nip.io"])("beyond loopback refuses %s", (host) =>
    expect(isAllowedHost(host, "0.0.0.0", [])).toBe(false),
  );

  test("accepts the names in ALLOWED_HOSTS", () => {
    expect(isAllowedHost("queue.example:443", "0.0.0.0", ["queue.example"])).toBe(true);
    expect(isAllowedHost("other.example", "0.0.0.0", ["queue.example"])).toBe(false);
    expect(isAllowedHost("other.example", "127.0.0.1", ["*"])).toBe(true);
  });
});
