import { EventEmitter } from "node:events";
import { loadConfig } from "@holdfast/service";
import { expect, test } from "vitest";
import { observabilityConfig } from "../src/config.ts";
import { parseOrigins } from "../src/stream/origin.ts";

test("by default no page of another origin can change anything, not even a page of Vite in development", async () => {
  expect(loadConfig(observabilityConfig, {}).ALLOWED_ORIGINS).toBeUndefined();
  expect(
    parseOrigins(loadConfig(observabilityConfig, { ALLOWED_ORIGINS: "" }).ALLOWED_ORIGINS ?? ""),
  ).toEqual([]);
  // For requests of its own pages, the proxy of Vite sets the Origin to that of the service. It leaves all other
  // requests as they are.
  const { default: vite } = (await import("../../../dashboard/vite.config.ts")) as unknown as {
    default: { server: { proxy: Record<string, { configure(proxy: EventEmitter): void }> } };
  };
  for (const route of Object.values(vite.server.proxy)) {
    const proxy = new EventEmitter();
    route.configure(proxy);
    const sent = (event: string, origin: string | undefined) => {
      const headers: Record<string, string> = {};
      const request = { headers: { origin, host: "localhost:5173" } };
      proxy.emit(event, { setHeader: (name: string, value: string) => (headers[name] = value) }, request);
      return headers.origin;
    };
    for (const event of ["proxyReq", "proxyReqWs"]) {
      expect(sent(event, "http://localhost:5173")).toBe("http://127.0.0.1:3001");
      for (const origin of ["https://evil.example", "http://localhost:5174", "null", undefined])
        expect(sent(event, origin)).toBeUndefined();
    }
  }
});
