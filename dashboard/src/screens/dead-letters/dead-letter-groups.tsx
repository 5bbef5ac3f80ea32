import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type DeadLetterGroup, deadLetterGroupsQuery } from "../../api/dead-letters.ts";
import { count } from "../../format/number.ts";
import { useLive } from "../../live/live-context.tsx";
import { Button } from "../../ui/button.tsx";
import { Failed, Loading, NoneYet } from "../../ui/empty.tsx";
import { ReasonBadge } from "../../ui/status.tsx";
import { Time } from "../../ui/time.tsx";
import type { DeadLetterActions } from "./use-dead-letter-actions.tsx";

interface DeadLetterGroupsProps {
  queue: string;
  total: number;
  actions: DeadLetterActions;
}

export function DeadLetterGroups({ queue, total, actions }: DeadLetterGroupsProps) {
  const { paused } = useLive();
  const query = useQuery({ ...deadLetterGroupsQuery(queue), refetchInterval: paused ? false : 5_000 });
  if (query.data === undefined) {
    return query.isError ? (
      <Failed error={query.error} onRetry={() => void query.refetch()} />
    ) : (
      <Loading what="groups" />
    );
  }
  return (
    <section className="panel" aria-label="Dead letters by error">
      {query.data.length === 0 ? (
        <NoneYet title="No dead letters" />
      ) : (
        <div className="grid-table groups" role="table" aria-label="Dead letters by error">
          <div role="rowgroup">
            <div className="grid-row grid-head" role="row">
              {["Error", "Type", "Reason", "Count", "First", "Last"].map((text) => (
                <div key={text} role="columnheader" className={text === "Count" ? "cell num" : "cell"}>
                  {text}
                </div>
              ))}
              <div role="columnheader" className="cell">
                <span className="visually-hidden">Actions</span>
              </div>
            </div>
          </div>
          <div role="rowgroup" className="grid-body">
            {query.data.map((group) => (
              <GroupRow
                key={`${group.type} ${group.reason} ${group.signature}`}
                queue={queue}
                group={group}
                shared={query.data.some(
                  (other) => other !== group && other.type === group.type && other.reason === group.reason,
                )}
                actions={actions}
              />
            ))}
          </div>
        </div>
      )}
      {total > 1_000 ? (
        <div className="list-foot">Groups are made of the 1,000 newest of {count(total)} dead letters.</div>
      ) : null}
    </section>
  );
}

interface GroupRowProps {
  queue: string;
  group: DeadLetterGroup;
  /** Another group has the same type and reason. */
  shared: boolean;
  actions: DeadLetterActions;
}

function GroupRow({ queue, group, shared, actions }: GroupRowProps) {
  return (
    <div className="grid-row" role="row">
      <div className="cell cell-wide" role="cell">
        <div className="mono" style={{ overflowWrap: "anywhere" }}>
          {group.signature === "" ? "no error" : group.signature}
        </div>
        <div className="hint clip">
          {group.sampleIds.slice(0, 3).map((id, index) => (
            <span key={id}>
              {index === 0 ? "e.g. " : ", "}
              <Link className="mono" to="/queues/$queue/tasks/$id" params={{ queue, id }}>
                {id}
              </Link>
            </span>
          ))}
        </div>
      </div>
      <div className="cell cell-half clip" role="cell">
        {group.type}
      </div>
      <div className="cell cell-half" role="cell">
        <ReasonBadge reason={group.reason} />
      </div>
      <div className="cell num" role="cell" style={{ fontWeight: 600 }}>
        <span className="label">Count</span>
        {count(group.count)}
      </div>
      <div className="cell" role="cell">
        <span className="label">First</span>
        <Time at={group.firstAt} />
      </div>
      <div className="cell" role="cell">
        <span className="label">Last</span>
        <Time at={group.lastAt} />
      </div>
      <div className="cell cell-wide" role="cell">
        {/* The service selects by type and reason; a group that shares both with another is no selection of its own. */}
        <Button small onPress={() => actions.replayFilter({ type: group.type, reason: group.reason })}>
          {shared ? "Replay type and reason" : "Replay group"}
        </Button>
      </div>
    </div>
  );
}
