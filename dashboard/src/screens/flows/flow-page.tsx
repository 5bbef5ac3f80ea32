import type { FlowGroup, FlowStep, FlowView } from "@holdfast/contracts";
import { plural, t } from "@lingui/core/macro";
import { Plural, Trans } from "@lingui/react/macro";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Ghost } from "lucide-react";
import { toApiError } from "../../api/errors.ts";
import { flowGraphQuery, type TimedGraph } from "../../api/flows.ts";
import { count } from "../../format/number.ts";
import { duration } from "../../format/time.ts";
import { useLive, useNow } from "../../live/live-context.tsx";
import { Banner } from "../../ui/banner.tsx";
import { Failed, Loading } from "../../ui/empty.tsx";
import { FactList } from "../../ui/fact-list.tsx";
import { Time } from "../../ui/time.tsx";
import { Tile, Tiles } from "../tiles.tsx";
import { FlowActions } from "./flow-actions.tsx";
import { FlowGraphView, groupText, statesText } from "./flow-graph.tsx";
import { FlowBadge, FlowProgress, MOMENT_TEXT, NodeBadge } from "./flow-look.tsx";
import { FlowNodes, NodeLink } from "./flow-nodes.tsx";

const route = getRouteApi("/queues/$queue/flows/$id");

const REFRESH_MS = 2_000;
/** After a read, the page waits this many times its duration, so that a large flow is read more rarely. */
const PAUSE_PER_READ = 20;
/** The longest wait between two reads, ms, so that one slow read does not leave the page old for too long. */
const MOST_PAUSE_MS = 10_000;

const pauseAfter = (tookMs: number) => Math.min(Math.max(REFRESH_MS, tookMs * PAUSE_PER_READ), MOST_PAUSE_MS);

export function FlowPage() {
  const { queue, id } = route.useParams();
  const { paused } = useLive();
  const query = useQuery({
    ...flowGraphQuery(queue, id),
    refetchInterval: ({ state }) =>
      paused || state.data === undefined ? false : pauseAfter(state.data.tookMs),
  });
  if (query.data === undefined) {
    return query.isError ? (
      <Failed error={query.error} onRetry={() => void query.refetch()} page />
    ) : (
      <Loading what={t`the flow`} />
    );
  }
  const gone = query.error !== null && toApiError(query.error).status === 404;
  return <FlowDetail graph={query.data} gone={gone} />;
}

function FlowDetail({ graph, gone }: { graph: TimedGraph; gone: boolean }) {
  const { flow, groups, scanned } = graph;
  const { id, queue, counts } = flow;
  const isFolded = groups.some(({ total }) => total > 1);
  return (
    <>
      {gone ? (
        <Banner icon={Ghost} tone="warn">
          <Trans>
            <strong>This flow is gone:</strong> its retention is over, or its queue was deleted. The last
            known state is below.
          </Trans>
        </Banner>
      ) : null}
      <div className="page-head">
        <h1 className="mono">{id}</h1>
        <FlowBadge flow={flow} />
        {gone ? null : <FlowActions flow={flow} />}
      </div>
      <Counts flow={flow} />
      <section className="panel" aria-label={t`Graph`}>
        <div className="panel-head">
          <h2>{t`Graph`}</h2>
          <span className="hint">
            {scanned < counts.total
              ? t`the first ${count(scanned)} of ${plural(counts.total, { one: "# node", other: "# nodes" })}`
              : plural(counts.total, { one: "# node", other: "# nodes" })}
            {isFolded ? t`, folded by layer and type` : ""}. {t`Thick lines: the critical path.`}
          </span>
        </div>
        {groups.length === 0 ? (
          <p className="panel-body soft small">
            {flow.state === "open" ? t`This flow has no nodes yet.` : t`This flow has no nodes.`}
          </p>
        ) : (
          <FlowGraphView queue={queue} flow={id} groups={groups} />
        )}
      </section>
      <div className="columns columns-wide">
        <div className="form">
          {isFolded ? <GroupTable queue={queue} flow={id} groups={groups} /> : null}
          <FlowNodes queue={queue} flow={id} asOf={JSON.stringify(counts)} />
        </div>
        <div className="form">
          {flow.state === "ended" ? null : <WaitsFor queue={queue} graph={graph} />}
          <CriticalPath queue={queue} graph={graph} />
          <Callbacks flow={flow} />
          <Facts flow={flow} />
        </div>
      </div>
    </>
  );
}

