import { getRouteApi } from "@tanstack/react-router";
import { ListNeighbours } from "./list-neighbours.tsx";
import { TaskRun } from "./task-run.tsx";

const route = getRouteApi("/queues/$queue/tasks/$id");

export function TaskPage() {
  const { queue, id } = route.useParams();
  return (
    // The key resets what was unfolded or chosen for the task before.
    <TaskRun key={`${queue} ${id}`} queue={queue} id={id} isPage>
      <ListNeighbours queue={queue} id={id} />
    </TaskRun>
  );
}
