import type { Identity, StreamMessage } from "@holdfast/contracts/api";
import { mayUseQueue } from "@holdfast/service";
import type { WorkerView } from "holdfast";

/** Returns the workers of queues that the identity may see. Their other queues and tasks are left out. */
export function visibleWorkers(identity: Identity, workers: readonly WorkerView[]): WorkerView[] {
  if (identity.queues === null) return [...workers];
  return workers.flatMap((worker) => {
    const queues = worker.queues.filter((queue) => mayUseQueue(identity, queue));
    if (queues.length === 0) return [];
    const { tasks } = worker;
    return [
      {
        ...worker,
        queues,
        ...(tasks ? { tasks: tasks.filter(({ queue }) => mayUseQueue(identity, queue)) } : {}),
      },
    ];
  });
}

/** Returns the totals of a frame of the live stream. They count all queues, even those that the frame leaves out. */
export const totalsOf = (queues: StreamMessage["queues"]) => ({
  queuesTotal: queues.length,
  deadTotal: queues.reduce((sum, { dead }) => sum + dead, 0),
});

/** Returns the part of a stream frame that the identity may see. */
export function visibleFrame<Frame extends Omit<StreamMessage, "seq">>(
  identity: Identity,
  frame: Frame,
): Frame {
  if (identity.queues === null) return frame;
  const queues = frame.queues.filter(({ queue }) => mayUseQueue(identity, queue));
  return {
    ...frame,
    queues,
    ...totalsOf(queues),
    rates: Object.fromEntries(Object.entries(frame.rates).filter(([queue]) => mayUseQueue(identity, queue))),
    workers: visibleWorkers(identity, frame.workers),
    operations: frame.operations.filter(({ queue }) => mayUseQueue(identity, queue)),
  };
}
