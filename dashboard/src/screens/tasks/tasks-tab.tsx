import { LISTED_STATES, type TaskState } from "@holdfast/contracts";
import { plural, t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Download } from "lucide-react";
import { useState } from "react";
import { toApiError } from "../../api/errors.ts";
import { queueKey } from "../../api/queues.ts";
import { cancelTask, tasksExportUrl } from "../../api/tasks.ts";
import { count } from "../../format/number.ts";
import { useSession } from "../../session/session-context.tsx";
import { KnownSearch } from "../../shell/known-search.tsx";
import { Button } from "../../ui/button.tsx";
import { ConfirmDialog } from "../../ui/confirm-dialog.tsx";
import { STATE_LOOK } from "../../ui/status.tsx";
import { useToasts } from "../../ui/toast.tsx";
import { confirmationPhrase } from "../confirmation.ts";
import { useDeadLetterActions } from "../dead-letters/use-dead-letter-actions.tsx";
import { TaskListScreen } from "../search/task-screen.tsx";
import { TaskTable } from "../search/task-table.tsx";
import { useColumns } from "../search/use-columns.ts";
import { useTaskScreen } from "../search/use-task-screen.ts";
import { ListFoot } from "./list-foot.tsx";
import { RunAllNow } from "./run-all-now.tsx";

const route = getRouteApi("/queues/$queue/tasks");

/** States whose tasks can still be cancelled. */
const CANCELLABLE: ReadonlySet<TaskState> = new Set(["pending", "scheduled", "processing"]);

/** The name of the list for each state, and the text if the list is empty. */
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
  const base = state === "pending" ? {} : { state };
  const screen = useTaskScreen(
    { queue, state },
    search,
    (next, replace = false) => void navigate({ search: { ...base, ...next }, replace }),
  );
  const columns = useColumns("tasks", ["type", "attempts", "time", "detail"]);
  const actions = useDeadLetterActions(queue);
  const { list, selection } = screen;
  const { stats } = list;
  const { task: _, ...kept } = search;

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
              search={each === "pending" ? kept : { ...kept, state: each }}
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
      <TaskListScreen
        screen={screen}
        label={TASKS_TEXT[state]()}
        noun={t`tasks`}
        columns={columns}
        tools={
          <>
            {state === "scheduled" ? (
              <RunAllNow queue={queue} query={screen.query} scheduled={stats?.scheduled ?? 0} />
            ) : null}
            <a className="button button-small" href={tasksExportUrl(queue, state, screen.query)} download>
              <Download size={13} aria-hidden="true" />
              {t`Export NDJSON`}
            </a>
          </>
        }
        none={NO_TASKS_TEXT[state]()}
        noneHint={
          <Trans>
            Other states of this queue may hold some;{" "}
            <Link to="/load" search={{ queue }}>
              inject a task
            </Link>{" "}
            to see one.
          </Trans>
        }
      >
        <TaskTable
          label={TASKS_TEXT[state]()}
          className="tasks"
          list={list}
          rows={screen.rows}
          columns={columns.chosen}
          selection={selection}
          sort={screen.sort}
          onSort={screen.setSort}
          shown={screen.shown}
          onShow={screen.setShown}
          actionsFor={() => actions}
          cardHeight={84}
        />
        <ListFoot
          list={list}
          filtered={screen.filtered}
          noun={(number) => plural(number, { one: "# task", other: "# tasks" })}
          selection={selection}
          matching={null}
          allowEverything={false}
          actions={
            CANCELLABLE.has(state) ? (
              <CancelChosen queue={queue} ids={screen.ids} onDone={selection.clear} />
            ) : null
          }
        />
      </TaskListScreen>
      {actions.dialog}
    </>
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
        // If the task has ended or was removed in the meantime, the cancel is not an error. The dialog shows all
        // other errors.
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
        () => t`Nothing was cancelled`,
        () => plural(sum.late, { one: "# task had ended before.", other: "# tasks had ended before." }),
      );
    } else {
      say(
        () => plural(sum.cancelled + sum.requested, { one: "# task cancelled", other: "# tasks cancelled" }),
        () =>
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
