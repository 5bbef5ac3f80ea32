import { t } from "@lingui/core/macro";
import { Plural, Trans } from "@lingui/react/macro";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useMemo } from "react";
import {
  isOpen,
  type OperationView,
  operationFailuresQuery,
  operationQuery,
  operationsQuery,
} from "../../api/operations.ts";
import { count } from "../../format/number.ts";
import { duration } from "../../format/time.ts";
import { useLive, useNow } from "../../live/live-context.tsx";
import { Button } from "../../ui/button.tsx";
import { Failed, Loading, NoneYet } from "../../ui/empty.tsx";
import { ForeignText } from "../../ui/foreign-text.tsx";
import { GridHead } from "../../ui/grid-head.tsx";
import { Time } from "../../ui/time.tsx";
import { OperationActions } from "./operation-actions.tsx";
import { OperationIcon, operationTitle, ProgressBar, stateText, toneOf } from "./operation-look.tsx";

const route = getRouteApi("/operations");

const CANARY_TEXT = {
  waiting: () => t`waiting`,
  running: () => t`running`,
  passed: () => t`passed`,
  stopped: () => t`stopped`,
} as const;

/** The counts in the result of an operation. */
const RESULT_TEXT: Record<string, () => string> = {
  replayed: () => t`Replayed`,
  discarded: () => t`Discarded`,
  restored: () => t`Restored`,
  changed: () => t`Changed`,
  removed: () => t`Removed`,
  enqueued: () => t`Enqueued`,
  skipped: () => t`Skipped`,
};

export function OperationsPage() {
  const { id } = route.useSearch();
  const { figures, paused } = useLive();
  const query = useInfiniteQuery({ ...operationsQuery(), refetchInterval: paused ? false : 5_000 });
  const operations = useMemo(() => {
    const live = new Map(figures.operations.map((operation) => [operation.id, operation]));
    const listed = (query.data?.pages ?? []).flatMap((page) => page.operations);
    const known = new Set(listed.map((operation) => operation.id));
    // The stream is newer than the list. So if an operation is in both, the one from the stream is shown.
    return [
      ...figures.operations.filter((operation) => !known.has(operation.id)),
      ...listed.map((operation) => live.get(operation.id) ?? operation),
    ].sort((a, b) => b.startedAt - a.startedAt);
  }, [figures.operations, query.data]);
  const running = operations.filter(isOpen).length;
  return (
    <>
      <div className="page-head">
        <h1>{t`Operations`}</h1>
        <p className="soft small">{running === 0 ? t`none running` : t`${count(running)} running`}</p>
      </div>
      <div className={id === undefined ? undefined : "columns columns-wide"}>
        <section className="panel" aria-label={t`Operations`}>
          {operations.length > 0 ? (
            <OperationTable operations={operations} chosen={id} />
          ) : query.isPending ? (
            <Loading what={t`operations`} />
          ) : query.isError ? (
            <Failed error={query.error} onRetry={() => void query.refetch()} />
          ) : (
            <NoneYet title={t`No operations yet`}>
              <p>
                <Trans>
                  A replay or discard of many tasks, or a burst, runs on the server and is shown here. Run the
                  burst on <Link to="/load">Load</Link>.
                </Trans>
              </p>
            </NoneYet>
          )}
          {query.hasNextPage ? (
            <div className="list-foot">
              <Button small isDisabled={query.isFetching} onPress={() => void query.fetchNextPage()}>
                {t`Load more`}
              </Button>
            </div>
          ) : null}
        </section>
        {id === undefined ? null : (
          <OperationDetail key={id} id={id} known={operations.find((one) => one.id === id)} />
        )}
      </div>
    </>
  );
}

function OperationTable({ operations, chosen }: { operations: OperationView[]; chosen: string | undefined }) {
  const now = useNow();
  return (
    <div className="grid-table operations" role="table" aria-label={t`Operations, newest first`}>
      <GridHead columns={[t`Operation`, t`State`, t`Progress`, t`Started`, t`By`]} />
      <div role="rowgroup" className="grid-body">
        {operations.map((operation) => (
          <div
            key={operation.id}
            className={`grid-row tone-${toneOf(operation)}`}
            role="row"
            data-selected={operation.id === chosen ? "" : undefined}
          >
            <div className="cell cell-wide" role="cell">
              <Link data-row-link="" to="/operations" search={{ id: operation.id }}>
                {operationTitle(operation)}
              </Link>
              {operation.reason == null ? null : (
                <div className="hint clip">
                  <ForeignText text={operation.reason} />
                </div>
              )}
            </div>
            <div className="cell cell-half state-cell" role="cell">
              <OperationIcon operation={operation} />
              {stateText(operation)}
              {operation.undoneAt == null ? "" : t`, undone`}
            </div>
            <div className="cell cell-half" role="cell">
              <div className="small">
                {count(operation.done)}{" "}
                <span className="soft">
                  <Trans>of {count(operation.total)}</Trans>
                </span>
                {(operation.failures ?? 0) > 0 ? (
                  <span className="error-text">
                    {" "}
                    · <Plural value={operation.failures ?? 0} one="# failure" other="# failures" />
                  </span>
                ) : null}
              </div>
              <ProgressBar operation={operation} />
            </div>
            <div className="cell cell-half" role="cell">
              <Time at={operation.startedAt} />
              <div className="hint">
                <Trans>took {duration((operation.endedAt ?? now) - operation.startedAt)}</Trans>
              </div>
            </div>
            <div className="cell cell-half clip" role="cell" title={operation.actor}>
              {operation.actor ?? <span className="zero">{t`unknown`}</span>}
            </div>
            <div className="cell cell-wide" role="cell">
              <OperationActions operation={operation} />
            </div>
          </div>
        ))}
      </div>
    </div>
  );
}