function Counts({ flow }: { flow: FlowView }) {
  const { total, completed, waiting, active, dead, cancelled, expired, skipped } = flow.counts;
  return (
    <div className="form">
      <Tiles label={t`Nodes by state`}>
        <Tile
          state="completed"
          value={count(completed)}
          sub={t`of ${plural(total, { one: "# node", other: "# nodes" })}`}
        />
        <Tile state="processing" name={t`Active`} value={count(active)} />
        <Tile state="waiting" value={count(waiting)} />
        <Tile state="dead" value={count(dead)} alarm={dead > 0} />
        <Tile state="cancelled" value={count(cancelled)} />
        <Tile state="expired" value={count(expired)} />
        <Tile name={t`Skipped`} value={count(skipped)} />
      </Tiles>
      <FlowProgress flow={flow} />
    </div>
  );
}

function GroupTable({ queue, flow, groups }: { queue: string; flow: string; groups: readonly FlowGroup[] }) {
  return (
    <section className="panel" aria-label={t`Groups`}>
      <div className="panel-head">
        <h2>{t`Groups`}</h2>
        <span className="hint">{t`the boxes of the graph`}</span>
      </div>
      <div className="grid-table flow-groups" role="table" aria-label={t`Groups of nodes, by layer`}>
        <div role="rowgroup">
          <div className="grid-row grid-head" role="row">
            {[t`Layer`, t`Type`, t`Nodes`, t`Some of them`].map((text) => (
              <div key={text} role="columnheader" className="cell">
                {text}
              </div>
            ))}
          </div>
        </div>
        <div
          role="rowgroup"
          className="grid-body scroller-short"
          tabIndex={0}
          aria-label={t`Groups, scrollable`}
        >
          {[...groups.entries()]
            .sort(([, a], [, b]) => a.layer - b.layer)
            .map(([at, group]) => (
              <div key={at} className="grid-row" role="row">
                <div className="cell" role="cell">
                  <span className="label">{t`Layer`}</span>
                  {count(group.layer + 1)}
                  {group.lastLayer === group.layer ? "" : t` to ${count(group.lastLayer + 1)}`}
                </div>
                <div className="cell cell-half clip" role="cell">
                  {groupText(group)}
                  {group.isOnPath ? <div className="hint">{t`on the critical path`}</div> : null}
                </div>
                <div className="cell cell-half" role="cell">
                  {statesText(group)}
                </div>
                <div className="cell cell-wide clip" role="cell">
                  {group.names.map((name, place) => (
                    <span key={name}>
                      {place === 0 ? "" : ", "}
                      <NodeLink queue={queue} id={`${flow}.${name}`} text={name} isKept={group.types > 0} />
                    </span>
                  ))}
                </div>
              </div>
            ))}
        </div>
      </div>
    </section>
  );
}

function Steps({ queue, nodes, timed }: { queue: string; nodes: readonly FlowStep[]; timed: boolean }) {
  return (
    <ol className="flow-steps">
      {nodes.map((node, at) => (
        <li key={node.name}>
          <span className="clip">
            <NodeLink queue={queue} id={node.id} text={node.name} isKept={node.type !== null} />
          </span>
          <NodeBadge state={node.state} />
          <span className="hint">
            <StepTime node={node} before={timed ? nodes[at - 1] : undefined} timed={timed} />
          </span>
        </li>
      ))}
    </ol>
  );
}

/** Shows how long a step took. A step that has ended is taken to have begun when the step before it ended. */
function StepTime({ node, before, timed }: { node: FlowStep; before: FlowStep | undefined; timed: boolean }) {
  const { state, startedAt, endedAt } = node;
  if (timed) {
    const from = before?.endedAt ?? startedAt;
    return from === null || endedAt === null ? null : duration(endedAt - from);
  }
  if (state === "dead") return t`holds the nodes behind it: replay or discard it`;
  return startedAt === null || endedAt !== null ? null : (
    <Trans>
      began <Time at={startedAt} />
    </Trans>
  );
}

