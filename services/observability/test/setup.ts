import { expect, onTestFinished } from "vitest";
import { type TestAppOptions, testApp } from "./fakes.ts";

/** Builds the service over fakes, with a client. The service is closed after each test. */
export async function setup(options: TestAppOptions = {}) {
  const app = await testApp(options);
  onTestFinished(() => app.stop());
  const { server } = app;
  const call = async (method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE", url: string, body?: unknown) => {
    const response = await server.inject({
      method,
      url,
      headers: { host: "127.0.0.1", ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { payload: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    return {
      status: response.statusCode,
      headers: response.headers,
      body: response.body,
      json: () => response.json(),
    };
  };
  const ended = async (id: string) => {
    await expect
      .poll(async () => (await call("GET", `/v1/operations/${id}`)).json().state)
      .not.toBe("running");
    return (await call("GET", `/v1/operations/${id}`)).json();
  };
  const audit = async () => (await call("GET", "/v1/audit")).json().records;
  return { call, ended, audit, server };
}
