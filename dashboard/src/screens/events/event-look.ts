import type { QueueEvent, TaskEventType } from "@holdfast/contracts";
import { plural, t } from "@lingui/core/macro";
import {
  Archive,
  Ban,
  CalendarCheck2,
  CalendarClock,
  CircleCheck,
  CircleX,
  Clock3,
  Eraser,
  Flag,
  Hourglass,
  type LucideIcon,
  OctagonX,
  PencilLine,
  Play,
  Replace,
  RotateCcw,
  TimerOff,
  Undo2,
  Unplug,
} from "lucide-react";
import { DEAD_REASON_TEXT } from "../../ui/status.tsx";

export const EVENT_LOOK: Record<TaskEventType, { icon: LucideIcon; tone: string; text: () => string }> = {
  waiting: { icon: Hourglass, tone: "quiet", text: () => t`Waiting` },
  enqueued: { icon: Clock3, tone: "pending", text: () => t`Enqueued` },
  scheduled: { icon: CalendarClock, tone: "scheduled", text: () => t`Scheduled` },
  replaced: { icon: Replace, tone: "quiet", text: () => t`Replaced` },
  changed: { icon: PencilLine, tone: "quiet", text: () => t`Changed` },
  promoted: { icon: CalendarCheck2, tone: "pending", text: () => t`Promoted` },
  started: { icon: Play, tone: "processing", text: () => t`Started` },
  completed: { icon: CircleCheck, tone: "completed", text: () => t`Completed` },
  retried: { icon: CircleX, tone: "warn", text: () => t`Retried` },
  released: { icon: Undo2, tone: "quiet", text: () => t`Released` },
  reaped: { icon: Unplug, tone: "warn", text: () => t`Reaped` },
  dead: { icon: OctagonX, tone: "dead", text: () => t`Dead` },
  cancelled: { icon: Ban, tone: "quiet", text: () => t`Cancelled` },
  expired: { icon: TimerOff, tone: "quiet", text: () => t`Expired` },
  replayed: { icon: RotateCcw, tone: "pending", text: () => t`Replayed` },
  discarded: { icon: Archive, tone: "quiet", text: () => t`Discarded` },
  restored: { icon: Undo2, tone: "dead", text: () => t`Restored` },
  removed: { icon: Eraser, tone: "quiet", text: () => t`Removed` },
  flow_ended: { icon: Flag, tone: "quiet", text: () => t`Flow ended` },
};

/** Returns what a row shows besides the task: the worker, the reason, the outcome of a flow, or the result. */
export function eventDetail(event: QueueEvent): string {
  if (event.type === "gap") return "";
  if (event.type === "dead") {
    const { reason = "" } = event;
    return (DEAD_REASON_TEXT as Record<string, () => string>)[reason]?.() ?? reason;
  }
  return event.workerId ?? event.outcome ?? event.resultText ?? "";
}

/** Describes a gap: how many events the reader did not get. */
export function gapText(missed: number | null): string {
  if (missed === null) return t`Events are missing here; their number is not known`;
  return plural(missed, { one: "# event is missing here", other: "# events are missing here" });
}
