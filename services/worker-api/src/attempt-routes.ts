import { LIMITS, LOG_LEVELS, type LogLevel } from "@holdfast/contracts";
import { type HttpServer, problemSchema, queueParams } from "@holdfast/service";
import { Type } from "typebox";
import { of } from "./schema.ts";
import type { WorkRouteOptions } from "./work-routes.ts";

const strict = { additionalProperties: false };
const stored = { 200: Type.Object({ stored: Type.Literal(true) }), default: problemSchema };
const LOST = "409: the lease is lost.";

const progressBody = Type.Object(
  {
    ...of,
    progress: Type.Optional(Type.Unknown({ description: `At most ${LIMITS.progressBytes} bytes of JSON.` })),
    checkpoint: Type.Optional(
      Type.Unknown({ description: `At most ${LIMITS.checkpointBytes} bytes of JSON.` }),
    ),
  },
  strict,
);
const logBody = Type.Object(
  {
    ...of,
    line: Type.String({ maxLength: 65_536 }),
    level: Type.Optional(
      Type.Unsafe<LogLevel>({
        type: "string",
        enum: LOG_LEVELS,
        description: "How important the line is. Default: info.",
      }),
    ),
  },
  strict,
);
const checkpointBody = Type.Object(of, strict);

/** The routes with which a worker reports on a task that it runs. */
export function registerAttemptRoutes(app: HttpServer, { workers, assertOpen }: WorkRouteOptions): void {
  const config = { scope: "work" } as const;
  app.post(
    "/v1/queues/:queue/work/progress",
    {
      config,
      schema: {
        tags: ["work"],
        summary: "Report the progress of a task, or store a checkpoint",
        description: LOST,
        params: queueParams,
        body: progressBody,
        response: stored,
      },
    },
    async ({ identity, params, body: { id, token, progress, checkpoint } }) => {
      assertOpen();
      const attempt = await workers.attempt(params.queue, identity.keyId ?? "", { id, token });
      await attempt.report({ progress, checkpoint });
      return { stored: true } as const;
    },
  );

  app.post(
    "/v1/queues/:queue/work/log",
    {
      config,
      schema: {
        tags: ["work"],
        summary: "Add a line to the log of a task",
        description: `The last 50 lines are kept. ${LOST}`,
        params: queueParams,
        body: logBody,
        response: stored,
      },
    },
    async ({ identity, params, body: { id, token, line, level } }) => {
      assertOpen();
      const attempt = await workers.attempt(params.queue, identity.keyId ?? "", { id, token });
      await attempt.log(line, level);
      return { stored: true } as const;
    },
  );

  app.post(
    "/v1/queues/:queue/work/checkpoint",
    {
      config,
      schema: {
        tags: ["work"],
        summary: "Read the checkpoint of a task",
        description: LOST,
        params: queueParams,
        body: checkpointBody,
        response: { 200: Type.Object({ checkpoint: Type.Unknown() }), default: problemSchema },
      },
    },
    async ({ identity, params, body }) => {
      assertOpen();
      const attempt = await workers.attempt(params.queue, identity.keyId ?? "", body);
      return { checkpoint: (await attempt.checkpoint()) ?? null };
    },
  );
}
