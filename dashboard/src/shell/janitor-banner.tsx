import { Trans } from "@lingui/react/macro";
import { useQueries } from "@tanstack/react-query";
import { Timer } from "lucide-react";
import { firstTaskQuery } from "../api/tasks.ts";
import { duration } from "../format/time.ts";
import { useLive, useNow } from "../live/live-context.tsx";
import { Banner } from "../ui/banner.tsx";

/** If a lease expired longer ago than this, ms, no janitor works: one takes it back within about a second. */
const OVERDUE_MS = 15_000;
/** The most queues that the banner watches, because each of them needs a request every few seconds. */
const WATCHED_QUEUES = 20;

/** Warns about expired leases that nobody has taken back, because no janitor runs or none can reach Redis. */
export function JanitorBanner({ queues }: { queues: readonly string[] }) {
  const { figures, paused } = useLive();
  const now = useNow();
  const watched = (figures.queues ?? [])
    .filter(({ queue, processing }) => processing > 0 && queues.includes(queue))
    .slice(0, WATCHED_QUEUES);
  const firsts = useQueries({
    queries: watched.map(({ queue }) => ({
      ...firstTaskQuery(queue, "processing"),
      refetchInterval: paused ? (false as const) : 5_000,
    })),
  });
  const overdue = firsts.flatMap(({ data }) => {
    const endsAt = data?.leaseExpiresAt ?? null;
    return data === undefined || data === null || endsAt === null || now - endsAt < OVERDUE_MS
      ? []
      : [{ queue: data.queue, byMs: now - endsAt }];
  });
  const worst = overdue.sort((a, b) => b.byMs - a.byMs)[0];
  if (worst === undefined) return null;
  return (
    <Banner icon={Timer} tone="warn">
      <Trans>
        <strong>No janitor seems to run.</strong> In {worst.queue} a lease ran out {duration(worst.byMs)} ago
        and its task was not given to another worker. Start a janitor, or check why it cannot reach Redis.
      </Trans>
    </Banner>
  );
}
