import { expect, test } from "vitest";
import { isAllowedOrigin, parseOrigins } from "./origin.ts";

const allowed = parseOrigins(" http://localhost:5173, https://ops.example ");

test.each([
  [undefined, "127.0.0.1:3001", true],
  ["http://127.0.0.1:3001", "127.0.0.1:3001", true],
  ["http://localhost:5173", "127.0.0.1:3001", true],
  ["https://ops.example", "127.0.0.1:3001", true],
  ["http://127.0.0.1:3000", "127.0.0.1:3001", false],
  ["http://evil.example", "127.0.0.1:3001", false],
  ["https://ops.example.evil.example", "127.0.0.1:3001", false],
  ["null", "127.0.0.1:3001", false],
  ["file://127.0.0.1:3001", "127.0.0.1:3001", false],
  ["http://127.0.0.1:3001", undefined, false],
])("origin %s at host %s is allowed: %s", (origin, host, verdict) => {
  expect(isAllowedOrigin(origin, host, allowed)).toBe(verdict);
});
