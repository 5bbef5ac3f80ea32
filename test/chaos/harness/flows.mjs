/**
 * Expects that the flows `f0`, `f1`, … of flow-creator.mjs have ended with success. No node may have started before
 * the nodes that it waits for had ended. The callbacks `success` and `done` of each flow must have been acked once.
 * @param expected.home the queue of the flows
 * @param expected.flows how many flows there are
 * @param expected.nodes how many nodes each flow has
 * @returns what was seen
 */
export async function checkFlows(ctx, view, { home, flows, nodes }) {
  const seen = { flows: 0, nodes: 0, callbacks: 0, attempts: 0, failures: 0 };
  for (let number = 0; number < flows; number++) {
    const id = `f${number}`;
    const flow = await view.observer.getFlow(home, id);
    const { state, outcome, counts } = flow ?? {};
    ctx.expect(
      state === "ended" && outcome === "success" && counts.completed === nodes && counts.total === nodes,
      `${id} is ${JSON.stringify(flow)}`,
    );
    const came = flow?.callbacks.filter(({ enqueued }) => enqueued).map(({ moment }) => moment);
    ctx.expect(came?.join(" ") === "success done", `the callbacks ${came} of ${id} were enqueued`);
    for (const { taskId } of flow?.callbacks.filter(({ enqueued }) => enqueued) ?? []) {
      const task = await view.observer.task(home, taskId);
      const acked = task?.history.filter(({ outcome }) => outcome === "acked").length;
      ctx.expect(acked === 1, `${taskId} was acked ${acked} times`);
      seen.callbacks++;
    }
    const ends = new Map();
    const starts = [];
    let cursor;
    do {
      const page = await view.observer.flowNodes(home, id, { limit: 100, ...(cursor ? { cursor } : {}) });
      const tasks = await Promise.all(page.nodes.map((node) => view.observer.task(node.queue, node.id)));
      for (const [at, { name, after }] of page.nodes.entries()) {
        const { history, endedAt, failures } = tasks[at];
        ends.set(name, endedAt);
        starts.push({ name, after, at: history[0].startedAt });
        seen.attempts += history.length;
        seen.failures += failures;
      }
      cursor = page.cursor;
    } while (cursor);
    for (const { name, after, at } of starts)
      for (const before of after)
        ctx.expect(ends.get(before) <= at, `${id}.${name} started before ${before} had ended`);
    seen.flows++;
    seen.nodes += starts.length;
  }
  return seen;
}
