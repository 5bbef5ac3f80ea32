import { plural, t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Download } from "lucide-react";
import { useRef } from "react";
import { countDeadLetters } from "../../api/dead-letters.ts";
import { errorsQuery } from "../../api/error-list.ts";
import { queueKey } from "../../api/queues.ts";
import { tasksExportUrl } from "../../api/tasks.ts";
import { useLive } from "../../live/live-context.tsx";
import { useSession } from "../../session/session-context.tsx";
import { KnownSearch } from "../../shell/known-search.tsx";
import { Button, RowButton } from "../../ui/button.tsx";
import { ForeignText } from "../../ui/foreign-text.tsx";
import { Segments } from "../../ui/segments.tsx";
import { ErrorTable } from "../errors/error-table.tsx";
import { TaskListScreen } from "../search/task-screen.tsx";
import { TaskTable } from "../search/task-table.tsx";
import { useColumns } from "../search/use-columns.ts";
import { useTaskScreen } from "../search/use-task-screen.ts";
import { ListFoot } from "../tasks/list-foot.tsx";
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

/** Shows the errors of this queue's dead letters, like the screen Errors for all queues. */
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
  const { view: _, ...search } = route.useSearch();
  const navigate = route.useNavigate();
  const { denied, session } = useSession();
  const screen = useTaskScreen(
    { queue, state: "dead" },
    search,
    (next, replace = false) => void navigate({ search: next, replace }),
  );
  const columns = useColumns("dead", ["type", "reason", "attempts", "error", "time"]);
  const { query, filtered, list, selection } = screen;
  const matching = useMatching(queue, query, list.total, list.query.dataUpdatedAt);
  const why = denied("control", queue);
  const everything = filtered ? { query } : ({ all: true } as const);
  const chosen = selection.everything ? everything : { ids: screen.ids };
  const some = selection.everything ? t`those that match` : t`the selected`;
  const latest = useRef(actions);
  latest.current = actions;

  return (
    <>
      <ErrorOfQuery queue={queue} query={query} />
      <TaskListScreen
        screen={screen}
        label={t`Dead letters`}
        noun={t`dead letters`}
        columns={columns}
        tools={
          <>
            <a className="button button-small" href={tasksExportUrl(queue, "dead", query)} download>
              <Download size={13} aria-hidden="true" />
              {t`Export NDJSON`}
            </a>
            <div className="list-head-end">
              {filtered ? (
                <Button
                  small
                  look="primary"
                  denied={why}
                  isDisabled={list.rows.length === 0}
                  onPress={() => actions.replay(everything, t`those that match`)}
                >
                  {t`Replay all that match`}
                </Button>
              ) : (
                <AllActions queue={queue} actions={actions} empty={list.total === 0} />
              )}
            </div>
          </>
        }
        none={t`No dead letters`}
        noneHint={
          <>
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
          </>
        }
      >
        <TaskTable
          label={t`Dead letters`}
          className="dead-letters"
          list={list}
          rows={screen.rows}
          columns={columns.chosen}
          selection={selection}
          sort={screen.sort}
          onSort={screen.setSort}
          shown={screen.shown}
          onShow={screen.setShown}
          actionsFor={() => (why === null ? actions : null)}
          actions={{
            width: "9.25rem",
            cell: (task) => (
              <>
                <RowButton
                  denied={why}
                  describedBy={`task-${task.id}`}
                  onPress={() => latest.current.replayOne(task.id)}
                >
                  {t`Replay`}
                </RowButton>
                <RowButton
                  look="danger"
                  denied={why}
                  describedBy={`task-${task.id}`}
                  onPress={() => latest.current.discard({ ids: [task.id] }, task.id)}
                >
                  {t`Discard`}
                </RowButton>
              </>
            ),
          }}
          cardHeight={136}
        />
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
      </TaskListScreen>
    </>
  );
}

/** If the query selects one error by its signature, shows the text of that error. */
function ErrorOfQuery({ queue, query }: { queue: string; query: string }) {
  const signature = /(?:^| )signature==(\w+)/.exec(query)?.[1];
  const { data } = useQuery({ ...errorsQuery(queue, { kind: "all" }), enabled: signature !== undefined });
  const known = data?.errors.find((error) => error.signature === signature);
  if (known === undefined) return null;
  return (
    <p className="chip-row">
      <span className="hint">{t`Error`}</span>{" "}
      <code className="clip">
        <ForeignText text={known.title} />
      </code>
    </p>
  );
}

/**
 * Returns the number of matching dead letters, whether they are loaded or not. If there is a query, the service
 * counts them, because the page has loaded only the first ones.
 */
function useMatching(queue: string, query: string, total: number, asOf: number): number | null {
  const counted = useQuery({
    queryKey: [...queueKey(queue), "matching", query, asOf] as const,
    queryFn: ({ signal }) => countDeadLetters(queue, { query }, signal),
    enabled: query !== "" && asOf > 0,
    retry: false,
  });
  return query === "" ? total : (counted.data ?? null);
}
