import { type Holdfast, Queue } from "holdfast";

/** Queues over one client, made when first asked for. Callers choose the names, so the number kept is bounded. */
export function createQueueCache(client: Holdfast, limit = 1_000): (name: string) => Queue {
  const queues = new Map<string, Queue>();
  return (name) => {
    let queue = queues.get(name);
    if (queue === undefined) {
      queue = new Queue(name, { client });
      queues.set(name, queue);
      const [oldest] = queues.keys();
      // It is only forgotten: enqueues that are under way on it end by themselves.
      if (queues.size > limit && oldest !== undefined) queues.delete(oldest);
    }
    return queue;
  };
}
