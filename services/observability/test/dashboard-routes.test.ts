import { DASHBOARD_ROUTES } from "@holdfast/contracts/api";
import type { FastifySchema, HTTPMethods } from "fastify";
import { expect, test } from "vitest";
import { setup } from "./setup.ts";

interface Route {
  query?: object;
  body?: object;
  replies: Record<number, object>;
}

/** Returns the schemas of the route for this method and URL. */
async function schemaOf(method: string, url: string): Promise<FastifySchema | undefined> {
  const { server } = await setup();
  let schema: FastifySchema | undefined;
  server.addHook("onRequest", async (request, reply) => {
    schema = request.routeOptions.schema;
    return reply.send();
  });
  await server.inject({ method: method as HTTPMethods, url, headers: { host: "127.0.0.1" } });
  return schema;
}

/**
 * Returns the body schemas that a route accepts. An optional body is a union with null, so the first member of the
 * union counts too.
 */
const acceptedBodies = (body: unknown) => [body, (body as { anyOf?: unknown[] } | undefined)?.anyOf?.[0]];

test.each(Object.entries<Route>(DASHBOARD_ROUTES))(
  "%s accepts the requests that the dashboard sends",
  async (route, called) => {
    const [method = "", path = ""] = route.split(" ");
    const schema = await schemaOf(method, path.replaceAll(":", ""));
    if (called.query === undefined) expect(schema?.querystring).toMatchObject({ properties: {} });
    else expect(schema?.querystring).toEqual(called.query);
    // The dashboard sends this body as text, so it has no schema to compare.
    if (route !== "POST /v1/queues/:queue/tasks")
      expect(acceptedBodies(schema?.body)).toContainEqual(called.body);
    const replies = Object.entries(schema?.response ?? {}).filter(([status]) => /^2\d\d$/.test(status));
    expect(replies.map(([status]) => status)).toEqual(Object.keys(called.replies));
    for (const [status, reply] of replies) expect(reply).toEqual(called.replies[Number(status)]);
  },
);
