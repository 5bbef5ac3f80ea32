import type { QueueEvent, TaskEventType } from "@holdfast/contracts";
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
import { plural } from "../../format/number.ts";
import { DEAD_REASON_TEXT } from "../../ui/status.tsx";

export const EVENT_LOOK: Record<TaskEventType, { icon: LucideIcon; tone: string; text: string }> = {
  waiting: { icon: Hourglass, tone: "quiet", text: "Waiting" },
  enqueued: { icon: Clock3, tone: "pending", text: "Enqueued" },
  scheduled: { icon: CalendarClock, tone: "scheduled", text: "Scheduled" },
  replaced: { icon: Replace, tone: "quiet", text: "Replaced" },
  changed: { icon: PencilLine, tone: "quiet", text: "Changed" },
  promoted: { icon: CalendarCheck2, tone: "pending", text: "Promoted" },
  started: { icon: Play, tone: "processing", text: "Started" },
  completed: { icon: CircleCheck, tone: "completed", text: "Completed" },
  retried: { icon: CircleX, tone: "warn", text: "Retried" },
  released: { icon: Undo2, tone: "quiet", text: "Released" },
  reaped: { icon: Unplug, tone: "warn", text: "Reaped" },
  dead: { icon: OctagonX, tone: "dead", text: "Dead" },
  cancelled: { icon: Ban, tone: "quiet", text: "Cancelled" },
  expired: { icon: TimerOff, tone: "quiet", text: "Expired" },
  replayed: { icon: RotateCcw, tone: "pending", text: "Replayed" },
  discarded: { icon: Archive, tone: "quiet", text: "Discarded" },
  restored: { icon: Undo2, tone: "dead", text: "Restored" },
  removed: { icon: Eraser, tone: "quiet", text: "Removed" },
  flow_ended: { icon: Flag, tone: "quiet", text: "Flow ended" },
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
  if (missed === null) return "Events are missing here; their number is not known";
  return `${plural(missed, "event")} ${missed === 1 ? "is" : "are"} missing here`;
}
