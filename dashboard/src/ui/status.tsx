import type { AttemptOutcome, DeadReason, TaskState } from "@holdfast/contracts";
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
  text: string;
}

/** Each state has a colour, an icon and a word. Some readers cannot tell the colours apart. */
export const STATE_LOOK: Record<TaskState, Look> = {
  waiting: { icon: Hourglass, tone: "quiet", text: "Waiting" },
  scheduled: { icon: CalendarClock, tone: "scheduled", text: "Scheduled" },
  pending: { icon: Clock3, tone: "pending", text: "Pending" },
  processing: { icon: Play, tone: "processing", text: "Processing" },
  completed: { icon: CircleCheck, tone: "completed", text: "Completed" },
  dead: { icon: OctagonX, tone: "dead", text: "Dead" },
  cancelled: { icon: Ban, tone: "quiet", text: "Cancelled" },
  expired: { icon: TimerOff, tone: "quiet", text: "Expired" },
};

export const OUTCOME_LOOK: Record<AttemptOutcome, Look> = {
  running: { icon: Play, tone: "processing", text: "Running" },
  acked: { icon: CircleCheck, tone: "completed", text: "Done" },
  failed: { icon: CircleX, tone: "dead", text: "Failed" },
  crashed: { icon: Unplug, tone: "dead", text: "Crashed: its lease ran out" },
  released: { icon: Undo2, tone: "quiet", text: "Released at shutdown" },
  unrouted: { icon: RouteOff, tone: "warn", text: "No handler for its type in this worker" },
  quarantined: { icon: OctagonX, tone: "dead", text: "Quarantined" },
  cancelled: { icon: Ban, tone: "quiet", text: "Cancelled" },
};

export const DEAD_REASON_TEXT: Record<DeadReason, string> = {
  retries_exhausted: "Retries exhausted",
  crashes_exhausted: "Crashes exhausted",
  releases_exhausted: "Releases exhausted",
  rate_limited_too_often: "Rate-limited too often",
  fatal: "Fatal error",
  no_handler: "No handler",
  undecodable: "Undecodable",
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
      {look.text}
    </Badge>
  );
}

export function ReasonBadge({ reason }: { reason: DeadReason | null }) {
  return (
    <Badge icon={OctagonX} tone="dead">
      {reason === null ? "Dead" : DEAD_REASON_TEXT[reason]}
    </Badge>
  );
}
