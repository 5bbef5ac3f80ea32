import { Ban, CircleCheck, CirclePause, LoaderCircle, TriangleAlert } from "lucide-react";
import type { OperationState, OperationView } from "../../api/operations.ts";

const KIND_TEXT: Record<OperationView["kind"], string> = {
  replay: "Replay",
  discard: "Discard",
  restore: "Undo of a discard",
  change: "Change of waiting tasks",
  empty: "Empty",
  burst: "Burst",
};

const STATE_TEXT: Record<OperationState, string> = {
  running: "running",
  paused: "paused",
  succeeded: "done",
  failed: "failed",
  cancelled: "cancelled",
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

/** Whether an operation succeeded but changed nothing, because every task was gone or had changed. */
const isVain = ({ state, kind, result }: OperationView): boolean =>
  state === "succeeded" && (result[DONE[kind]] ?? 0) === 0;

export const stateText = (operation: OperationView): string =>
  isVain(operation) ? `nothing was ${DONE[operation.kind]}` : STATE_TEXT[operation.state];

export const toneOf = (operation: OperationView): string =>
  isVain(operation) ? "warn" : TONES[operation.state];

export const operationTitle = ({ kind, queue }: OperationView): string => `${KIND_TEXT[kind]} on ${queue}`;

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
