import { getRouteApi } from "@tanstack/react-router";
import { ListNeighbours } from "./list-neighbours.tsx";
import { TaskRun } from "./task-run.tsx";

const route = getRouteApi("/queues/$queue/tasks/$id");

export function TaskPage() {
  const { queue, id } = route.useParams();
  return (
    // With a new key, React forgets what was unfolded or chosen for the previous task.
    <TaskRun key={`${queue} ${id}`} queue={queue} id={id} isPage>
      <ListNeighbours queue={queue} id={id} />
    </TaskRun>
  );
}
