import type { AlertOutcome } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import { CircleCheck, CircleX, Hourglass, type LucideIcon, Trash2 } from "lucide-react";
import { Badge } from "../../ui/status.tsx";

const LOOK: Record<AlertOutcome, { icon: LucideIcon; tone: string; text: () => string }> = {
  waiting: { icon: Hourglass, tone: "warn", text: () => t`Waiting` },
  delivered: { icon: CircleCheck, tone: "completed", text: () => t`Delivered` },
  failed: { icon: CircleX, tone: "dead", text: () => t`Failed` },
  dropped: { icon: Trash2, tone: "dead", text: () => t`Dropped` },
};

export function OutcomeBadge({ outcome }: { outcome: AlertOutcome }) {
  const { icon, tone, text } = LOOK[outcome];
  return (
    <Badge icon={icon} tone={tone}>
      {text()}
    </Badge>
  );
}
