import type { FlowView } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import { Plural, Trans } from "@lingui/react/macro";
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import { flowsQuery } from "../../api/flows.ts";
import { count } from "../../format/number.ts";
import { duration } from "../../format/time.ts";
import { useLive, useNow } from "../../live/live-context.tsx";
import { useQueueStats } from "../../live/use-queue-stats.ts";
import { Button } from "../../ui/button.tsx";
import { CopyButton } from "../../ui/copy-button.tsx";
import { Failed, Loading, NoneYet } from "../../ui/empty.tsx";
import { Time } from "../../ui/time.tsx";
import { type RowCells, VirtualList } from "../../ui/virtual-list.tsx";
import { FlowBadge, FlowProgress, openText } from "./flow-look.tsx";

const route = getRouteApi("/queues/$queue/flows");

const REFRESH_MS = 3_000;
/** A list with more pages than this is refreshed only by hand, because each refresh reads all of its pages. */
const PAGES_REFRESHED = 2;

export function FlowsTab() {
  const { queue } = route.useParams();
  const { paused } = useLive();
  const { stats } = useQueueStats(queue);
  const query = useInfiniteQuery({
    ...flowsQuery(queue),
    refetchInterval: ({ state }) =>
      paused || (state.data?.pages.length ?? 0) > PAGES_REFRESHED ? false : REFRESH_MS,
  });
  const { data, hasNextPage, isFetching, fetchNextPage } = query;
  const rows = useMemo(() => {
    const byId = new Map<string, FlowView>();
    for (const { flows } of data?.pages ?? [])
      for (const flow of flows) if (!byId.has(flow.id)) byId.set(flow.id, flow);
    return [...byId.values()];
  }, [data]);
  const more = useCallback(() => {
    if (hasNextPage && !isFetching) void fetchNextPage();
  }, [hasNextPage, isFetching, fetchNextPage]);
  const Cells = useCallback<RowCells<FlowView>>(
    ({ value }) => <FlowCells flow={value} queue={queue} />,
    [queue],
  );
  return (
    <section className="panel" aria-label={t`Flows`}>
      {rows.length > 0 ? (
        <>
          <VirtualList
            label={t`Flows`}
            className="flows"
            head={[t`Flow`, t`State`, t`Progress`, t`Other nodes`, t`Created`, t`Age`].map((text) => (
              <div key={text} role="columnheader" className="cell">
                {text}
              </div>
            ))}
            rows={rows}
            cardHeight={96}
            rowKey={({ id }) => id}
            Cells={Cells}
            onEnd={more}
          />
          <div className="list-foot">
            <span role="status">
              <Trans>
                <Plural value={rows.length} one="# flow loaded" other="# flows loaded" />
                {stats === undefined ? "" : t`, ${count(stats.flows)} of the queue have not ended`}
                {(stats?.oldestFlowAgeMs ?? 0) > 0
                  ? t`, the oldest for ${duration(stats?.oldestFlowAgeMs ?? 0)}`
                  : ""}
              </Trans>
            </span>
            <div className="actions">
              <Button small isDisabled={isFetching} onPress={() => void query.refetch()}>
                {t`Refresh`}
              </Button>
              {hasNextPage ? (
                <Button small isDisabled={isFetching} onPress={more}>
                  {t`Load more`}
                </Button>
              ) : (
                <span>{t`All shown`}</span>
              )}
            </div>
          </div>
        </>
      ) : query.isPending || hasNextPage ? (
        <Loading what={t`flows`} />
      ) : query.isError ? (
        <Failed error={query.error} onRetry={() => void query.refetch()} />
      ) : (
        <FlowsNone queue={queue} />
      )}
    </section>
  );
}

function FlowsNone({ queue }: { queue: string }) {
  const example = `echo '{"nodes":[{"name":"a","type":"demo.echo","payload":1},{"name":"b","type":"demo.echo","payload":2,"after":["a"]}]}' |
  holdfast flow create ${queue} -`;
  return (
    <NoneYet title={t`No flows`}>
      <p>
        <Trans>
          A flow is a set of tasks that wait for one another. This command stores one with two tasks:
        </Trans>
      </p>
      <pre className="text-block">{example}</pre>
      <CopyButton text={example} label={t`Copy`} />
    </NoneYet>
  );
}

function FlowCells({ flow, queue }: { flow: FlowView; queue: string }) {
  const { id, counts, createdAt, endedAt } = flow;
  const now = useNow();
  const others = openText(counts);
  return (
    <>
      <div className="cell cell-half clip" role="cell">
        <Link className="mono" data-row-link="" to="/queues/$queue/flows/$id" params={{ queue, id }}>
          {id}
        </Link>
      </div>
      <div className="cell cell-half" role="cell">
        <FlowBadge flow={flow} />
      </div>
      <div className="cell cell-half" role="cell">
        <div className="small">
          {count(counts.completed)}{" "}
          <span className="soft">
            <Trans>of {count(counts.total)} completed</Trans>
          </span>
        </div>
        <FlowProgress flow={flow} />
      </div>
      <div className="cell cell-half clip" role="cell" title={others}>
        {others === "" ? <span className="zero">{t`none`}</span> : others}
      </div>
      <div className="cell cell-half" role="cell">
        <Time at={createdAt} />
      </div>
      <div className="cell cell-half" role="cell">
        {endedAt === null ? duration(now - createdAt) : t`took ${duration(endedAt - createdAt)}`}
      </div>
    </>
  );
}
