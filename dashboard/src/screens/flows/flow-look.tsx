import type { FlowCounts, FlowMoment, FlowView, NodeState } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import {
  Ban,
  CircleCheck,
  CircleX,
  FolderOpen,
  LoaderCircle,
  type LucideIcon,
  Network,
  SkipForward,
} from "lucide-react";
import { count } from "../../format/number.ts";
import { Badge, STATE_LOOK } from "../../ui/status.tsx";

type Look = { icon: LucideIcon; tone: string; text: () => string };

export const NODE_LOOK: Record<NodeState, Look> = {
  ...STATE_LOOK,
  skipped: { icon: SkipForward, tone: "quiet", text: () => t`Skipped` },
};

const OUTCOME_LOOK: Record<NonNullable<FlowView["outcome"]>, Look> = {
  success: { icon: CircleCheck, tone: "completed", text: () => t`Succeeded` },
  failed: { icon: CircleX, tone: "dead", text: () => t`Failed` },
  cancelled: { icon: Ban, tone: "quiet", text: () => t`Cancelled` },
};

function lookOf({ state, outcome, cancelRequested }: FlowView): Look {
  if (outcome !== null) return OUTCOME_LOOK[outcome];
  if (cancelRequested) return { icon: LoaderCircle, tone: "warn", text: () => t`Being cancelled` };
  return state === "open"
    ? { icon: FolderOpen, tone: "scheduled", text: () => t`Open` }
    : { icon: Network, tone: "processing", text: () => t`Running` };
}

export function FlowBadge({ flow }: { flow: FlowView }) {
  const { icon, tone, text } = lookOf(flow);
  return (
    <Badge icon={icon} tone={tone}>
      {text()}
    </Badge>
  );
}

export function NodeBadge({ state }: { state: NodeState }) {
  const { icon, tone, text } = NODE_LOOK[state];
  return (
    <Badge icon={icon} tone={tone}>
      {text()}
    </Badge>
  );
}

export const MOMENT_TEXT: Record<FlowMoment, () => string> = {
  dead: () => t`at the first dead letter`,
  cancelled: () => t`when it has ended, if it was cancelled`,
  success: () => t`when it has succeeded`,
  done: () => t`when it has ended`,
};

const COUNTED = [
  ["active", (nodes: string) => t`${nodes} active`],
  ["waiting", (nodes: string) => t`${nodes} waiting`],
  ["dead", (nodes: string) => t`${nodes} dead`],
  ["cancelled", (nodes: string) => t`${nodes} cancelled`],
  ["expired", (nodes: string) => t`${nodes} expired`],
  ["skipped", (nodes: string) => t`${nodes} skipped`],
] as const;

/** Describes the nodes that have not completed: how many are in which state. */
export function openText(counts: FlowCounts): string {
  const parts = COUNTED.filter(([name]) => counts[name] > 0);
  return parts.map(([name, text]) => text(count(counts[name]))).join(", ");
}

/** Shows how many nodes have ended, as a bar with a part for completed nodes and parts for the others. */
export function FlowProgress({ flow }: { flow: FlowView }) {
  const { total, completed, dead, cancelled, expired, skipped } = flow.counts;
  const ended = completed + dead + cancelled + expired + skipped;
  const share = (part: number) => (total === 0 ? 0 : (part / total) * 100);
  return (
    <div
      className="bar bar-parts"
      role="progressbar"
      aria-label={t`Nodes of flow ${flow.id} that have ended`}
      aria-valuenow={Math.round(total === 0 && flow.state === "ended" ? 100 : share(ended))}
      aria-valuemin={0}
      aria-valuemax={100}
    >
      <div className="tone-completed" style={{ width: `${share(completed)}%` }} />
      <div className="tone-dead" style={{ width: `${share(dead)}%` }} />
      <div className="tone-quiet" style={{ width: `${share(cancelled + expired + skipped)}%` }} />
    </div>
  );
}
