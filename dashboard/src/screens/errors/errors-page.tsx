import { ERROR_KINDS, ERROR_ORDERS } from "@holdfast/contracts";
import { plural, t } from "@lingui/core/macro";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { type ErrorKind, type ErrorOrder, errorsQuery } from "../../api/error-list.ts";
import { count } from "../../format/number.ts";
import { useLive } from "../../live/live-context.tsx";
import { KnownSearch } from "../../shell/known-search.tsx";
import { PageSearch } from "../../ui/page-search.tsx";
import { Segments } from "../../ui/segments.tsx";
import { ErrorTable } from "./error-table.tsx";

const route = getRouteApi("/errors");

const KIND_TEXT: Record<ErrorKind, () => string> = {
  open: () => t`Open`,
  new: () => t`New`,
  dead: () => t`With dead letters`,
  muted: () => t`Muted`,
  all: () => t`All`,
};
const ORDER_TEXT: Record<ErrorOrder, () => string> = {
  last: () => t`Last failure`,
  first: () => t`First failure`,
  failures: () => t`Most failures`,
  dead: () => t({ message: "Most dead letters", context: "order" }),
};

export function ErrorsPage() {
  return (
    <KnownSearch>
      <Errors />
    </KnownSearch>
  );
}

function Errors() {
  const search = route.useSearch();
  const { q = "", kind = "open", sort = "last" } = search;
  const navigate = route.useNavigate();
  const { paused } = useLive();
  const query = useQuery({
    ...errorsQuery(undefined, { ...(q === "" ? {} : { q }), kind, sort }),
    refetchInterval: paused ? false : 5_000,
    placeholderData: (before) => before,
  });
  const show = (next: typeof search) => void navigate({ search: next, replace: true });
  return (
    <>
      <div className="page-head">
        <h1>{t`Errors`}</h1>
        <p className="soft small">
          {query.data === undefined
            ? ""
            : t`${plural(query.data.total, { one: "# error", other: "# errors" })}, ${count(query.data.dead)} dead letters in all queues`}
        </p>
        <div className="actions">
          <PageSearch
            label={t`Find an error`}
            placeholder={t`Message, type or tag`}
            value={q}
            onChange={(value) => {
              const { q: _, ...rest } = search;
              show(value === "" ? rest : { ...rest, q: value });
            }}
          />
          <select
            className="input"
            aria-label={t`What comes first`}
            value={sort}
            onChange={({ target }) => {
              const next = ERROR_ORDERS.find((order) => order === target.value) ?? "last";
              show({ ...search, sort: next });
            }}
          >
            {ERROR_ORDERS.map((order) => (
              <option key={order} value={order}>
                {ORDER_TEXT[order]()}
              </option>
            ))}
          </select>
        </div>
      </div>
      <div className="filters filters-head">
        <Segments
          label={t`Which errors`}
          value={kind}
          onChange={(next) => show({ ...search, kind: next })}
          options={ERROR_KINDS.map((value) => ({ value, text: KIND_TEXT[value]() }))}
        />
      </div>
      <ErrorTable
        query={query}
        isFiltered={q !== "" || kind !== "all"}
        onClear={() => show({ kind: "all" })}
      />
    </>
  );
}
