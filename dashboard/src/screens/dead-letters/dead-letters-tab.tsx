import { DEAD_REASONS } from "@holdfast/contracts";
import { plural, t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Download } from "lucide-react";
import { countDeadLetters, type DeadLetterFilter } from "../../api/dead-letters.ts";
import { errorsQuery } from "../../api/error-list.ts";
import { queueKey } from "../../api/queues.ts";
import { tasksExportUrl } from "../../api/tasks.ts";
import { useLive } from "../../live/live-context.tsx";
import type { DeadLettersSearch } from "../../search.ts";
import { useSession } from "../../session/session-context.tsx";
import { KnownSearch } from "../../shell/known-search.tsx";
import { Button } from "../../ui/button.tsx";
import { Failed, NoneMatch, NoneYet } from "../../ui/empty.tsx";
import { FilterBar } from "../../ui/filter-bar.tsx";
import { ForeignText } from "../../ui/foreign-text.tsx";
import { Segments } from "../../ui/segments.tsx";
import { DEAD_REASON_TEXT } from "../../ui/status.tsx";
import { ErrorTable } from "../errors/error-table.tsx";
import { ListFoot, ListNews } from "../tasks/list-foot.tsx";
import { isFiltered, useTaskFilter } from "../tasks/task-filter.ts";
import { Searching } from "../tasks/tasks-tab.tsx";
import { useSelection } from "../tasks/use-selection.ts";
import { useFollow, useTaskList } from "../tasks/use-task-list.ts";
import { DeadLetterList } from "./dead-letter-list.tsx";
import { type DeadLetterActions, useDeadLetterActions } from "./use-dead-letter-actions.tsx";

const route = getRouteApi("/queues/$queue/dead-letters");

export function DeadLettersTab() {
  return (
    <KnownSearch>
      <DeadLetters />
    </KnownSearch>
  );
}

function DeadLetters() {
  const { queue } = route.useParams();
  const { view = "list" } = route.useSearch();
  const navigate = route.useNavigate();
  const actions = useDeadLetterActions(queue);
  return (
    <>
      <div className="filters filters-head">
        <Segments
          label={t`View`}
          value={view}
          onChange={(next) => void navigate({ search: next === "list" ? {} : { view: next } })}
          options={[
            { value: "list", text: t`One by one` },
            { value: "groups", text: t`By error` },
          ]}
        />
        {view === "groups" ? <AllActions queue={queue} actions={actions} /> : null}
      </div>
      {view === "groups" ? <ByError queue={queue} /> : <ListView queue={queue} actions={actions} />}
      {actions.dialog}
    </>
  );
}

/** The errors of the dead letters of this queue: the screen Errors shows them for all queues. */
function ByError({ queue }: { queue: string }) {
  const { paused } = useLive();
  const query = useQuery({
    ...errorsQuery(queue, { kind: "dead", sort: "dead" }),
    refetchInterval: paused ? false : 5_000,
  });
  return <ErrorTable query={query} isFiltered={false} onClear={() => {}} />;
}

function AllActions({
  queue,
  actions,
  empty = false,
}: {
  queue: string;
  actions: DeadLetterActions;
  empty?: boolean;
}) {
  const { denied } = useSession();
  const why = denied("control", queue);
  return (
    <div className="actions">
      <Button
        look="primary"
        denied={why}
        isDisabled={empty}
        onPress={() => actions.replay({ all: true }, "all")}
      >
        {t`Replay all`}
      </Button>
      <Button
        look="danger"
        denied={why}
        isDisabled={empty}
        onPress={() => actions.discard({ all: true }, "all")}
      >
        {t`Discard all`}
      </Button>
    </div>
  );
}

