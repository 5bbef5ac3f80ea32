import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { Link } from "@tanstack/react-router";
import { X } from "lucide-react";
import { useState } from "react";
import { isOpen, type OperationView } from "../api/operations.ts";
import { count } from "../format/number.ts";
import { duration } from "../format/time.ts";
import { useLive, useNow } from "../live/live-context.tsx";
import { OperationActions } from "../screens/operations/operation-actions.tsx";
import {
  OperationIcon,
  operationTitle,
  ProgressBar,
  stateText,
  toneOf,
} from "../screens/operations/operation-look.tsx";
import { Button } from "../ui/button.tsx";
import { ForeignText } from "../ui/foreign-text.tsx";

/** How long a finished operation stays on the screen, ms. */
const LINGER_MS = 10_000;
/** How long a finished operation that can be undone stays on the screen, ms. */
const UNDO_LINGER_MS = 45_000;

export function OperationCards() {
  const { figures } = useLive();
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const now = useNow();
  const lingers = (operation: OperationView) => {
    if (operation.endedAt === null) return false;
    const undoable = (operation.undoUntil ?? 0) > now && operation.undoneAt == null;
    return now - operation.endedAt < (undoable ? UNDO_LINGER_MS : LINGER_MS);
  };
  const shown = figures.operations.filter(
    (operation) => !hidden.has(operation.id) && (isOpen(operation) || lingers(operation)),
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

function OperationCard({
  operation,
  now,
  onHide,
}: {
  operation: OperationView;
  now: number;
  onHide(): void;
}) {
  const title = operationTitle(operation);
  return (
    <section className={`card tone-${toneOf(operation)}`} aria-label={title}>
      <div className="card-head">
        <OperationIcon operation={operation} />
        <div>
          <Link to="/operations" search={{ id: operation.id }}>
            {title}
          </Link>
          <p className="small soft">
            <Trans>
              {count(operation.done)} of {count(operation.total)} · {stateText(operation)} ·{" "}
              {duration((operation.endedAt ?? now) - operation.startedAt)}
            </Trans>
          </p>
          {operation.error === null ? null : (
            <p className="error-text">
              <ForeignText text={operation.error} />
            </p>
          )}
        </div>
        {isOpen(operation) ? null : (
          <Button small look="quiet" aria-label={t`Dismiss`} onPress={onHide}>
            <X size={14} aria-hidden="true" />
          </Button>
        )}
      </div>
      <ProgressBar operation={operation} />
      <OperationActions operation={operation} />
    </section>
  );
}
