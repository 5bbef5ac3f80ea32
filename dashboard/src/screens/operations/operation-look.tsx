import { t } from "@lingui/core/macro";
import { Ban, CircleCheck, CirclePause, LoaderCircle, TriangleAlert } from "lucide-react";
import type { OperationState, OperationView } from "../../api/operations.ts";

const TITLE: Record<OperationView["kind"], (queue: string) => string> = {
  replay: (queue) => t`Replay on ${queue}`,
  discard: (queue) => t`Discard on ${queue}`,
  restore: (queue) => t`Undo of a discard on ${queue}`,
  change: (queue) => t`Change of waiting tasks on ${queue}`,
  empty: (queue) => t`Empty on ${queue}`,
  burst: (queue) => t`Burst on ${queue}`,
};

const STATE_TEXT: Record<OperationState, () => string> = {
  running: () => t`running`,
  paused: () => t`paused`,
  succeeded: () => t`done`,
  failed: () => t`failed`,
  cancelled: () => t`cancelled`,
};

const TONES: Record<OperationState, string> = {
  running: "processing",
  paused: "warn",
  succeeded: "completed",
  failed: "dead",
  cancelled: "quiet",
};

/** The field in the result of an operation that counts its finished tasks. */
const DONE: Record<OperationView["kind"], string> = {
  replay: "replayed",
  discard: "discarded",
  restore: "restored",
  change: "changed",
  empty: "removed",
  burst: "enqueued",
};

/** Whether an operation succeeded without changing anything, because every task was gone or had changed. */
const isVain = ({ state, kind, result }: OperationView): boolean =>
  state === "succeeded" && (result[DONE[kind]] ?? 0) === 0;

const VAIN_TEXT: Record<OperationView["kind"], () => string> = {
  replay: () => t`nothing was replayed`,
  discard: () => t`nothing was discarded`,
  restore: () => t`nothing was restored`,
  change: () => t`nothing was changed`,
  empty: () => t`nothing was removed`,
  burst: () => t`nothing was enqueued`,
};

export const stateText = (operation: OperationView): string =>
  isVain(operation) ? VAIN_TEXT[operation.kind]() : STATE_TEXT[operation.state]();

export const toneOf = (operation: OperationView): string =>
  isVain(operation) ? "warn" : TONES[operation.state];

export const operationTitle = ({ kind, queue }: OperationView): string => TITLE[kind](queue);

export function OperationIcon({ operation }: { operation: OperationView }) {
  const common = { size: 17, color: "var(--tone)", "aria-hidden": true } as const;
  if (isVain(operation)) return <TriangleAlert {...common} />;
  switch (operation.state) {
    case "running":
      return <LoaderCircle {...common} className="spin" />;
    case "paused":
      return <CirclePause {...common} />;
    case "succeeded":
      return <CircleCheck {...common} />;
    case "cancelled":
      return <Ban {...common} />;
    case "failed":
      return <TriangleAlert {...common} />;
  }
}

export function ProgressBar({ operation }: { operation: OperationView }) {
  const { done, total } = operation;
  const share =
    total === 0 ? (operation.state === "succeeded" ? 100 : 0) : Math.min(100, (done / total) * 100);
  return (
    <div
      className="bar"
      role="progressbar"
      aria-label={operationTitle(operation)}
      aria-valuenow={Math.round(share)}
      aria-valuemin={0}
      aria-valuemax={100}
    >
      <div style={{ width: `${share}%` }} />
    </div>
  );
}
