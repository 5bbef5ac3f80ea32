/**
 * An order is reserved, charged and shipped. If a service refuses, its result says so, and the result is stored with
 * the step. So the decision to undo earlier steps is kept even if the process dies. If a service does not answer, the
 * step throws, and the next attempt continues at this step.
 * @param shop the services. A step may run more than once, so each call has an idempotency key
 */
export const handlersFor = (shop) => ({
  "order.place": async (task, ctx) => {
    const { id, payload: order } = task;
    const undo = [];
    const refusedBy = async (service) => {
      for (const [name, run] of undo.reverse()) await ctx.step(name, run);
      return { placed: false, refusedBy: service };
    };

    const stock = await ctx.step("reserve", () => shop.reserve(order, `${id}:reserve`));
    if (!stock.ok) return refusedBy("stock");
    undo.push(["release", () => shop.release(stock.reservation, `${id}:release`)]);

    const payment = await ctx.step("charge", () => shop.charge(order, `${id}:charge`));
    if (!payment.ok) return refusedBy("payment");
    undo.push(["refund", () => shop.refund(payment.charge, `${id}:refund`)]);

    const parcel = await ctx.step("ship", () => shop.ship(order, `${id}:ship`), { retries: 2 });
    if (!parcel.ok) return refusedBy("shipping");
    return { placed: true, parcel: parcel.number };
  },
});
