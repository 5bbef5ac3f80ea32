import { getRouteApi } from "@tanstack/react-router";
import { ListNeighbours } from "./list-neighbours.tsx";
import { TaskRun } from "./task-run.tsx";

const route = getRouteApi("/queues/$queue/tasks/$id");

export function TaskPage() {
  const { queue, id } = route.useParams();
  return (
    // What was unfolded or chosen for one task is not kept for the next one.
    <TaskRun key={`${queue} ${id}`} queue={queue} id={id} isPage>
      <ListNeighbours queue={queue} id={id} />
    </TaskRun>
  );
}