function OperationDetail({ id, known }: { id: string; known: OperationView | undefined }) {
  const query = useQuery({ ...operationQuery(id), enabled: known === undefined });
  const operation = known ?? query.data;
  const now = useNow();
  if (operation === undefined) {
    return (
      <section className="panel">
        {query.isError ? <Failed error={query.error} /> : <Loading what={t`the operation`} />}
      </section>
    );
  }
  const { canary } = operation;
  const seconds = ((operation.endedAt ?? now) - operation.startedAt) / 1_000;
  return (
    <section className={`panel tone-${toneOf(operation)}`} aria-label={t`The operation`}>
      <div className="panel-head">
        <h2>{operationTitle(operation)}</h2>
        <Link className="button button-small button-quiet" to="/operations">
          {t`Close`}
        </Link>
      </div>
      <div className="panel-body form">
        <ProgressBar operation={operation} />
        <dl className="facts">
          <Fact name={t`State`}>
            {stateText(operation)}
            {operation.undoneAt == null ? null : (
              <Trans>
                , undone <Time at={operation.undoneAt} />
              </Trans>
            )}
          </Fact>
          <Fact name={t`Done`}>
            <Trans>
              {count(operation.done)} of {count(operation.total)}
            </Trans>
          </Fact>
          <Fact name={t`Pace`}>
            {seconds < 0.5 ? t`none yet` : t`${count(operation.done / seconds)} a second`}
          </Fact>
          <Fact name={t`Started`}>
            <Time at={operation.startedAt} />
          </Fact>
          {operation.endedAt === null ? null : (
            <Fact name={t`Ended`}>
              <Time at={operation.endedAt} />
            </Fact>
          )}
          {operation.actor === undefined ? null : (
            <Fact name={t`By`}>
              <ForeignText text={operation.actor} />
            </Fact>
          )}
          {operation.reason == null ? null : (
            <Fact name={t`Reason`}>
              <ForeignText text={operation.reason} />
            </Fact>
          )}
          {operation.to == null ? null : <Fact name={t`Into queue`}>{operation.to}</Fact>}
          {operation.ratePerSecond == null ? null : (
            <Fact name={t`At most`}>
              <Trans>{count(operation.ratePerSecond)} a second</Trans>
            </Fact>
          )}
          {canary == null ? null : (
            <Fact name={t`Canary`}>
              <Trans>
                <Plural value={canary.size} one="# task" other="# tasks" /> first:{" "}
                {CANARY_TEXT[canary.state]()}
                {canary.completed === undefined ? "" : t`, ${count(canary.completed)} completed`}
              </Trans>
              {canary.detail == null ? null : (
                <div className="error-text">
                  <ForeignText text={canary.detail} />
                </div>
              )}
            </Fact>
          )}
          {Object.entries(operation.result).map(([name, value]) => (
            <Fact key={name} name={RESULT_TEXT[name]?.() ?? name}>
              {count(value)}
            </Fact>
          ))}
        </dl>
        {operation.error === null ? null : (
          <p className="error-text" role="alert">
            <ForeignText text={operation.error} />
          </p>
        )}
        <OperationActions operation={operation} />
        {(operation.failures ?? 0) > 0 ? <Failures operation={operation} /> : null}
      </div>
    </section>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

/** Lists the error of each task that the operation could not change. */
function Failures({ operation }: { operation: OperationView }) {
  const query = useInfiniteQuery(operationFailuresQuery(operation.id));
  const rows = (query.data?.pages ?? []).flatMap((page) => page.failures);
  return (
    <section aria-label={t`Failures`}>
      <h3>
        <Plural value={operation.failures ?? 0} one="# failure" other="# failures" />
      </h3>
      {query.isError ? <Failed error={query.error} onRetry={() => void query.refetch()} /> : null}
      <ul className="failures">
        {rows.map((failure) => (
          <li key={failure.id}>
            <Link
              className="mono"
              to="/queues/$queue/tasks/$id"
              params={{ queue: operation.queue, id: failure.id }}
            >
              {failure.id}
            </Link>
            <span className="hint">
              <ForeignText text={failure.detail ?? failure.code} />
            </span>
          </li>
        ))}
      </ul>
      {query.hasNextPage ? (
        <Button small isDisabled={query.isFetching} onPress={() => void query.fetchNextPage()}>
          {t`More failures`}
        </Button>
      ) : null}
    </section>
  );
}
