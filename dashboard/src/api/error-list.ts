import type { ErrorView } from "@holdfast/contracts";
import type { ErrorsQuery, MuteBody } from "@holdfast/contracts/api";
import { queryOptions } from "@tanstack/react-query";
import { api, given } from "./client.ts";
import { queueKey } from "./queues.ts";

export type { ErrorView };
export type ErrorKind = NonNullable<ErrorsQuery["kind"]>;
export type ErrorOrder = NonNullable<ErrorsQuery["sort"]>;

/**
 * Reads the errors of one queue, or of all queues. The query key for a queue begins with that of the queue, so that
 * it is refreshed with the queue.
 */
export const errorsQuery = (queue: string | undefined, query: Omit<ErrorsQuery, "type">) =>
  queryOptions({
    queryKey: queue === undefined ? ["errors", query] : [...queueKey(queue), "errors", query],
    queryFn: ({ signal }) =>
      queue === undefined
        ? api("GET /v1/errors", { query: given({ ...query }), signal })
        : api("GET /v1/queues/:queue/errors", { params: { queue }, query: given({ ...query }), signal }),
  });

export const muteError = (queue: string, signature: string, body: MuteBody) =>
  api("PUT /v1/queues/:queue/errors/:signature/mute", { params: { queue, signature }, body });

export const unmuteError = (queue: string, signature: string) =>
  api("DELETE /v1/queues/:queue/errors/:signature/mute", { params: { queue, signature } });
