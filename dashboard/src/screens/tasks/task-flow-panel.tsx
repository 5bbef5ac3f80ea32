import type { FlowGroup, TaskFlow, TaskView } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { toApiError } from "../../api/errors.ts";
import { flowGraphQuery } from "../../api/flows.ts";
import { useLive } from "../../live/live-context.tsx";
import { around } from "../flows/around.ts";
import { FlowGraphView } from "../flows/flow-graph.tsx";

/**
 * How often the graph is read again, ms. Reading the graph of a large flow takes the service long, and this panel is
 * only an overview.
 */
const REFRESH_MS = 10_000;

/** Shows the part of a flow's graph around a task: the nodes it waits for, and the nodes that wait for it. */
export function TaskFlowPanel({ task: { queue }, flow }: { task: TaskView; flow: TaskFlow }) {
  const { paused } = useLive();
  const { data, error } = useQuery({
    ...flowGraphQuery(queue, flow.id),
    refetchInterval: paused ? false : REFRESH_MS,
  });
  const groups: FlowGroup[] | null = data === undefined ? null : around(data.groups, flow.name);
  return (
    <section className="panel" aria-label={t`Flow`}>
      <div className="panel-head">
        <h2>
          {t`Flow`} <span className="hint">{t`what this task waits for, and what waits for it`}</span>
        </h2>
        <Link to="/queues/$queue/flows/$id" params={{ queue, id: flow.id }}>
          {t`The whole flow`}
        </Link>
      </div>
      {groups === null ? (
        <p className="panel-body soft small">
          {error === null ? t`Loading the flow…` : toApiError(error).detail}
        </p>
      ) : groups.length === 0 ? (
        <p className="panel-body soft small">
          <Trans>
            The graph does not show this task by itself: it is a callback, or folded into a group of many
            tasks.
          </Trans>
        </p>
      ) : (
        <FlowGraphView queue={queue} flow={flow.id} groups={groups} here={flow.name} />
      )}
    </section>
  );
}
