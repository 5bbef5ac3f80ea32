// Invented limits and keys for the mock server. One queue has limits and keys of every kind, and the other queues
// have none.

export function createMockLimits() {
  const limits = new Map([
    [
      "emails",
      {
        queue: { concurrency: 100, rate: { limit: 600, periodMs: 60_000, burst: 20 } },
        key: { concurrency: 3, rate: { limit: 10, periodMs: 60_000, burst: 1 }, maxWaiting: 1_000 },
      },
    ],
    ["default", { key: { concurrency: 1, ordered: true, onDead: "stop" }, fairBy: "time" }],
  ]);
  const shared = new Map(
    [
      {
        name: "database",
        limit: { concurrency: 50 },
        queues: ["emails", "default", "reports.monthly-2025"],
        shares: {
          emails: { concurrency: 31 },
          default: { concurrency: 18 },
          "reports.monthly-2025": { concurrency: 1 },
        },
      },
      {
        name: "mail-provider",
        limit: { rate: { limit: 600, periodMs: 60_000, burst: 20 } },
        queues: ["emails", "reports.monthly-2025"],
        shares: {},
      },
    ].map((limit) => [limit.name, limit]),
  );
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
    const isStopped = queue === "default" && key === "customer-42";
    if (isStopped && holds.get("default customer-42") === undefined)
      return {
        ...{ key, waiting: 12, running: 0, limit: null, limitUntil: null, heldUntil: null },
        ...{ blockedBy: "stopped", nextAt: null },
      };
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
      shared: [...shared.values()].filter(({ queues }) => queues.includes(queue)),
      running,
      heldUntil: held,
      blockedBy: held === null ? null : "hold",
      nextAt: held,
    };
  };
  return {
    limits: view,
    shared: () => ({ limits: [...shared.values()] }),
    share: (name, { limit, queues }) => {
      shared.set(name, { name, limit, queues, shares: {} });
      return shared.get(name);
    },
    unshare: (name) => shared.delete(name),
    putLimits: (queue, body, running) => {
      limits.set(queue, body);
      return view(queue, running);
    },
    trial: (queue, { limits: tried, slots = 100 }) => {
      const run = (factor) => ({
        wait: { p50Ms: 40 * factor, p95Ms: 1_900 * factor },
        ...{ largestBacklog: 310 * factor, backlogAtEnd: 2, peakRunning: 80, slotsNeeded: 60 },
      });
      return {
        ...{ queue, limits: tried, limitsToday: limits.get(queue) ?? {}, completed: 9_812, waiting: 140 },
        ...{ isCut: false, firstAt: Date.now() - 7_200_000, lastAt: Date.now(), slots, slotsToKeepUp: 41 },
        ...{ recorded: { p50Ms: 44, p95Ms: 2_010 }, today: run(1), tried: run(3) },
      };
    },
    keys: (queue, { cursor, limit = "100" }) => {
      const all = queue === "emails" ? names : queue === "default" ? ["customer-42"] : [];
      const from = cursor === undefined ? 0 : all.indexOf(cursor) + 1;
      const page = all.slice(from, from + Number(limit));
      return {
        queue,
        keys: page.map((key) => keyView(queue, key)),
        cursor: from + page.length < all.length ? page.at(-1) : null,
      };
    },
    heaviest: (queue, { by = "waiting" }) => {
      const all = (queue === "emails" ? names : []).map((key) => keyView(queue, key));
      all.sort((a, b) => (b[by] ?? 0) - (a[by] ?? 0));
      return { keys: all.slice(0, 20), lookedAt: all.length, isWhole: true };
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