function WaitsFor({ queue, graph: { waitsFor } }: { queue: string; graph: TimedGraph }) {
  const { total, nodes } = waitsFor;
  return (
    <section className="panel" aria-label={t`Waits for`}>
      <div className="panel-head">
        <h2>{t`Waits for`}</h2>
        <span className="hint">
          <Trans>
            <Plural value={total} one="# node" other="# nodes" />, the slowest first
          </Trans>
        </span>
      </div>
      <div className="panel-body">
        {nodes.length === 0 ? (
          <p className="soft small">{t`No node runs or may run.`}</p>
        ) : (
          <Steps queue={queue} nodes={nodes} timed={false} />
        )}
        {total > nodes.length ? (
          <p className="hint">
            <Trans>and {count(total - nodes.length)} more</Trans>
          </p>
        ) : null}
      </div>
    </section>
  );
}

function CriticalPath({ queue, graph: { path } }: { queue: string; graph: TimedGraph }) {
  const { by, total, nodes } = path;
  if (total === 0) return null;
  return (
    <section className="panel" aria-label={t`Critical path`}>
      <div className="panel-head">
        <h2>{t`Critical path`}</h2>
        <span className="hint">
          {by === "length"
            ? t`the longest chain that has not ended: ${plural(total, { one: "# node", other: "# nodes" })}`
            : t`what the end waited for: ${plural(total, { one: "# node", other: "# nodes" })}`}
        </span>
      </div>
      <div className="panel-body">
        <Steps queue={queue} nodes={nodes} timed={by === "time"} />
        {total > nodes.length ? (
          <p className="hint">
            <Trans>and {count(total - nodes.length)} more</Trans>
          </p>
        ) : null}
      </div>
    </section>
  );
}

function Callbacks({ flow: { queue, state, callbacks } }: { flow: FlowView }) {
  return (
    <section className="panel" aria-label={t`Callbacks`}>
      <div className="panel-head">
        <h2>{t`Callbacks`}</h2>
      </div>
      <div className="panel-body">
        {callbacks.length === 0 ? (
          <p className="soft small">{t`None.`}</p>
        ) : (
          <ul className="flow-steps">
            {callbacks.map(({ moment, taskId, enqueued }) => (
              <li key={moment}>
                <span className="clip">
                  {enqueued ? (
                    <NodeLink queue={queue} id={taskId} text={moment} isKept />
                  ) : (
                    <span className="mono">{moment}</span>
                  )}
                </span>
                <span>{enqueued ? t`Enqueued` : state === "ended" ? t`Did not come` : t`Not yet`}</span>
                <span className="hint">{MOMENT_TEXT[moment]()}</span>
              </li>
            ))}
          </ul>
        )}
      </div>
    </section>
  );
}

function Facts({ flow }: { flow: FlowView }) {
  const { queue, createdAt, endedAt, sealBy, cancelRequested } = flow;
  const now = useNow();
  const rows: [string, React.ReactNode][] = [
    [
      t`Queue`,
      <Link key="queue" to="/queues/$queue/flows" params={{ queue }}>
        {queue}
      </Link>,
    ],
    [t`Created`, <Time key="created" at={createdAt} />],
    [t`Takes more nodes until`, sealBy === null ? null : <Time key="seal" at={sealBy} />],
    [t`Ended`, endedAt === null ? null : <Time key="ended" at={endedAt} />],
    [endedAt === null ? t`Age` : t`Took`, duration((endedAt ?? now) - createdAt)],
    [t`Cancel`, cancelRequested ? t`requested` : null],
  ];
  return (
    <section className="panel" aria-label={t`Facts`}>
      <div className="panel-head">
        <h2>{t`Facts`}</h2>
      </div>
      <FactList rows={rows} />
    </section>
  );
}
