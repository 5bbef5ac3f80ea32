import { plural, t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";
import { KnownSearch } from "../../shell/known-search.tsx";
import { useDeadLetterActions } from "../dead-letters/use-dead-letter-actions.tsx";
import { ListFoot } from "../tasks/list-foot.tsx";
import { TaskListScreen } from "./task-screen.tsx";
import { TaskTable } from "./task-table.tsx";
import { useColumns } from "./use-columns.ts";
import { useTaskScreen } from "./use-task-screen.ts";

const route = getRouteApi("/tasks");

export function AllTasksPage() {
  return (
    <>
      <div className="page-head">
        <h1>{t`All tasks`}</h1>
      </div>
      <KnownSearch>
        <AllTasks />
      </KnownSearch>
    </>
  );
}

function AllTasks() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const screen = useTaskScreen(
    { queue: null },
    search,
    (next, replace = false) => void navigate({ search: next, replace }),
  );
  const columns = useColumns("all", ["queue", "state", "type", "time", "detail"]);
  // The keyboard shortcuts of a row act on its task, so they need the actions for the queue of that task.
  const [queue, setQueue] = useState("");
  const actions = useDeadLetterActions(queue);
  return (
    <>
      <TaskListScreen
        screen={screen}
        label={t`Tasks of all queues`}
        noun={t`tasks`}
        columns={columns}
        none={t`No tasks`}
        noneHint={
          <Trans>
            <Link to="/load">Inject a task</Link> to see one.
          </Trans>
        }
      >
        <TaskTable
          label={t`Tasks of all queues`}
          className="tasks"
          list={screen.list}
          rows={screen.rows}
          columns={columns.chosen}
          selection={null}
          sort={screen.sort}
          onSort={screen.setSort}
          shown={screen.shown}
          onShow={screen.setShown}
          onCursor={(task) => setQueue(task.queue)}
          actionsFor={(task) => (task.queue === queue ? actions : null)}
          cardHeight={84}
        />
        <ListFoot
          list={screen.list}
          filtered={screen.filtered}
          noun={(number) => plural(number, { one: "# task", other: "# tasks" })}
          selection={screen.selection}
          matching={null}
          allowEverything={false}
          actions={null}
        />
      </TaskListScreen>
      {actions.dialog}
    </>
  );
}
