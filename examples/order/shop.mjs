/**
 * Makes the services of the example. They store their actions by idempotency key. `calls` lists the calls that had an
 * effect.
 * @param faults how often a call such as `ship` throws before it works
 */
export function createShop({ faults = {}, shipsTo = ["de", "fr"] } = {}) {
  const calls = [];
  const done = new Map();
  const once = (name, key, run) => {
    if ((faults[name] ?? 0) > 0) {
      faults[name]--;
      throw new Error(`${name}: the service does not answer`);
    }
    if (!done.has(key)) {
      done.set(key, run());
      calls.push(name);
    }
    return done.get(key);
  };
  return {
    calls,
    reserve: async ({ article }, key) =>
      once("reserve", key, () => ({ ok: true, reservation: `r-${article}` })),
    release: async (reservation, key) => once("release", key, () => ({ released: reservation })),
    charge: async ({ cents }, key) =>
      once("charge", key, () => (cents < 100_000 ? { ok: true, charge: `c-${cents}` } : { ok: false })),
    refund: async (charge, key) => once("refund", key, () => ({ refunded: charge })),
    ship: async ({ country }, key) =>
      once("ship", key, () =>
        shipsTo.includes(country) ? { ok: true, number: `p-${country}` } : { ok: false },
      ),
  };
}
