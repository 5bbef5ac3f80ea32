import type { QueueStats, TaskState, TaskView } from "@holdfast/contracts";
import { TASK_STATES } from "@holdfast/contracts";
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { RefreshCw } from "lucide-react";
import { tasksQuery } from "../../api/tasks.ts";
import { count, plural } from "../../format/number.ts";
import { useLive } from "../../live/live-context.tsx";
import { Button } from "../../ui/button.tsx";
import { Failed, Loading, NoneMatch, NoneYet } from "../../ui/empty.tsx";
import { FilterBar } from "../../ui/filter-bar.tsx";
import { STATE_LOOK } from "../../ui/status.tsx";
import { Time } from "../../ui/time.tsx";
import { useNarrow } from "../../ui/use-narrow.ts";
import { usePaged } from "../../ui/use-paged.ts";
import { VirtualList } from "../../ui/virtual-list.tsx";

const route = getRouteApi("/queues/$queue/tasks");

export function TasksTab() {
  const { queue } = route.useParams();
  const { state = "pending", type = "", q = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const { figures } = useLive();
  const stats = figures.queues?.find((candidate) => candidate.queue === queue);
  const query = useInfiniteQuery(tasksQuery(queue, { state, type, q }));
  const { rows, scanned, more } = usePaged(query);
  const narrow = useNarrow();
  const filtered = type !== "" || q !== "";
  const show = (next: { state?: TaskState; type?: string; q?: string }) =>
    void navigate({
      search: {
        ...(next.state === undefined || next.state === "pending" ? {} : { state: next.state }),
        ...(next.type === undefined || next.type === "" ? {} : { type: next.type }),
        ...(next.q === undefined || next.q === "" ? {} : { q: next.q }),
      },
    });

  return (
    <>
      <div className="filters" style={{ justifyContent: "space-between" }}>
        <FilterBar type={type} q={q} onApply={(filter) => show({ state, ...filter })}>
          <select
            className="input"
            aria-label="State"
            value={state}
            onChange={(event) => show({ state: event.target.value as TaskState, type, q })}
          >
            {TASK_STATES.map((value) => (
              <option key={value} value={value}>
                {STATE_LOOK[value].text}
                {stats === undefined ? "" : ` (${count(stats[value as keyof QueueStats] as number)})`}
              </option>
            ))}
          </select>
        </FilterBar>
        <Button onPress={() => void query.refetch()} isDisabled={query.isFetching}>
          <RefreshCw size={14} aria-hidden="true" className={query.isFetching ? "spin" : undefined} />
          Refresh
        </Button>
      </div>
      <section className="panel">
        {query.isPending ? (
          <Loading what="tasks" />
        ) : query.isError && rows.length === 0 ? (
          <Failed error={query.error} onRetry={() => void query.refetch()} />
        ) : rows.length === 0 ? (
          filtered ? (
            <NoneMatch what="tasks" scanned={scanned} onClear={() => show({ state })} />
          ) : (
            <NoneYet title={`No ${state} tasks`}>
              <p>
                Other states of this queue may hold some;{" "}
                <Link to="/load" search={{ queue }}>
                  inject a task
                </Link>{" "}
                to see one.
              </p>
            </NoneYet>
          )
        ) : (
          <>
            <VirtualList
              label={`${STATE_LOOK[state].text} tasks`}
              className="tasks"
              head={["Task", "Type", "Attempts", timeColumn(state), lastColumn(state)].map((text) => (
                <div key={text} role="columnheader" className="cell">
                  {text}
                </div>
              ))}
              rows={rows}
              rowHeight={narrow ? 60 : 40}
              rowKey={(task) => task.id}
              row={(task) => <TaskCells task={task} queue={queue} state={state} />}
              onEnd={more}
            />
            <div className="list-foot">
              <span>
                {plural(rows.length, "task")} loaded
                {filtered ? `, ${count(scanned)} looked at` : ""}
              </span>
              {query.hasNextPage ? (
                <Button small isDisabled={query.isFetching} onPress={more}>
                  {query.isFetchingNextPage ? "Loading…" : "Load more"}
                </Button>
              ) : (
                <span>All shown</span>
              )}
            </div>
          </>
        )}
      </section>
    </>
  );
}

const timeColumn = (state: TaskState): string => {
  if (state === "scheduled") return "Due";
  if (state === "processing") return "Lease ends";
  return state === "pending" ? "Enqueued" : "Ended";
};

const lastColumn = (state: TaskState): string => {
  if (state === "completed") return "Result";
  if (state === "processing") return "Worker";
  return state === "pending" ? "Payload" : "Last error";
};

function TaskCells({ task, queue, state }: { task: TaskView; queue: string; state: TaskState }) {
  const at =
    state === "scheduled"
      ? task.runAt
      : state === "processing"
        ? task.leaseExpiresAt
        : state === "pending"
          ? task.enqueuedAt
          : task.endedAt;
  const last =
    state === "completed"
      ? task.resultText
      : state === "processing"
        ? task.workerId
        : state === "pending"
          ? task.payloadText
          : task.lastError;
  return (
    <>
      <div className="cell cell-half clip" role="cell">
        <Link className="mono" to="/queues/$queue/tasks/$id" params={{ queue, id: task.id }}>
          {task.id}
        </Link>
      </div>
      <div className="cell cell-half clip" role="cell">
        {task.type}
        {task.priority === "normal" ? null : <span className="hint"> {task.priority}</span>}
      </div>
      <div className="cell cell-hide" role="cell">
        {count(task.attempts)}
      </div>
      <div className="cell cell-half clip" role="cell">
        {at === null ? <span className="zero">none</span> : <Time at={at} />}
      </div>
      <div className="cell cell-half clip mono soft" role="cell" title={(last ?? "").slice(0, 500)}>
        {(last ?? "").slice(0, 300)}
      </div>
    </>
  );
}
