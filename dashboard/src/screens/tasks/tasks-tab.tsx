import { LISTED_STATES, type TaskState, type TaskView } from "@holdfast/contracts";
import { plural, t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Download } from "lucide-react";
import { useCallback, useState } from "react";
import { toApiError } from "../../api/errors.ts";
import { queueKey } from "../../api/queues.ts";
import { cancelTask, tasksExportUrl } from "../../api/tasks.ts";
import { count } from "../../format/number.ts";
import { useSession } from "../../session/session-context.tsx";
import { KnownSearch } from "../../shell/known-search.tsx";
import { Button } from "../../ui/button.tsx";
import { ConfirmDialog } from "../../ui/confirm-dialog.tsx";
import { Failed, Loading, NoneMatch, NoneYet } from "../../ui/empty.tsx";
import { FilterBar } from "../../ui/filter-bar.tsx";
import { STATE_LOOK } from "../../ui/status.tsx";
import { useToasts } from "../../ui/toast.tsx";
import { type RowCells, VirtualList } from "../../ui/virtual-list.tsx";
import { confirmationPhrase } from "../confirmation.ts";
import { ListFoot, ListNews } from "./list-foot.tsx";
import { RunAllNow } from "./run-all-now.tsx";
import { SelectAllCell, SelectCell } from "./select-cell.tsx";
import { lastColumn, TaskCells, timeColumn } from "./task-cells.tsx";
import { isFiltered, useTaskFilter } from "./task-filter.ts";
import { useSelection } from "./use-selection.ts";
import { useFollow, useTaskList } from "./use-task-list.ts";

const route = getRouteApi("/queues/$queue/tasks");

/** States whose tasks can still be cancelled. */
const CANCELLABLE: ReadonlySet<TaskState> = new Set(["pending", "scheduled", "processing"]);

/** The name of the list of each state, and the text if the list is empty. */
const TASKS_TEXT: Record<TaskState, () => string> = {
  waiting: () => t`Waiting tasks`,
  scheduled: () => t`Scheduled tasks`,
  pending: () => t`Pending tasks`,
  processing: () => t`Processing tasks`,
  completed: () => t`Completed tasks`,
  dead: () => t`Dead tasks`,
  cancelled: () => t`Cancelled tasks`,
  expired: () => t`Expired tasks`,
};
const NO_TASKS_TEXT: Record<TaskState, () => string> = {
  waiting: () => t`No waiting tasks`,
  scheduled: () => t`No scheduled tasks`,
  pending: () => t`No pending tasks`,
  processing: () => t`No processing tasks`,
  completed: () => t`No completed tasks`,
  dead: () => t`No dead tasks`,
  cancelled: () => t`No cancelled tasks`,
  expired: () => t`No expired tasks`,
};

export function TasksTab() {
  return (
    <KnownSearch>
      <Tasks />
    </KnownSearch>
  );
}

