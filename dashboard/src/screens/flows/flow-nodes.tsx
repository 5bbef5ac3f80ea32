import { type FlowNodeView, TASK_STATES, type TaskState } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import { Plural, Trans } from "@lingui/react/macro";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";
import { flowNodesQuery } from "../../api/flows.ts";
import { count } from "../../format/number.ts";
import { Button } from "../../ui/button.tsx";
import { Failed, Loading } from "../../ui/empty.tsx";
import { STATE_LOOK } from "../../ui/status.tsx";
import { Time } from "../../ui/time.tsx";
import { NodeBadge } from "./flow-look.tsx";

const AFTER_SHOWN = 3;
/** A search for a state reads up to this many pages by itself. Then the user has to continue it. */
const PAGES_SEARCHED = 10;

/** Shows the nodes of a flow, page by page. @param asOf a text that changes whenever the nodes have changed */
export function FlowNodes({ queue, flow, asOf }: { queue: string; flow: string; asOf: string }) {
  const [state, setState] = useState<TaskState | undefined>(undefined);
  const [searched, setSearched] = useState(PAGES_SEARCHED);
  const query = useInfiniteQuery(flowNodesQuery(queue, flow, state));
  const { data, hasNextPage, isFetching, fetchNextPage, refetch } = query;
  const pages = data?.pages ?? [];
  const nodes = useMemo(() => pages.flatMap((page) => page.nodes), [pages]);
  const searching = state !== undefined && nodes.length === 0 && hasNextPage && pages.length < searched;
  useEffect(() => {
    if (searching && !isFetching) void fetchNextPage();
  }, [searching, isFetching, fetchNextPage]);
  // A refresh reads all pages again, so only a list of one page is refreshed automatically.
  const isShort = pages.length <= 1;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the nodes have changed
  useEffect(() => {
    if (isShort) void refetch({ cancelRefetch: false });
  }, [asOf, refetch]);
  return (
    <section className="panel" aria-label={t`Nodes`}>
      <div className="panel-head">
        <h2>{t`Nodes`}</h2>
        <div className="actions">
          <select
            className="input"
            aria-label={t`State of the nodes`}
            value={state ?? ""}
            onChange={({ target }) => {
              setSearched(PAGES_SEARCHED);
              setState(TASK_STATES.find((each) => each === target.value));
            }}
          >
            <option value="">{t`Any state`}</option>
            {TASK_STATES.map((each) => (
              <option key={each} value={each}>
                {STATE_LOOK[each].text()}
              </option>
            ))}
          </select>
        </div>
      </div>
      {nodes.length > 0 ? (
        <NodeTable queue={queue} flow={flow} nodes={nodes} />
      ) : query.isError ? (
        <Failed error={query.error} onRetry={() => void refetch()} />
      ) : query.isPending || searching ? (
        <Loading what={t`nodes`} />
      ) : (
        <p className="panel-body soft small">
          {hasNextPage ? t`None among the nodes that were read.` : t`No nodes.`}
        </p>
      )}
      <div className="list-foot">
        <span role="status">
          <Plural value={nodes.length} one="# node loaded" other="# nodes loaded" />
        </span>
        <div className="actions">
          {isShort ? null : (
            <Button small isDisabled={isFetching} onPress={() => void refetch()}>
              {t`Refresh`}
            </Button>
          )}
          {hasNextPage ? (
            <Button
              small
              isDisabled={isFetching}
              onPress={() => {
                setSearched(pages.length + PAGES_SEARCHED);
                void fetchNextPage();
              }}
            >
              {nodes.length === 0 ? t`Search on` : t`Load more`}
            </Button>
          ) : (
            <span>{t`All shown`}</span>
          )}
        </div>
      </div>
    </section>
  );
}

function NodeTable({ queue, flow, nodes }: { queue: string; flow: string; nodes: readonly FlowNodeView[] }) {
  return (
    <div
      className="grid-table flow-nodes"
      role="table"
      aria-label={t`Nodes, in the order in which they were added`}
    >
      <div role="rowgroup">
        <div className="grid-row grid-head" role="row">
          {[t`Node`, t`Type`, t`State`, t`After`, t`Ended`].map((text) => (
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
        aria-label={t`Nodes, scrollable`}
      >
        {nodes.map((node) => (
          <div key={node.name} className="grid-row" role="row">
            <div className="cell cell-half clip" role="cell" title={node.name}>
              <NodeLink queue={queue} id={node.id} text={node.name} isKept={node.type !== null} />
            </div>
            <div className="cell cell-half clip" role="cell" title={node.type ?? undefined}>
              {node.type ?? <span className="zero">{t`not kept`}</span>}
            </div>
            <div className="cell cell-half" role="cell">
              <NodeBadge state={node.skippedBy === null ? node.state : "skipped"} />
              {node.waitsFor === 0 ? null : (
                <div className="hint">
                  <Plural value={node.waitsFor} one="for # node" other="for # nodes" />
                </div>
              )}
              {node.skippedBy === null ? null : (
                <div className="hint clip">
                  <Trans>
                    by{" "}
                    <NodeLink
                      queue={queue}
                      id={node.skippedBy}
                      text={node.skippedBy.slice(flow.length + 1)}
                      isKept
                    />
                  </Trans>
                </div>
              )}
            </div>
            <div
              className="cell cell-half clip mono soft"
              role="cell"
              title={node.after.slice(0, 20).join(", ")}
            >
              {node.after.length === 0 ? <span className="zero">{t`none`}</span> : afterText(node.after)}
            </div>
            <div className="cell cell-half" role="cell">
              {node.endedAt !== null ? (
                <Time at={node.endedAt} />
              ) : node.startedAt !== null ? (
                <Trans>
                  began <Time at={node.startedAt} />
                </Trans>
              ) : (
                <span className="zero">{t`not yet`}</span>
              )}
            </div>
          </div>
        ))}
      </div>
    </div>
  );
}

const afterText = (after: readonly string[]) =>
  after.length <= AFTER_SHOWN
    ? after.join(", ")
    : t`${after.slice(0, AFTER_SHOWN).join(", ")} and ${count(after.length - AFTER_SHOWN)} more`;

/** Shows a link to the task of a node. If the task was purged, there is only the text. */
export function NodeLink(props: { queue: string; id: string; text: string; isKept: boolean }) {
  const { queue, id, text, isKept } = props;
  if (!isKept) return <span className="mono">{text}</span>;
  return (
    <Link className="mono" to="/queues/$queue/tasks/$id" params={{ queue, id }}>
      {text}
    </Link>
  );
}
