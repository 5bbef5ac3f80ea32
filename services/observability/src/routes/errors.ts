import {
  ErrorParams,
  ErrorsQuery,
  ErrorsReply,
  MuteBody,
  MuteReply,
  QueueParams,
} from "@holdfast/contracts/api";
import { type HttpServer, mayUseQueue } from "@holdfast/service";
import type { ErrorsView, ErrorView } from "holdfast";
import { selectErrors } from "holdfast/operate";
import { authorOf } from "../operators/audit-log.ts";
import { PROBLEMS, type RouteContext, TAGS } from "./context.ts";

const MASKED = "***";
const NAME = /^[A-Z]\w*(?:Error|Exception)\b(?: \[\w+\])?/;

/**
 * Returns the error for a caller who sees masked tasks. A message may quote a masked value, and with the signature a
 * caller could check guesses. So only the name of the error is left.
 */
export function masked(error: ErrorView): ErrorView {
  if (error.error === null) return { ...error, signature: null, tags: [] };
  const name = NAME.exec(error.title)?.[0];
  const title = name === undefined ? MASKED : `${name}: ${MASKED}`;
  return { ...error, signature: null, title, error: null, tags: [] };
}

/** The routes that show and mute errors. Those for dead letters replay and discard the tasks of an error. */
export function errorRoutes(app: HttpServer, { observer, audit }: RouteContext): void {
  const tags = [TAGS.errors];
  const { maskFor } = app.basics;

  const replyTo = ({ at, errors, other }: ErrorsView, query: ErrorsQuery, isMasked: boolean): ErrorsReply => {
    const found = selectErrors(isMasked ? errors.map(masked) : errors, query);
    const counted = [...errors, ...other].reduce((sum, { dead }) => sum + dead, 0);
    return { at, errors: found.slice(0, query.limit ?? 200), total: found.length, dead: counted, other };
  };

  app.get(
    "/v1/errors",
    {
      schema: {
        tags,
        summary: "The errors of all queues",
        description:
          "Failures of one type whose messages differ only in numbers, ids, URLs and the like are one error. The counts are exact: the dead letters of all errors and of `other` are all dead letters.",
        querystring: ErrorsQuery,
        response: { 200: ErrorsReply, ...PROBLEMS },
      },
    },
    async ({ identity, query }) => {
      const queues = (await observer.queues()).filter((queue) => mayUseQueue(identity, queue));
      return replyTo(await observer.errors(queues), query, maskFor(identity) !== undefined);
    },
  );

  app.get(
    "/v1/queues/:queue/errors",
    {
      schema: {
        tags,
        summary: "The errors of a queue",
        description: "As `GET /v1/errors`, for one queue.",
        params: QueueParams,
        querystring: ErrorsQuery,
        response: { 200: ErrorsReply, ...PROBLEMS },
      },
    },
    async ({ identity, params, query }) =>
      replyTo(await observer.errors([params.queue]), query, maskFor(identity) !== undefined),
  );

  app.put(
    "/v1/queues/:queue/errors/:signature/mute",
    {
      schema: {
        tags,
        summary: "Mute an error",
        description:
          "It is left out of the open errors, and still counted. Without `forMs` and `failures` the mute has no end.",
        params: ErrorParams,
        body: MuteBody,
        response: { 200: MuteReply, ...PROBLEMS },
      },
    },
    async (request) => {
      const { queue, signature } = request.params;
      const { reason, ...until } = request.body;
      const by = authorOf(request);
      const { mute } = await audit.during(
        { action: "error.mute", queue, subject: signature, by, reason },
        async () => ({
          count: 0,
          mute: await observer.muteError(queue, signature, { ...until, by: by.actor }),
        }),
      );
      return { queue, signature, mute };
    },
  );

  app.delete(
    "/v1/queues/:queue/errors/:signature/mute",
    {
      schema: {
        tags,
        summary: "End the mute of an error",
        params: ErrorParams,
        response: { 200: MuteReply, ...PROBLEMS },
      },
    },
    async (request) => {
      const { queue, signature } = request.params;
      await audit.during(
        { action: "error.unmute", queue, subject: signature, by: authorOf(request) },
        async () => {
          await observer.muteError(queue, signature, null);
          return { count: 0 };
        },
      );
      return { queue, signature, mute: null };
    },
  );
}
