import { isQueueName, type QueueStats } from "@holdfast/contracts";
import { useQuery } from "@tanstack/react-query";
import { toApiError } from "../api/errors.ts";
import { queueQuery } from "../api/queues.ts";
import { useLive } from "./live-context.tsx";

interface KnownQueue {
  stats: QueueStats | undefined;
  /** Whether the queue exists; null until the page knows it. */
  exists: boolean | null;
}

/**
 * Returns the figures of a queue. The stream contains only the queues with the most waiting tasks, so the figures of
 * other queues are requested.
 */
export function useQueueStats(queue: string): KnownQueue {
  const { figures, paused } = useLive();
  const { queues, queuesTotal } = figures;
  const streamed = queues?.find((candidate) => candidate.queue === queue);
  const isComplete = queues !== null && queuesTotal <= queues.length;
  const { data, error } = useQuery({
    ...queueQuery(queue),
    enabled: streamed === undefined && queues !== null && !isComplete && isQueueName(queue),
    refetchInterval: paused ? false : 2_000,
    retry: false,
  });
  const stats = streamed ?? (isComplete ? undefined : data);
  const isMissing = isComplete || (error !== null && toApiError(error).code === "queue_not_found");
  return { stats, exists: stats === undefined ? (isMissing ? false : null) : true };
}
