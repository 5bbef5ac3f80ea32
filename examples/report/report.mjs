import { fanIn } from "holdfast";

/** Returns the sales of one shop. This is the slow part of the report; here it adds up receipts. */
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
  // This task runs when the tasks of all shops have ended. It reads their results page by page.
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
 * Starts a report over `shops` shops. If the answer of this call is lost, repeat it with the same id: nothing is
 * stored twice.
 * @returns the id of the task whose result is the report
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
