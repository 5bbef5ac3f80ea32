import type { ErrorsReply } from "@holdfast/contracts/api";
import type { UseQueryResult } from "@tanstack/react-query";
import { count, plural } from "../../format/number.ts";
import { Failed, Loading, NoneMatch, NoneYet } from "../../ui/empty.tsx";
import { GridHead } from "../../ui/grid-head.tsx";
import { ErrorRow } from "./error-row.tsx";

interface ErrorTableProps {
  query: UseQueryResult<ErrorsReply>;
  isFiltered: boolean;
  onClear(): void;
}

/** Errors with exact counts, and what is counted under no error. */
export function ErrorTable({ query, isFiltered, onClear }: ErrorTableProps) {
  const { data } = query;
  if (data === undefined)
    return query.isError ? (
      <Failed error={query.error} onRetry={() => void query.refetch()} />
    ) : (
      <Loading what="errors" />
    );
  const { errors, total, other } = data;
  const unsigned = other.filter(({ dead }) => dead > 0);
  return (
    <section className="panel" aria-label="Errors">
      {errors.length > 0 ? (
        <div className="grid-table errors" role="table" aria-label="Errors">
          <GridHead
            columns={["Error", "Queue and type", "Dead", "Failures", "24 hours", "First", "Last"]}
            numbers={["Dead", "Failures"]}
          />
          <div role="rowgroup" className="grid-body">
            {errors.map((error, at) => (
              <ErrorRow key={`${error.queue} ${error.signature ?? at}`} error={error} />
            ))}
          </div>
        </div>
      ) : isFiltered ? (
        <NoneMatch what="errors" onClear={onClear} />
      ) : (
        <NoneYet title="No errors">
          <p>Failures with the same error share one row here.</p>
        </NoneYet>
      )}
      {errors.length < total ? (
        <p className="list-foot hint">
          The first {count(errors.length)} of {count(total)} errors. Search for others.
        </p>
      ) : null}
      {unsigned.map(({ queue, dead }) => (
        <p className="list-foot hint" key={queue}>
          {queue} has {plural(dead, "more dead letter")} without an error: from an earlier version, or beyond
          the 500 errors of a queue.
        </p>
      ))}
    </section>
  );
}