function ListView({ queue, actions }: { queue: string; actions: DeadLetterActions }) {
  const { view: _view, reason, signature, ...search } = route.useSearch();
  const navigate = route.useNavigate();
  const { denied, session } = useSession();
  const base = useTaskFilter("dead", search);
  const filter = { ...base, reason, signature };
  const filtered = isFiltered(search) || reason !== undefined || signature !== undefined;
  const list = useTaskList(queue, filter, filtered);
  const { rows, query, scanned } = list;
  const selection = useSelection(rows.map(({ id }) => id));
  useFollow(list, !selection.any);
  const target: DeadLetterFilter = {
    type: base.type,
    tag: base.tag,
    error: base.error,
    q: base.q,
    from: base.from,
    reason,
    signature,
  };
  const matching = useMatching(queue, target, filtered, list.total, list.query.dataUpdatedAt);
  const why = denied("control", queue);
  const show = (next: DeadLettersSearch) => {
    selection.clear();
    void navigate({ search: next });
  };
  const everything = filtered ? { filter: target } : ({ all: true } as const);
  const chosen = selection.everything ? everything : { ids: selection.ids };
  const some = selection.everything ? t`those that match` : t`the selected`;

  return (
    <>
      <FilterBar
        value={search}
        filtered={filtered}
        onApply={(next) => show({ ...next, ...(reason && { reason }), ...(signature && { signature }) })}
        onClear={() => show({})}
      >
        <select
          className="input"
          aria-label={t`Reason`}
          value={reason ?? ""}
          onChange={(event) => {
            const next = DEAD_REASONS.find((each) => each === event.target.value);
            show({ ...search, ...(next && { reason: next }), ...(signature && { signature }) });
          }}
        >
          <option value="">{t`Any reason`}</option>
          {DEAD_REASONS.map((each) => (
            <option key={each} value={each}>
              {DEAD_REASON_TEXT[each]()}
            </option>
          ))}
        </select>
      </FilterBar>
      {signature === undefined ? null : (
        <p className="chip-row">
          <span className="hint">{t`Error`}</span>{" "}
          <code className="clip">
            <ErrorTitle queue={queue} signature={signature} />
          </code>
          <Button small look="quiet" onPress={() => show({ ...search, ...(reason && { reason }) })}>
            {t`All errors`}
          </Button>
        </p>
      )}
      <section className="panel" aria-label={t`Dead letters`}>
        <div className="list-head">
          <ListNews list={list} />
          <a className="button button-small" href={tasksExportUrl(queue, filter)} download>
            <Download size={13} aria-hidden="true" />
            {t`Export NDJSON`}
          </a>
          <div className="list-head-end">
            {filtered ? (
              <Button
                small
                look="primary"
                denied={why}
                isDisabled={rows.length === 0}
                onPress={() => actions.replay(everything, t`those that match`)}
              >
                {t`Replay all that match`}
              </Button>
            ) : (
              <AllActions queue={queue} actions={actions} empty={list.total === 0} />
            )}
          </div>
        </div>
        {query.isPending || (rows.length === 0 && list.searching) ? (
          <Searching list={list} />
        ) : query.isError && rows.length === 0 ? (
          <Failed error={query.error} onRetry={() => void query.refetch()} />
        ) : rows.length === 0 ? (
          filtered ? (
            <NoneMatch what={t`dead letters`} scanned={scanned} onClear={() => show({})} />
          ) : (
            <NoneYet title={t`No dead letters`}>
              <p>
                {t`Tasks that run out of attempts end here.`}
                {session.demoLoad ? (
                  <>
                    {" "}
                    <Trans>
                      The burst on{" "}
                      <Link to="/load" search={{ queue }}>
                        Load
                      </Link>{" "}
                      makes some.
                    </Trans>
                  </>
                ) : null}
              </p>
            </NoneYet>
          )
        ) : (
          <>
            <DeadLetterList queue={queue} list={list} selection={selection} actions={actions} />
            <ListFoot
              list={list}
              filtered={filtered}
              noun={(number) => plural(number, { one: "# dead letter", other: "# dead letters" })}
              selection={selection}
              matching={matching}
              allowEverything
              actions={
                <>
                  <Button
                    small
                    look="primary"
                    denied={why}
                    onPress={() => actions.replay(chosen, some, selection.clear)}
                  >
                    {t`Replay selected`}
                  </Button>
                  <Button
                    small
                    look="danger"
                    denied={why}
                    onPress={() => actions.discard(chosen, some, selection.clear)}
                  >
                    {t`Discard selected`}
                  </Button>
                </>
              }
            />
          </>
        )}
      </section>
    </>
  );
}

function ErrorTitle({ queue, signature }: { queue: string; signature: string }) {
  const { data } = useQuery(errorsQuery(queue, { kind: "all" }));
  const known = data?.errors.find((error) => error.signature === signature);
  return <ForeignText text={known?.title ?? signature} />;
}

/**
 * Returns the number of matching dead letters, loaded or not. With a filter, the service counts them, because the page
 * has loaded only the first ones.
 */
function useMatching(
  queue: string,
  filter: DeadLetterFilter,
  filtered: boolean,
  total: number,
  asOf: number,
): number | null {
  const query = useQuery({
    queryKey: [...queueKey(queue), "matching", filter, asOf] as const,
    queryFn: ({ signal }) => countDeadLetters(queue, { filter }, signal),
    enabled: filtered && asOf > 0,
    retry: false,
  });
  return filtered ? (query.data ?? null) : total;
}
