import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import type { Limit, LimitsView } from "../../api/limits.ts";
import { count } from "../../format/number.ts";
import { clockDay, clockTime, duration, utc, utcPrecise } from "../../format/time.ts";
import { useNow } from "../../live/live-context.tsx";
import { useTimeMode } from "../../ui/time.tsx";

/** Shows the end of a hold or limit as a time of day, because "in 2 h" does not tell at which time it ends. */
export function Until({ at }: { at: number }) {
  const { mode } = useTimeMode();
  const now = useNow();
  const isToday = clockDay(at) === clockDay(now);
  return (
    <time dateTime={utcPrecise(at)} title={utcPrecise(at)}>
      {mode === "utc" ? utc(at) : isToday ? clockTime(at) : `${clockDay(at)}, ${clockTime(at)}`}
    </time>
  );
}

interface HeldBackProps {
  view: Pick<LimitsView, "running" | "heldUntil" | "blockedBy" | "nextAt">;
  /** The limit that applies to the task key or type. */
  limit: Limit | null | undefined;
}

/** Describes what keeps the next task from starting. */
export function HeldBack({ view, limit }: HeldBackProps) {
  const { running, heldUntil, blockedBy, nextAt } = view;
  const now = useNow();
  if (blockedBy === "hold" && heldUntil !== null)
    return (
      <Trans>
        held until <Until at={heldUntil} />
      </Trans>
    );
  if (blockedBy === "concurrency") return t`${count(running)} of ${count(limit?.concurrency ?? running)} run`;
  if (blockedBy === "stopped") return t`stopped at a dead letter`;
  const next =
    nextAt === null || nextAt <= now
      ? t`at once`
      : t`in ${duration(Math.ceil((nextAt - now) / 1_000) * 1_000).replace(/[.,]0/, "")}`;
  if (blockedBy === "rate") return t`rate used up, next ${next}`;
  if (blockedBy === "shared")
    return nextAt === null ? t`share of a limit used up` : t`share of a limit used up, next ${next}`;
  return <span className="soft">{t({ message: "nothing", context: "holds it back" })}</span>;
}