function Tasks() {
  const { queue } = route.useParams();
  const { state = "pending", ...search } = route.useSearch();
  const navigate = route.useNavigate();
  const filter = useTaskFilter(state, search);
  const filtered = isFiltered(search);
  const list = useTaskList(queue, filter, filtered);
  const { rows, query, stats, scanned } = list;
  const selection = useSelection(rows.map(({ id }) => id));
  useFollow(list, !selection.any);
  const base = state === "pending" ? {} : { state };
  const clear = () => void navigate({ search: base });
  const { toggle } = selection;
  const Cells = useCallback<RowCells<TaskView>>(
    ({ value: task, index, selected }) => (
      <>
        <SelectCell id={task.id} index={index} selected={selected} toggle={toggle} />
        <TaskCells task={task} queue={queue} state={state} />
      </>
    ),
    [queue, state, toggle],
  );

  return (
    <>
      <nav className="states" aria-label={t`States`}>
        {LISTED_STATES.map((each) => {
          const look = STATE_LOOK[each];
          return (
            <Link
              key={each}
              to="/queues/$queue/tasks"
              params={{ queue }}
              search={each === "pending" ? search : { ...search, state: each }}
              className={`state-tab tone-${look.tone}`}
              activeOptions={{ exact: true }}
              onClick={selection.clear}
            >
              <look.icon size={14} aria-hidden="true" />
              {look.text()}
              <span className="nav-count">{stats === undefined ? "" : count(stats[each])}</span>
            </Link>
          );
        })}
      </nav>
      <FilterBar
        value={search}
        filtered={filtered}
        onApply={(next) => {
          selection.clear();
          void navigate({ search: { ...base, ...next } });
        }}
        onClear={clear}
      />
      <section className="panel" aria-label={TASKS_TEXT[state]()}>
        <div className="list-head">
          <ListNews list={list} />
          {state === "scheduled" ? (
            <RunAllNow queue={queue} filter={filter} filtered={filtered} scheduled={stats?.scheduled ?? 0} />
          ) : null}
          <a className="button button-small" href={tasksExportUrl(queue, filter)} download>
            <Download size={13} aria-hidden="true" />
            {t`Export NDJSON`}
          </a>
        </div>
        {query.isPending || (rows.length === 0 && list.searching) ? (
          <Searching list={list} />
        ) : query.isError && rows.length === 0 ? (
          <Failed error={query.error} onRetry={() => void query.refetch()} />
        ) : rows.length === 0 ? (
          filtered ? (
            <NoneMatch what={t`tasks`} scanned={scanned} onClear={clear} />
          ) : (
            <NoneYet title={NO_TASKS_TEXT[state]()}>
              <p>
                <Trans>
                  Other states of this queue may hold some;{" "}
                  <Link to="/load" search={{ queue }}>
                    inject a task
                  </Link>{" "}
                  to see one.
                </Trans>
              </p>
            </NoneYet>
          )
        ) : (
          <>
            <VirtualList
              label={TASKS_TEXT[state]()}
              className="tasks"
              head={
                <>
                  <SelectAllCell selection={selection} />
                  {[t`Task`, t`Type`, t`Attempts`, timeColumn(state), lastColumn(state)].map((text) => (
                    <div key={text} role="columnheader" className="cell">
                      {text}
                    </div>
                  ))}
                </>
              }
              rows={rows}
              cardHeight={84}
              rowKey={(task) => task.id}
              Cells={Cells}
              onEnd={list.more}
              onToggle={(_, index) => toggle(index, false)}
              onAtTop={list.setAtTop}
              isSelected={(task) => selection.has(task.id)}
            />
            <ListFoot
              list={list}
              filtered={filtered}
              noun={(number) => plural(number, { one: "# task", other: "# tasks" })}
              selection={selection}
              matching={null}
              allowEverything={false}
              actions={
                CANCELLABLE.has(state) ? (
                  <CancelChosen queue={queue} ids={selection.ids} onDone={selection.clear} />
                ) : null
              }
            />
          </>
        )}
      </section>
    </>
  );
}

/** Shows the progress of a search that has found nothing yet, and a button that stops the search. */
export function Searching({ list }: { list: ReturnType<typeof useTaskList> }) {
  if (!list.searching) return <Loading what={t`tasks`} />;
  return (
    <div className="empty" role="status">
      <p>
        <Trans>
          Searching: scanned {count(list.scanned)} of {count(Math.max(list.total, list.scanned))}
        </Trans>
      </p>
      <Button onPress={list.stop}>{t`Stop`}</Button>
    </div>
  );
}

function CancelChosen({ queue, ids, onDone }: { queue: string; ids: string[]; onDone(): void }) {
  const client = useQueryClient();
  const { say, warn } = useToasts();
  const { denied } = useSession();
  const [asking, setAsking] = useState(false);
  const refresh = () => client.invalidateQueries({ queryKey: queueKey(queue) });
  const cancelAll = async () => {
    const sum = { cancelled: 0, requested: 0, late: 0 };
    for (const id of ids) {
      try {
        const { outcome } = await cancelTask(queue, id);
        sum[outcome] += 1;
      } catch (error) {
        // The task has ended or was removed meanwhile, which is not an error. The dialog shows all other errors.
        const { code } = toApiError(error);
        if (code !== "too_late" && code !== "task_not_found") {
          await refresh();
          throw error;
        }
        sum.late += 1;
      }
    }
    if (sum.cancelled + sum.requested === 0) {
      warn(
        t`Nothing was cancelled`,
        plural(sum.late, { one: "# task had ended before.", other: "# tasks had ended before." }),
      );
    } else {
      say(
        plural(sum.cancelled + sum.requested, { one: "# task cancelled", other: "# tasks cancelled" }),
        sum.requested + sum.late === 0
          ? undefined
          : t`${count(sum.requested)} still run and were asked to stop, ${count(sum.late)} had ended.`,
      );
    }
    onDone();
    await refresh();
  };
  return (
    <>
      <Button small look="danger" denied={denied("enqueue", queue)} onPress={() => setAsking(true)}>
        {t`Cancel selected`}
      </Button>
      {asking ? (
        <ConfirmDialog
          title={plural(ids.length, { one: "Cancel # task", other: "Cancel # tasks" })}
          action={t`Cancel tasks`}
          danger
          phrase={confirmationPhrase("cancel", ids.length)}
          onConfirm={cancelAll}
          onClose={() => setAsking(false)}
        >
          <Trans>
            Waiting tasks end at once; running tasks are asked to stop, and end with their attempt.
          </Trans>
        </ConfirmDialog>
      ) : null}
    </>
  );
}
