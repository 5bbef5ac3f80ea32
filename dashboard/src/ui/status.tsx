import type { AttemptOutcome, DeadReason, TaskState } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import {
  Ban,
  CalendarClock,
  CircleCheck,
  CircleX,
  Clock3,
  Hourglass,
  type LucideIcon,
  OctagonX,
  Play,
  RouteOff,
  TimerOff,
  Undo2,
  Unplug,
} from "lucide-react";
import type { ReactNode } from "react";

interface Look {
  icon: LucideIcon;
  tone: string;
  text: () => string;
}

/** Each state has a colour, an icon and a word, because some users cannot tell the colours apart. */
export const STATE_LOOK: Record<TaskState, Look> = {
  waiting: { icon: Hourglass, tone: "quiet", text: () => t`Waiting` },
  scheduled: { icon: CalendarClock, tone: "scheduled", text: () => t`Scheduled` },
  pending: { icon: Clock3, tone: "pending", text: () => t`Pending` },
  processing: { icon: Play, tone: "processing", text: () => t`Processing` },
  completed: { icon: CircleCheck, tone: "completed", text: () => t`Completed` },
  dead: { icon: OctagonX, tone: "dead", text: () => t`Dead` },
  cancelled: { icon: Ban, tone: "quiet", text: () => t`Cancelled` },
  expired: { icon: TimerOff, tone: "quiet", text: () => t`Expired` },
};

export const OUTCOME_LOOK: Record<AttemptOutcome, Look> = {
  running: { icon: Play, tone: "processing", text: () => t`Running` },
  acked: { icon: CircleCheck, tone: "completed", text: () => t`Done` },
  failed: { icon: CircleX, tone: "dead", text: () => t`Failed` },
  crashed: { icon: Unplug, tone: "dead", text: () => t`Crashed: its lease ran out` },
  released: { icon: Undo2, tone: "quiet", text: () => t`Released at shutdown` },
  unrouted: { icon: RouteOff, tone: "warn", text: () => t`No handler for its type in this worker` },
  quarantined: { icon: OctagonX, tone: "dead", text: () => t`Quarantined` },
  cancelled: { icon: Ban, tone: "quiet", text: () => t`Cancelled` },
};

export const DEAD_REASON_TEXT: Record<DeadReason, () => string> = {
  retries_exhausted: () => t`Retries exhausted`,
  crashes_exhausted: () => t`Crashes exhausted`,
  releases_exhausted: () => t`Releases exhausted`,
  rate_limited_too_often: () => t`Rate-limited too often`,
  fatal: () => t`Fatal error`,
  no_handler: () => t`No handler`,
  undecodable: () => t`Undecodable`,
};

export function Badge({
  icon: Icon,
  tone,
  children,
}: {
  icon: LucideIcon;
  tone: string;
  children: ReactNode;
}) {
  return (
    <span className={`badge tone-${tone}`}>
      <Icon size={13} aria-hidden="true" />
      {children}
    </span>
  );
}

export function StateBadge({ state }: { state: TaskState }) {
  const look = STATE_LOOK[state];
  return (
    <Badge icon={look.icon} tone={look.tone}>
      {look.text()}
    </Badge>
  );
}

export function ReasonBadge({ reason }: { reason: DeadReason | null }) {
  return (
    <Badge icon={OctagonX} tone="dead">
      {reason === null ? t`Dead` : DEAD_REASON_TEXT[reason]()}
    </Badge>
  );
}
