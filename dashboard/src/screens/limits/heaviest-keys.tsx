import { t } from "@lingui/core/macro";
import { Plural, Trans } from "@lingui/react/macro";
import { useQuery } from "@tanstack/react-query";
import { heaviestKeysQuery, type KeyOrder, type QueueLimits } from "../../api/limits.ts";
import { count } from "../../format/number.ts";
import { useLive } from "../../live/live-context.tsx";
import { Failed, Loading } from "../../ui/empty.tsx";
import type { AskedKey } from "./key-dialog.tsx";
import { KeyTable } from "./key-table.tsx";

/**
 * How often the list is read again, ms. The service reads thousands of keys for it, so this is less often than for a
 * page of keys.
 */
const REFETCH_MS = 5_000;

interface HeaviestKeysProps {
  queue: string;
  by: KeyOrder;
  limits: QueueLimits;
  onAsk(asked: AskedKey): void;
}

/** Shows the keys with the most tasks or the longest hold. Keys without waiting tasks are included. */
export function HeaviestKeys({ by, ...props }: HeaviestKeysProps) {
  const { paused } = useLive();
  const query = useQuery({
    ...heaviestKeysQuery(props.queue, by),
    refetchInterval: paused ? false : REFETCH_MS,
  });
  if (query.data === undefined)
    return query.isError ? (
      <Failed error={query.error} onRetry={() => void query.refetch()} />
    ) : (
      <Loading what={t`keys`} />
    );
  const { keys, lookedAt, isWhole } = query.data;
  return (
    <>
      <KeyTable {...props} keys={keys} />
      <div className="list-foot">
        <span role="status">
          <Trans>
            {count(keys.length)} of{" "}
            <Plural
              value={lookedAt}
              one="# key with tasks, a hold or a limit of its own"
              other="# keys with tasks, a hold or a limit of their own"
            />
            {isWhole ? "" : t`; there may be more keys, which were not read`}
          </Trans>
        </span>
      </div>
    </>
  );
}
