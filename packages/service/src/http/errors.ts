import { HoldfastError } from "@holdfast/contracts";
import type { FastifyReply, FastifyRequest } from "fastify";
import { PROBLEM_MEDIA_TYPE, type Problem, problem, toProblem } from "./problem.ts";
import type { HttpServer } from "./types.ts";

/** Sends a problem. `retryAfter` is the value of the header Retry-After, in seconds. */
export function sendProblem(reply: FastifyReply, body: Problem, retryAfter?: number): FastifyReply {
  if (retryAfter !== undefined) reply.header("retry-after", String(retryAfter));
  if (body.status === 401) {
    reply.header("www-authenticate", 'Bearer realm="holdfast"');
  }
  // After 401 the sender is unknown, and after 413 nobody reads the rest of the body. So the connection is closed.
  if (body.status === 401 || body.status === 413) reply.server.basics.closeAfterAnswer(reply);
  // The problem is sent as a string, because the serialiser of a route knows only the schemas of that route.
  return reply.code(body.status).type(PROBLEM_MEDIA_TYPE).send(JSON.stringify(body));
}

/** Answers every error, and every unknown path, with a problem. @returns the handler for unknown paths */
export function registerErrors(
  app: HttpServer,
): (request: FastifyRequest, reply: FastifyReply) => FastifyReply {
  const routes: { matcher: RegExp; methods: Set<string> }[] = [];
  app.addHook("onRoute", (route) => {
    const methods = [route.method].flat();
    const pattern = route.url
      .split("/")
      .map((part) => (part.startsWith(":") ? "[^/]+" : part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")))
      .join("/");
    if (!route.url.includes("*"))
      routes.push({ matcher: new RegExp(`^${pattern}$`), methods: new Set(methods) });
  });

  const notFound = (request: FastifyRequest, reply: FastifyReply) => {
    const path = request.url.split("?", 1)[0] ?? "/";
    const allowed = new Set(
      routes.filter(({ matcher }) => matcher.test(path)).flatMap(({ methods }) => [...methods]),
    );
    if (allowed.size > 0 && !allowed.has(request.method)) {
      const list = [...allowed].sort().join(", ");
      reply.header("allow", list);
      return sendProblem(
        reply,
        problem("method_not_allowed", 405, `${path} takes ${list}, not ${request.method}`, request.id),
      );
    }
    const detail = `there is nothing at ${request.method} ${path.slice(0, 256)}`;
    return sendProblem(reply, problem("not_found", 404, detail, request.id));
  };
  app.setNotFoundHandler(notFound);

  app.setErrorHandler((thrown: unknown, request: FastifyRequest, reply: FastifyReply) => {
    // The error of Fastify does not say which content types the route accepts.
    const isNotTaken = (thrown as { code?: string }).code === "FST_ERR_CTP_INVALID_MEDIA_TYPE";
    const error = isNotTaken ? notTaken(request) : thrown;
    const { body, retryAfter, unexpected } = toProblem(
      error,
      request.id,
      request.method === "GET" ? "querystring" : "body",
    );
    if (unexpected) request.log.error({ err: error, route: request.routeOptions.url }, "request failed");
    else if (body.status >= 500)
      request.log.warn({ code: body.code, reason: body.detail }, "request refused");
    return sendProblem(reply, body, retryAfter);
  });
  return notFound;
}

/** Returns the problem for a body with a wrong content type. It says what to send instead. */
export function notTaken(request: FastifyRequest): HoldfastError {
  const given = request.headers["content-type"];
  const taken = request.routeOptions.config.lines
    ? "application/json or application/x-ndjson"
    : "application/json";
  return new HoldfastError(
    "unsupported_media_type",
    given === undefined
      ? `the body has no Content-Type: this route takes ${taken}`
      : `this route takes ${taken}, not "${given.slice(0, 128)}": send the header Content-Type: application/json`,
  );
}
