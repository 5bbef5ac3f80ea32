// Mock data of keys and limits: one queue with limits and keys of every kind, the others without.

export function createMockLimits() {
  const limits = new Map([
    [
      "emails",
      {
        queue: { concurrency: 100, rate: { limit: 600, periodMs: 60_000, burst: 20 } },
        key: { concurrency: 3, rate: { limit: 10, periodMs: 60_000, burst: 1 } },
      },
    ],
  ]);
  const holds = new Map();
  const names = [
    "customer-42",
    "customer-7",
    "acme",
    "عميل رقم ١٢ (الرياض)",
    "家族 👩‍👩‍👧 tenant",
    "a/b?c=%2F#d",
    "x".repeat(128),
    " blanks  count ",
    "admin\u202egnp.exe",
    ...Array.from({ length: 140 }, (_, n) => `tenant-${String(n).padStart(3, "0")}`),
  ].sort((a, b) => (encodeURIComponent(a) < encodeURIComponent(b) ? -1 : 1));
  const own = new Map([["acme", { limit: { concurrency: 8, weight: 2 }, until: Date.now() + 7_200_000 }]]);
  holds.set("emails customer-7", Date.now() + 600_000);

  const heldUntil = (queue, key = "") => {
    const until = holds.get(`${queue} ${key}`) ?? 0;
    return until > Date.now() ? until : null;
  };
  const keyView = (queue, key) => {
    const at = names.indexOf(key);
    const override = own.get(key);
    const limit = override?.limit ?? null;
    const most = (limit ?? limits.get(queue)?.key)?.concurrency;
    const held = heldUntil(queue, key);
    const isKnown = queue === "emails" && at >= 0;
    const running = isKnown && held === null ? at % (most === undefined ? 5 : most + 1) : 0;
    const late = isKnown && at % 5 === 1;
    return {
      key,
      waiting: isKnown ? 1 + ((at * 37) % 900) : 0,
      running,
      limit,
      limitUntil: override?.until ?? null,
      heldUntil: held,
      blockedBy: held !== null ? "hold" : running === most ? "concurrency" : late ? "rate" : null,
      nextAt: held ?? (late ? Date.now() + 2_000 : null),
    };
  };
  const view = (queue, running) => {
    const held = heldUntil(queue);
    return {
      queue,
      at: Date.now(),
      limits: limits.get(queue) ?? {},
      running,
      heldUntil: held,
      blockedBy: held === null ? null : "hold",
      nextAt: held,
    };
  };
  return {
    limits: view,
    putLimits: (queue, body, running) => {
      limits.set(queue, body);
      return view(queue, running);
    },
    keys: (queue, { cursor, limit = "100" }) => {
      const all = queue === "emails" ? names : [];
      const from = cursor === undefined ? 0 : all.indexOf(cursor) + 1;
      const page = all.slice(from, from + Number(limit));
      return {
        queue,
        keys: page.map((key) => keyView(queue, key)),
        cursor: from + page.length < all.length ? page.at(-1) : null,
      };
    },
    key: keyView,
    putKeyLimit: (queue, key, body) => {
      if (body === null) own.delete(key);
      else {
        const { forMs, ...limit } = body;
        own.set(key, { limit, until: forMs === undefined ? null : Date.now() + forMs });
      }
      return keyView(queue, key);
    },
    hold: (queue, { holdMs, key }, running) => {
      holds.set(`${queue} ${key ?? ""}`, Date.now() + holdMs);
      return view(queue, running);
    },
  };
}
