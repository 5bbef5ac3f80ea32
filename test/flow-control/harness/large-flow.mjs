import { until } from "../../chaos/harness/until.mjs";

/** How many nodes one `add` stores. */
const CHUNK = 5_000;

/**
 * Adds nodes to an open flow in parts, so that this process needs little memory. @param nodeAt returns the n-th node
 */
export async function addNodes(flow, count, nodeAt) {
  for (let from = 0; from < count; from += CHUNK) {
    const size = Math.min(CHUNK, count - from);
    await flow.add(Array.from({ length: size }, (_, n) => nodeAt(from + n)));
  }
}

/** Waits until a flow has ended. @returns the flow in the form of the library */
export function untilEnded({ queue }, id, timeoutMs = 20_000) {
  return until(
    `flow ${id} has ended`,
    async () => {
      const flow = await queue.getFlow(id);
      return flow?.state === "ended" && flow;
    },
    timeoutMs,
  );
}

/** Returns the kinds of callbacks that were enqueued, in order. */
export const momentsOf = ({ callbacks }) =>
  callbacks.filter(({ enqueued }) => enqueued).map(({ moment }) => moment);
