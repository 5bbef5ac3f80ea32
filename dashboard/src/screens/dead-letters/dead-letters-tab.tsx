import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { deadLettersQuery } from "../../api/dead-letters.ts";
import { count, plural } from "../../format/number.ts";
import { useLive } from "../../live/live-context.tsx";
import { Button } from "../../ui/button.tsx";
import { Failed, Loading, NoneMatch, NoneYet } from "../../ui/empty.tsx";
import { FilterBar } from "../../ui/filter-bar.tsx";
import { Segments } from "../../ui/segments.tsx";
import { usePaged } from "../../ui/use-paged.ts";
import { DeadLetterGroups } from "./dead-letter-groups.tsx";
import { DeadLetterList } from "./dead-letter-list.tsx";
import { useDeadLetterActions } from "./use-dead-letter-actions.tsx";

const route = getRouteApi("/queues/$queue/dead-letters");

export function DeadLettersTab() {
  const { queue } = route.useParams();
  const { view = "list", type = "", q = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const { figures, paused } = useLive();
  const total = figures.queues?.find((candidate) => candidate.queue === queue)?.dead ?? 0;
  const query = useInfiniteQuery(deadLettersQuery(queue, { type, q }));
  const { rows, scanned, more, pages } = usePaged(query);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const actions = useDeadLetterActions(queue, () => setSelected(new Set()));
  const filtered = type !== "" || q !== "";

  // A list that is being read stays as it is; one at its start follows the queue.
  const loadedTotal = useRef(total);
  const { refetch, isFetching, dataUpdatedAt } = query;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the total as it was when the rows came
  useEffect(() => {
    loadedTotal.current = total;
  }, [dataUpdatedAt]);
  const settled = selected.size === 0 && pages <= 1 && !paused;
  const changed = total - loadedTotal.current;
  useEffect(() => {
    if (settled && changed !== 0 && !isFetching) void refetch();
  }, [settled, changed, isFetching, refetch]);

  const show = (next: { view: "list" | "groups"; type: string; q: string }) => {
    setSelected(new Set());
    void navigate({
      search: {
        ...(next.view === "list" ? {} : { view: next.view }),
        ...(next.type === "" ? {} : { type: next.type }),
        ...(next.q === "" ? {} : { q: next.q }),
      },
    });
  };
  const visible = rows.filter((task) => selected.has(task.id)).map((task) => task.id);

  return (
    <>
      <div className="filters" style={{ justifyContent: "space-between" }}>
        <Segments
          label="View"
          value={view}
          onChange={(next) => show({ view: next, type, q })}
          options={[
            { value: "list", text: "One by one" },
            { value: "groups", text: "By error" },
          ]}
        />
        <div className="actions">
          <Button look="primary" isDisabled={total === 0} onPress={() => actions.replayAll(total)}>
            Replay all
          </Button>
          <Button look="danger" isDisabled={total === 0} onPress={() => actions.discardAll(total)}>
            Discard all
          </Button>
        </div>
      </div>
      {view === "groups" ? (
        <DeadLetterGroups queue={queue} total={total} actions={actions} />
      ) : (
        <>
          <FilterBar type={type} q={q} onApply={(filter) => show({ view, ...filter })} />
          <section className="panel" aria-label="Dead letters">
            {query.isPending ? (
              <Loading what="dead letters" />
            ) : query.isError && rows.length === 0 ? (
              <Failed error={query.error} onRetry={() => void query.refetch()} />
            ) : rows.length === 0 ? (
              filtered ? (
                <NoneMatch
                  what="dead letters"
                  scanned={scanned}
                  onClear={() => show({ view, type: "", q: "" })}
                />
              ) : (
                <NoneYet title="No dead letters">
                  <p>
                    Tasks that run out of attempts end here. The burst on{" "}
                    <Link to="/load" search={{ queue }}>
                      Load
                    </Link>{" "}
                    makes some.
                  </p>
                </NoneYet>
              )
            ) : (
              <>
                <DeadLetterList
                  queue={queue}
                  rows={rows}
                  selected={selected}
                  onSelect={setSelected}
                  onEnd={more}
                  actions={actions}
                />
                <div className="list-foot">
                  {visible.length > 0 ? (
                    <>
                      <span>{plural(visible.length, "dead letter")} selected</span>
                      <div className="actions">
                        <Button small look="primary" onPress={() => actions.replayIds(visible)}>
                          Replay selected
                        </Button>
                        <Button small look="danger" onPress={() => actions.discardIds(visible)}>
                          Discard selected
                        </Button>
                      </div>
                    </>
                  ) : (
                    <>
                      <span>
                        {count(rows.length)} of {count(Math.max(total, rows.length))} loaded
                        {filtered ? `, ${count(scanned)} looked at` : ", newest first"}
                      </span>
                      <div className="actions">
                        {!settled && changed !== 0 ? (
                          <Button small onPress={() => void query.refetch()}>
                            {changed > 0 ? `${count(changed)} new: show` : `${count(-changed)} gone: refresh`}
                          </Button>
                        ) : null}
                        {query.hasNextPage ? (
                          <Button small isDisabled={query.isFetching} onPress={more}>
                            {query.isFetchingNextPage ? "Loading…" : "Load more"}
                          </Button>
                        ) : null}
                      </div>
                    </>
                  )}
                </div>
              </>
            )}
          </section>
        </>
      )}
      {actions.dialog}
    </>
  );
}
