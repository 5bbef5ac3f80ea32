import { LIMITS } from "@holdfast/contracts";
import { parseJson } from "@holdfast/contracts/json";
import { type HttpServer, issuesOf, OneOf } from "@holdfast/service";
import { signatureProblem } from "@holdfast/service/webhooks";
import { HoldfastError } from "holdfast";
import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";
import type { Endpoint } from "./endpoints-file.ts";
import type { DispatcherMetrics } from "./metrics.ts";
import { type Report, type Reports, VERDICTS } from "./reports.ts";

const settleBody = Type.Object(
  {
    token: Type.String({ minLength: 1, maxLength: 256 }),
    verdict: OneOf(VERDICTS),
    result: Type.Optional(Type.Unknown()),
    error: Type.Optional(Type.String({ maxLength: LIMITS.errorCharacters })),
    delayMs: Type.Optional(Type.Integer({ minimum: 1, maximum: LIMITS.delayMs })),
  },
  { additionalProperties: false },
);
const validator = Compile(settleBody);

const params = Type.Object({ endpoint: Type.String(), id: Type.String() });

export interface SettleOptions {
  endpoints: readonly Endpoint[];
  reports: Reports;
  metrics: DispatcherMetrics;
}

/** Adds the route with which an endpoint reports the end of a task after it has answered 202. */
export function settleRoute(app: HttpServer, { endpoints, reports, metrics }: SettleOptions): void {
  const byName = new Map(endpoints.map((endpoint) => [endpoint.name, endpoint]));
  app.post(
    "/v1/endpoints/:endpoint/tasks/:id/settle",
    {
      // The signature of the request takes the place of an API key. It covers the bytes of the body, so the body is
      // not parsed yet.
      config: { scope: "public", rawBody: true },
      schema: {
        tags: ["endpoints"],
        summary: "Report the end of a task that was answered 202",
        description:
          "Signed like the request for the task, with webhook-id = the id of the task. 401: the signature is wrong. 404: the task has ended. 409: the token does not belong to the current attempt, or a report with this token was accepted already.",
        params,
      },
    },
    async (request, reply) => {
      const { endpoint: name, id } = request.params;
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      const endpoint = byName.get(name);
      if (!endpoint) throw new HoldfastError("not_found", `there is no endpoint "${name.slice(0, 64)}"`);
      const problem = signatureProblem(endpoint.keys, request.headers, body, Date.now());
      if (problem !== null) throw new HoldfastError("unauthorized", problem);
      if (request.headers["webhook-id"] !== id)
        throw new HoldfastError("invalid_argument", "webhook-id has to be the id of the task");
      const { token, ...report } = readBody(body);
      await reports.deliver(endpoint, id, token, report);
      metrics.settled(name, report.verdict);
      return reply.code(204).send();
    },
  );
}

/** @throws HoldfastError invalid_json, invalid_argument, payload_too_large */
function readBody(body: Buffer): Report & { token: string } {
  const value = parseJson(body);
  const [issue] = issuesOf(validator, value);
  if (issue) throw new HoldfastError("invalid_argument", `body${issue.instancePath} ${issue.message}`);
  const { token, verdict, result, error, delayMs } = value as Static<typeof settleBody>;
  const refuse = (field: string) => {
    throw new HoldfastError(
      "invalid_argument",
      `body: "${field}" does not belong to the verdict "${verdict}"`,
    );
  };
  if (result !== undefined && verdict !== "completed") refuse("result");
  if (error !== undefined && verdict !== "failed" && verdict !== "fatal") refuse("error");
  if (delayMs !== undefined && verdict !== "postpone") refuse("delayMs");
  if (verdict === "postpone") {
    if (delayMs === undefined)
      throw new HoldfastError("invalid_argument", 'body: the verdict "postpone" needs "delayMs"');
    return { token, verdict, delayMs };
  }
  if (verdict !== "completed") return { token, verdict, error };
  const resultText = result === undefined ? undefined : JSON.stringify(result);
  if (resultText !== undefined && Buffer.byteLength(resultText) > LIMITS.resultBytes)
    throw new HoldfastError(
      "payload_too_large",
      `body/result has more than ${LIMITS.resultBytes} bytes of JSON`,
    );
  return { token, verdict, result };
}
