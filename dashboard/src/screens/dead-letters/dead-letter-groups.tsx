import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type DeadLetterGroup, deadLetterGroupsQuery } from "../../api/dead-letters.ts";
import { plainText } from "../../format/foreign-text.ts";
import { count } from "../../format/number.ts";
import { useLive } from "../../live/live-context.tsx";
import { useSession } from "../../session/session-context.tsx";
import { Button } from "../../ui/button.tsx";
import { Failed, Loading, NoneYet } from "../../ui/empty.tsx";
import { ForeignText } from "../../ui/foreign-text.tsx";
import { GridHead } from "../../ui/grid-head.tsx";
import { Sparkline } from "../../ui/sparkline.tsx";
import { ReasonBadge } from "../../ui/status.tsx";
import { Time } from "../../ui/time.tsx";
import type { DeadLetterActions } from "./use-dead-letter-actions.tsx";

interface DeadLetterGroupsProps {
  queue: string;
  actions: DeadLetterActions;
}

export function DeadLetterGroups({ queue, actions }: DeadLetterGroupsProps) {
  const { paused } = useLive();
  const query = useQuery({ ...deadLetterGroupsQuery(queue), refetchInterval: paused ? false : 5_000 });
  if (query.data === undefined) {
    return query.isError ? (
      <Failed error={query.error} onRetry={() => void query.refetch()} />
    ) : (
      <Loading what="groups" />
    );
  }
  const { groups, scanned, total } = query.data;
  return (
    <section className="panel" aria-label="Dead letters by error">
      {groups.length === 0 ? (
        <NoneYet title="No dead letters">
          <p>Dead tasks with the same error will share one row here.</p>
        </NoneYet>
      ) : (
        <div className="grid-table groups" role="table" aria-label="Dead letters by error">
          <GridHead
            columns={["Error", "Type", "Reason", "Count", "Trend", "First", "Last"]}
            numbers={["Count"]}
          />
          <div role="rowgroup" className="grid-body">
            {groups.map((group) => (
              <GroupRow
                key={`${group.type} ${group.reason} ${group.signature}`}
                queue={queue}
                group={group}
                actions={actions}
              />
            ))}
          </div>
        </div>
      )}
      {scanned !== undefined && total !== undefined && scanned < total ? (
        <div className="list-foot">
          Computed from the {count(scanned)} newest of {count(total)} dead letters. A replay of a group
          includes all of its dead letters.
        </div>
      ) : null}
    </section>
  );
}

function GroupRow({
  queue,
  group,
  actions,
}: {
  queue: string;
  group: DeadLetterGroup;
  actions: DeadLetterActions;
}) {
  const { denied } = useSession();
  const why = denied("control", queue);
  const { signature, type, reason } = group;
  const filter = { type, reason, ...(signature === "" ? {} : { signature }) };
  const name = signature === "" ? "no error" : signature;
  return (
    <div className="grid-row" role="row">
      <div className="cell cell-wide" role="cell">
        <Link
          className="signature mono"
          to="/queues/$queue/dead-letters"
          params={{ queue }}
          search={filter}
          title={plainText(name)}
        >
          <ForeignText text={name} />
        </Link>
        <div className="hint clip">
          {group.sampleIds.slice(0, 3).map((id, index) => (
            <span key={id}>
              {index === 0 ? "e.g. " : ", "}
              <Link className="mono" to="/queues/$queue/tasks/$id" params={{ queue, id }}>
                {id}
              </Link>
            </span>
          ))}
          {group.diedAgain === undefined || group.diedAgain === 0 ? null : (
            <span> · {count(group.diedAgain)} died again after a replay</span>
          )}
        </div>
      </div>
      <div className="cell cell-half clip" role="cell" title={type}>
        {type}
      </div>
      <div className="cell cell-half" role="cell">
        <ReasonBadge reason={reason} />
      </div>
      <div className="cell num" role="cell" style={{ fontWeight: 600 }}>
        <span className="label">Count</span>
        {count(group.count)}
      </div>
      <div className="cell cell-hide" role="cell">
        <Sparkline
          values={group.trend ?? []}
          tone="dead"
          label={`Deaths over time, oldest first: ${(group.trend ?? []).join(", ")}`}
        />
      </div>
      <div className="cell" role="cell">
        <span className="label">First</span>
        <Time at={group.firstAt} />
      </div>
      <div className="cell" role="cell">
        <span className="label">Last</span>
        <Time at={group.lastAt} />
      </div>
      <div className="cell cell-wide actions" role="cell">
        <Button small denied={why} onPress={() => actions.replay({ filter }, `with the error “${name}”`)}>
          Replay group
        </Button>
        <Button
          small
          look="danger"
          denied={why}
          onPress={() => actions.discard({ filter }, `those with the error “${name}”`)}
        >
          Discard
        </Button>
      </div>
    </div>
  );
}
