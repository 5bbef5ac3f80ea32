import { expect, test } from "vitest";
import { isAllowedOrigin, ownHosts, parseOrigins } from "./origin.ts";

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
  ["https://ops.test", "ops.test:443", true],
  ["http://ops.test", "ops.test:443", false],
  ["https://OPS.test:8443", "ops.test:8443", true],
  ["https://ops.test:8443", "ops.test", false],
  ["https://evil.test", "evil.test@ops.test", false],
])("origin %s at host %s is allowed: %s", (origin, host, verdict) => {
  expect(isAllowedOrigin(origin, host === undefined ? [] : [host], allowed)).toBe(verdict);
});

test.each([
  [{ host: "a:1" }, ["a:1"]],
  [{ host: "a", "x-forwarded-host": "b:8443" }, ["a", "b:8443"]],
  [{ host: "a", "x-forwarded-host": "evil, b" }, ["a", "b"]],
  [{ host: "a", "x-forwarded-port": "8443" }, ["a", "a:8443"]],
  [{ host: "a:1", "x-forwarded-port": "8443" }, ["a:1"]],
  [{ host: "a", "x-forwarded-port": "8443@evil" }, ["a"]],
  [{}, []],
])(
  "headers %j of a trusted proxy give the names %j, and without such a proxy only the Host header counts",
  (headers, names) => {
    const request = { headers, socket: { remoteAddress: "10.0.0.1" } };
    expect(ownHosts(request, (address) => address === "10.0.0.1")).toEqual(names);
    expect(ownHosts(request, () => false)).toEqual("host" in headers ? [headers.host] : []);
  },
);
