import { createServer, type OutgoingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cutPathInFront } from "./path-in-front.ts";

const HEADERS: Record<string, OutgoingHttpHeaders | string[]> = {
  "/object": { location: "/v1/made/1" },
  "/list": ["x-name", "location", "location", "/v1/made/1"],
  "/relative": { location: "made/1" },
  "/elsewhere": { location: "https://elsewhere.example/1" },
  "/none": {},
};

const server = createServer((request, response) => {
  cutPathInFront("/ops/queues", request, response);
  response.writeHead(201, HEADERS[request.url ?? ""]).end();
});
beforeAll(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)));
afterAll(() => new Promise((resolve) => server.close(resolve)));

const headersAt = async (path: string) => {
  const { port } = server.address() as AddressInfo;
  return (await fetch(`http://127.0.0.1:${port}/ops/queues${path}`)).headers;
};

test.each([
  ["in an object of headers", "/object", "/ops/queues/v1/made/1"],
  ["in a flat list of headers", "/list", "/ops/queues/v1/made/1"],
  ["that is relative, as it is", "/relative", "made/1"],
  ["on another host, as it is", "/elsewhere", "https://elsewhere.example/1"],
  ["that is not there, as it is", "/none", null],
])("a request gets its path back in a Location %s", async (_name, path, location) => {
  expect((await headersAt(path)).get("location")).toBe(location);
});

test("other headers stay as they are", async () => {
  expect((await headersAt("/list")).get("x-name")).toBe("location");
});
