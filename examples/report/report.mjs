import { fanIn } from "holdfast";

/** The sales of one shop: the part of the report that takes long, here a sum over its receipts. */
function salesOf(shop, receipts) {
  let cents = 0;
  for (let receipt = 1; receipt <= receipts; receipt++) cents += (shop * 7_919 + receipt * 104_729) % 10_000;
  return cents;
}

export const handlers = {
  "report.shop": async ({ payload: { shop, receipts } }, { attempt }) => {
    if (shop % 50 === 0 && attempt === 1) throw new Error("the database of this shop was restarted");
    return { shop, cents: salesOf(shop, receipts) };
  },
  // Runs when all shops have ended, and reads their results page by page.
  "report.total": async (_task, ctx) => {
    const report = { shops: 0, cents: 0, best: null };
    for await (const { result } of ctx.children({ where: { state: "completed" } })) {
      report.shops++;
      report.cents += result.cents;
      if (report.best === null || result.cents > report.best.cents) report.best = result;
    }
    return report;
  },
};

/**
 * Starts a report over `shops` shops. With the same id, a second call stores nothing, so it can be repeated if its
 * answer was lost.
 * @returns the id of the task that has the report as its result
 */
export async function startReport(queue, { id, shops, receipts = 100 }) {
  const parts = Array.from({ length: shops }, (_, at) => ({
    name: `shop-${at + 1}`,
    type: "report.shop",
    payload: { shop: at + 1, receipts },
  }));
  await queue.flow({ id, nodes: fanIn(parts, { name: "total", type: "report.total" }) });
  return `${id}.total`;
}
