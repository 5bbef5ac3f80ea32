import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { Link, useNavigate, useRouter } from "@tanstack/react-router";
import { ArrowLeft, ChevronLeft, ChevronRight } from "lucide-react";
import { useMemo, useRef } from "react";
import { count } from "../../format/number.ts";
import { useKeyedList } from "../../shell/list-keys.ts";
import { type Neighbours, neighboursOf } from "./seen-list.ts";

/** Shows links to the list from which the user came, and to the next and previous task in it. */
export function ListNeighbours({ queue, id }: { queue: string; id: string }) {
  const found = useMemo(() => neighboursOf(queue, id), [queue, id]);
  const navigate = useNavigate();
  const latest = useRef(found);
  latest.current = found;
  const keys = useMemo(
    () => ({
      move: (by: 1 | -1) => {
        const params = by === 1 ? latest.current?.after : latest.current?.before;
        if (params) void navigate({ to: "/queues/$queue/tasks/$id", params, replace: true });
      },
      toggle: () => {},
    }),
    [navigate],
  );
  useKeyedList(keys);
  return found === null ? null : <Bar found={found} />;
}

function Bar({ found: { list, place, before, after } }: { found: Neighbours }) {
  const { history } = useRouter();
  return (
    <nav className="neighbours" aria-label={t`The list of this task`}>
      <a
        href={history.createHref(list.href)}
        onClick={(event) => {
          if (event.metaKey || event.ctrlKey || event.shiftKey) return;
          event.preventDefault();
          history.push(list.href);
        }}
      >
        <ArrowLeft size={14} aria-hidden="true" /> {list.name}
      </a>
      <span className="hint">
        <Trans>
          {count(place)} of {count(list.rows.length)}
        </Trans>
      </span>
      <span className="neighbour-links">
        <Step
          to={before}
          text={t`Previous`}
          keyName="k"
          icon={<ChevronLeft size={14} aria-hidden="true" />}
        />
        <Step to={after} text={t`Next`} keyName="j" icon={<ChevronRight size={14} aria-hidden="true" />} />
      </span>
    </nav>
  );
}

interface StepProps {
  to: Neighbours["before"];
  text: string;
  keyName: string;
  icon: React.ReactNode;
}

/** With `replace`, the browser's button Back leads to the list, no matter how many tasks the user has looked at. */
function Step({ to, text, keyName, icon }: StepProps) {
  if (to === null)
    return (
      <span className="button button-small" data-disabled="" aria-disabled="true" role="link">
        {icon} {text}
      </span>
    );
  return (
    <Link
      className="button button-small"
      to="/queues/$queue/tasks/$id"
      params={to}
      replace
      aria-keyshortcuts={keyName}
      title={t`Key ${keyName}`}
    >
      {icon} {text}
    </Link>
  );
}
