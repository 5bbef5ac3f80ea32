import type { AlertOutcome } from "@holdfast/contracts";
import { CircleCheck, CircleX, Hourglass, type LucideIcon, Trash2 } from "lucide-react";
import { Badge } from "../../ui/status.tsx";

const LOOK: Record<AlertOutcome, { icon: LucideIcon; tone: string; text: string }> = {
  waiting: { icon: Hourglass, tone: "warn", text: "Waiting" },
  delivered: { icon: CircleCheck, tone: "completed", text: "Delivered" },
  failed: { icon: CircleX, tone: "dead", text: "Failed" },
  dropped: { icon: Trash2, tone: "dead", text: "Dropped" },
};

export function OutcomeBadge({ outcome }: { outcome: AlertOutcome }) {
  const { icon, tone, text } = LOOK[outcome];
  return (
    <Badge icon={icon} tone={tone}>
      {text}
    </Badge>
  );
}
