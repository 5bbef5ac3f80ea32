import type { ErrorsReply } from "@holdfast/contracts/api";
import { t } from "@lingui/core/macro";
import { Plural, Trans } from "@lingui/react/macro";
import type { UseQueryResult } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ErrorView } from "../../api/error-list.ts";
import { count } from "../../format/number.ts";
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

/** An error that occurs in two queues has two rows, so the queue is part of the key. */
const keyOf = ({ queue, signature }: Pick<ErrorView, "queue" | "signature">) => `${queue} ${signature ?? ""}`;

/** Shows errors with exact counts, and the number of dead letters that belong to no error. */
export function ErrorTable({ query, isFiltered, onClear }: ErrorTableProps) {
  const { data } = query;
  const selectable = (data?.errors ?? NONE).filter(isNamed);
  const selection = useSelection(selectable.map(keyOf));
  const actions = useErrorActions();
  if (data === undefined)
    return query.isError ? (
      <Failed error={query.error} onRetry={() => void query.refetch()} />
    ) : (
      <Loading what={t`errors`} />
    );
  const { errors, total, other } = data;
  const unsigned = other.filter(({ dead }) => dead > 0);
  return (
    <section className="panel" aria-label={t`Errors`}>
      {errors.length > 0 ? (
        <div className="grid-table errors" role="table" aria-label={t`Errors`}>
          <div role="rowgroup">
            <div className="grid-row grid-head" role="row">
              <SelectAllCell selection={selection} />
              <ColumnHeads
                columns={[t`Error`, t`Queue and type`, t`Dead`, t`Failures`, t`24 hours`, t`First`, t`Last`]}
                numbers={[t`Dead`, t`Failures`]}
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
        <NoneMatch what={t`errors`} onClear={onClear} />
      ) : (
        <NoneYet title={t`No errors`}>
          <p>{t`Failures with the same error share one row here.`}</p>
        </NoneYet>
      )}
      {errors.length < total ? (
        <p className="list-foot hint">
          <Trans>
            The first {count(errors.length)} of {count(total)} errors. Search for others.
          </Trans>
        </p>
      ) : null}
      {unsigned.map(({ queue, dead }) => (
        <p className="list-foot hint" key={queue}>
          <Trans>
            {queue} has{" "}
            <Link to="/queues/$queue/dead-letters" params={{ queue }} search={{ query: "signature==other" }}>
              <Plural value={dead} one="# more dead letter" other="# more dead letters" /> without an error
            </Link>
            : from an earlier version, or beyond the 500 errors of a queue.
          </Trans>
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

/** Shows the actions for the selected errors. */
function SelectedErrors({ errors, actions, onClear }: SelectedErrorsProps) {
  const { denied } = useSession();
  const why = errors.map(({ queue }) => denied("control", queue)).find((text) => text !== null) ?? null;
  const dead = deadOf(errors);
  return (
    <div className="list-foot" data-chosen="">
      <span role="status">
        <Trans>
          <strong>
            <Plural value={errors.length} one="# error" other="# errors" />
          </strong>{" "}
          selected, <Plural value={dead} one="# dead letter" other="# dead letters" /> {queuesOf(errors)}
        </Trans>
      </span>
      <div className="actions">
        <Button
          small
          look="primary"
          denied={why}
          isDisabled={dead === 0}
          onPress={() => actions.moveAll("replay", errors, onClear)}
        >
          {t`Replay selected`}
        </Button>
        <Button
          small
          denied={why}
          isDisabled={dead === 0}
          onPress={() => actions.moveAll("discard", errors, onClear)}
        >
          {t`Discard selected`}
        </Button>
        <Button small denied={why} onPress={() => actions.mute(errors, onClear)}>
          {t`Mute selected`}
        </Button>
        <Button small look="quiet" onPress={onClear}>
          {t`Clear selection`}
        </Button>
      </div>
    </div>
  );
}
