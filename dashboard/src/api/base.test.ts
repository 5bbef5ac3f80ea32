import { expect, test } from "vitest";
import { streamUrl } from "../live/socket.ts";
import { serviceUrl } from "./base.ts";

const page = (base: string | null, at: string) => {
  const document = new DOMParser().parseFromString("<html><head></head></html>", "text/html");
  if (base !== null) document.head.append(Object.assign(document.createElement("base"), { href: base }));
  return {
    querySelector: (selector: string) => document.querySelector(selector),
    baseURI: base === null ? at : new URL(base, at).href,
  } as Pick<Document, "querySelector" | "baseURI">;
};

test.each([
  ["./", "https://ops.example/", "https://ops.example/"],
  ["./", "https://ops.example/queues/", "https://ops.example/queues/"],
  ["../", "https://ops.example/queues/queues/a.b?x=1", "https://ops.example/queues/"],
  ["../../../", "https://ops.example:8443/a/b/queues/q/tasks/1", "https://ops.example:8443/a/b/"],
  [null, "https://ops.example/queues/a", "https://ops.example/"],
])("a page with the base %s at %s belongs to the service at %s", (base, at, expected) => {
  expect(serviceUrl(page(base, at), new URL(at).origin)).toBe(expected);
});

test("the live stream has the path of the service, and uses TLS if the page does", () => {
  expect(streamUrl("https://ops.example/queues")).toBe("wss://ops.example/queues/v1/stream");
  expect(streamUrl("http://127.0.0.1:3001")).toBe("ws://127.0.0.1:3001/v1/stream");
});
