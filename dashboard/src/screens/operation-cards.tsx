import { Ban, CircleCheck, LoaderCircle, TriangleAlert, X } from "lucide-react";
import { useState } from "react";
import { cancelOperation, type OperationView } from "../api/operations.ts";
import { count } from "../format/number.ts";
import { duration } from "../format/time.ts";
import { useLive, useNow } from "../live/live-context.tsx";
import { Button } from "../ui/button.tsx";
import { useToasts } from "../ui/toast.tsx";

const KIND_TEXT: Record<OperationView["kind"], string> = {
  replay: "Replay",
  discard: "Discard",
  restore: "Restore",
  empty: "Empty",
  burst: "Burst",
};

/** How long a finished operation stays on the screen by itself. */
const LINGER_MS = 10_000;

export function OperationCards() {
  const { figures } = useLive();
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const now = useNow();
  const shown = figures.operations.filter(
    (operation) =>
      !hidden.has(operation.id) &&
      (operation.state === "running" || (operation.endedAt !== null && now - operation.endedAt < LINGER_MS)),
  );
  return shown
    .slice(0, 3)
    .map((operation) => (
      <OperationCard
        key={operation.id}
        operation={operation}
        now={now}
        onHide={() => setHidden((ids) => new Set(ids).add(operation.id))}
      />
    ));
}

function OperationCard(props: { operation: OperationView; now: number; onHide(): void }) {
  const { operation, now, onHide } = props;
  const { trackOperation } = useLive();
  const { fail } = useToasts();
  const running = operation.state === "running";
  const cancel = () =>
    cancelOperation(operation.id).then(trackOperation, (error: unknown) =>
      fail("The operation could not be cancelled", error),
    );
  const share = operation.total === 0 ? 0 : Math.min(100, (operation.done / operation.total) * 100);
  const title = `${KIND_TEXT[operation.kind]} on ${operation.queue}`;
  return (
    <section className={`card tone-${TONES[operation.state]}`} aria-label={title}>
      <div className="card-head">
        <StateIcon state={operation.state} />
        <div>
          <strong>{title}</strong>
          <p className="small soft">
            {count(operation.done)} of {count(operation.total)} ·{" "}
            {running ? "running" : operation.state === "succeeded" ? "done" : operation.state} ·{" "}
            {duration((operation.endedAt ?? now) - operation.startedAt)}
          </p>
          {operation.error === null ? null : <p className="error-text">{operation.error}</p>}
        </div>
        {running ? (
          <Button small onPress={() => void cancel()}>
            Cancel
          </Button>
        ) : (
          <Button small look="quiet" aria-label="Dismiss" onPress={onHide}>
            <X size={14} aria-hidden="true" />
          </Button>
        )}
      </div>
      <div
        className="bar"
        role="progressbar"
        aria-label={title}
        aria-valuenow={Math.round(share)}
        aria-valuemin={0}
        aria-valuemax={100}
      >
        <div style={{ width: `${share}%` }} />
      </div>
    </section>
  );
}

const TONES = {
  running: "processing",
  paused: "quiet",
  succeeded: "completed",
  failed: "dead",
  cancelled: "quiet",
} as const;

function StateIcon({ state }: { state: OperationView["state"] }) {
  const common = { size: 17, color: "var(--tone)", "aria-hidden": true } as const;
  if (state === "running") return <LoaderCircle {...common} className="spin" />;
  if (state === "succeeded") return <CircleCheck {...common} />;
  if (state === "cancelled") return <Ban {...common} />;
  return <TriangleAlert {...common} />;
}
