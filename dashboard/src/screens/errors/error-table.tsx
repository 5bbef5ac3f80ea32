import type { ErrorsReply } from "@holdfast/contracts/api";
import type { UseQueryResult } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ErrorView } from "../../api/error-list.ts";
import { count, plural } from "../../format/number.ts";
import { useSession } from "../../session/session-context.tsx";
import { Button } from "../../ui/button.tsx";
import { Failed, Loading, NoneMatch, NoneYet } from "../../ui/empty.tsx";
import { ColumnHeads } from "../../ui/grid-head.tsx";
import { SelectAllCell } from "../tasks/select-cell.tsx";
import { useSelection } from "../tasks/use-selection.ts";
import { ErrorRow, isNamed } from "./error-row.tsx";
import { deadOf, type NamedError, queuesOf } from "./move-dialog.tsx";
import { type ErrorActions, useErrorActions } from "./use-error-actions.tsx";

const NONE: ErrorView[] = [];

interface ErrorTableProps {
  query: UseQueryResult<ErrorsReply>;
  isFiltered: boolean;
  onClear(): void;
}

/** An error is one row per queue. */
const keyOf = ({ queue, signature }: Pick<ErrorView, "queue" | "signature">) => `${queue} ${signature ?? ""}`;

/** Errors with exact counts, and what is counted under no error. */
export function ErrorTable({ query, isFiltered, onClear }: ErrorTableProps) {
  const { data } = query;
  const selectable = (data?.errors ?? NONE).filter(isNamed);
  const selection = useSelection(selectable.map(keyOf));
  const actions = useErrorActions();
  if (data === undefined)
    return query.isError ? (
      <Failed error={query.error} onRetry={() => void query.refetch()} />
    ) : (
      <Loading what="errors" />
    );
  const { errors, total, other } = data;
  const unsigned = other.filter(({ dead }) => dead > 0);
  return (
    <section className="panel" aria-label="Errors">
      {errors.length > 0 ? (
        <div className="grid-table errors" role="table" aria-label="Errors">
          <div role="rowgroup">
            <div className="grid-row grid-head" role="row">
              <SelectAllCell selection={selection} />
              <ColumnHeads
                columns={["Error", "Queue and type", "Dead", "Failures", "24 hours", "First", "Last"]}
                numbers={["Dead", "Failures"]}
              />
            </div>
          </div>
          <div role="rowgroup" className="grid-body">
            {errors.map((error, at) => (
              <ErrorRow
                key={`${keyOf(error)} ${error.signature === null ? at : ""}`}
                error={error}
                index={isNamed(error) ? selectable.indexOf(error) : -1}
                selected={selection.has(keyOf(error))}
                toggle={selection.toggle}
                actions={actions}
              />
            ))}
          </div>
        </div>
      ) : isFiltered ? (
        <NoneMatch what="errors" onClear={onClear} />
      ) : (
        <NoneYet title="No errors">
          <p>Failures with the same error share one row here.</p>
        </NoneYet>
      )}
      {errors.length < total ? (
        <p className="list-foot hint">
          The first {count(errors.length)} of {count(total)} errors. Search for others.
        </p>
      ) : null}
      {unsigned.map(({ queue, dead }) => (
        <p className="list-foot hint" key={queue}>
          {queue} has{" "}
          <Link to="/queues/$queue/dead-letters" params={{ queue }} search={{ signature: "other" }}>
            {plural(dead, "more dead letter")} without an error
          </Link>
          : from an earlier version, or beyond the 500 errors of a queue.
        </p>
      ))}
      {selection.any ? (
        <SelectedErrors
          errors={selectable.filter((error) => selection.has(keyOf(error)))}
          actions={actions}
          onClear={selection.clear}
        />
      ) : null}
      {actions.dialog}
    </section>
  );
}

interface SelectedErrorsProps {
  errors: readonly NamedError[];
  actions: ErrorActions;
  onClear(): void;
}

/** What can be done with the selected errors. */
function SelectedErrors({ errors, actions, onClear }: SelectedErrorsProps) {
  const { denied } = useSession();
  const why = errors.map(({ queue }) => denied("control", queue)).find((text) => text !== null) ?? null;
  const dead = deadOf(errors);
  return (
    <div className="list-foot" data-chosen="">
      <span role="status">
        <strong>{plural(errors.length, "error")}</strong> selected, {plural(dead, "dead letter")}{" "}
        {queuesOf(errors)}
      </span>
      <div className="actions">
        <Button
          small
          look="primary"
          denied={why}
          isDisabled={dead === 0}
          onPress={() => actions.moveAll("replay", errors, onClear)}
        >
          Replay selected
        </Button>
        <Button
          small
          denied={why}
          isDisabled={dead === 0}
          onPress={() => actions.moveAll("discard", errors, onClear)}
        >
          Discard selected
        </Button>
        <Button small denied={why} onPress={() => actions.mute(errors, onClear)}>
          Mute selected
        </Button>
        <Button small look="quiet" onPress={onClear}>
          Clear selection
        </Button>
      </div>
    </div>
  );
}
