import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { Link } from "@tanstack/react-router";
import type { ErrorView } from "../../api/error-list.ts";
import { plainText } from "../../format/foreign-text.ts";
import { count } from "../../format/number.ts";
import { useSession } from "../../session/session-context.tsx";
import { Button } from "../../ui/button.tsx";
import { ForeignText } from "../../ui/foreign-text.tsx";
import { Sparkline } from "../../ui/sparkline.tsx";
import { Time } from "../../ui/time.tsx";
import { SelectCell } from "../tasks/select-cell.tsx";
import type { Selection } from "../tasks/use-selection.ts";
import type { NamedError } from "./move-dialog.tsx";
import type { ErrorActions } from "./use-error-actions.tsx";

const titleOf = (title: string) => title.replaceAll("_", " ");

interface ErrorRowProps {
  error: ErrorView;
  index: number;
  selected: boolean;
  toggle: Selection["toggle"];
  actions: ErrorActions;
}

export const isNamed = (error: ErrorView): error is NamedError => error.signature !== null;

export function ErrorRow({ error, index, selected, toggle, actions }: ErrorRowProps) {
  const { queue, signature, type, dead, failures, trend } = error;
  const title = error.error === null && signature !== null ? titleOf(error.title) : error.title;
  return (
    <div className="grid-row" role="row" data-selected={selected ? "" : undefined}>
      {signature === null ? (
        <div className="cell cell-check" role="cell" />
      ) : (
        <SelectCell id={`${title}, ${queue}`} index={index} selected={selected} toggle={toggle} />
      )}
      <div className="cell cell-id" role="cell">
        {signature === null || dead === 0 ? (
          <span className="signature mono" title={plainText(title)}>
            <ForeignText text={title} />
          </span>
        ) : (
          <Link
            className="signature mono"
            data-row-link=""
            to="/queues/$queue/dead-letters"
            params={{ queue }}
            search={{ query: `signature==${signature}` }}
            title={plainText(title)}
          >
            <ForeignText text={title} />
          </Link>
        )}
        <Marks error={error} />
        {error.error === null ? null : (
          <details className="error-more">
            <summary className="hint">{t`First failure`}</summary>
            <pre className="mono">
              <ForeignText text={error.error} />
            </pre>
          </details>
        )}
      </div>
      <div className="cell cell-half" role="cell">
        <Link className="clip error-queue" to="/queues/$queue" params={{ queue }}>
          {queue}
        </Link>
        <div className="hint clip" title={type}>
          {type}
        </div>
      </div>
      <div className="cell num" role="cell" style={{ fontWeight: 600 }}>
        <span className="label">{t`Dead`}</span>
        {count(dead)}
      </div>
      <div className="cell num" role="cell">
        <span className="label">{t`Failures`}</span>
        {count(failures)}
      </div>
      <div className="cell cell-hide" role="cell">
        <Sparkline
          values={trend}
          tone="dead"
          label={t`Failures in each half hour of the last day, oldest first: ${trend.join(", ")}`}
        />
      </div>
      <div className="cell" role="cell">
        <span className="label">{t`First`}</span>
        <Time at={error.firstAt} />
      </div>
      <div className="cell" role="cell">
        <span className="label">{t`Last`}</span>
        <Time at={error.lastAt} />
      </div>
      <div className="cell cell-wide actions" role="cell">
        {isNamed(error) ? <ErrorButtons error={error} title={title} actions={actions} /> : null}
      </div>
    </div>
  );
}

function Marks({ error: { isNew, mute, versions, tags } }: { error: ErrorView }) {
  const words = [
    ...(versions.length > 0 ? [t`version ${versions.join(", ")}`] : []),
    ...(tags.length > 0 ? [t`tags ${tags.join(", ")}`] : []),
  ];
  return (
    <div className="hint clip">
      {isNew ? <strong className="error-new">{t`New in this version · `}</strong> : null}
      {mute === null ? null : (
        <span>
          <Trans>Muted by {mute.by}</Trans>
          {mute.until === null ? null : (
            <Trans>
              {" "}
              until <Time at={mute.until} />
            </Trans>
          )}
          {mute.untilFailures === null ? null : t` until ${count(mute.untilFailures)} failures`}
          {" · "}
        </span>
      )}
      <ForeignText text={words.join(" · ")} />
    </div>
  );
}

interface ErrorButtonsProps {
  error: NamedError;
  title: string;
  actions: ErrorActions;
}

function ErrorButtons({ error, title, actions }: ErrorButtonsProps) {
  const { denied } = useSession();
  const why = denied("control", error.queue);
  const isNotDead = error.dead === 0;
  return (
    <>
      <Button
        small
        denied={why}
        isDisabled={isNotDead}
        onPress={() => actions.moveOne("replay", error, title)}
      >
        {t`Replay`}
      </Button>
      <Button
        small
        denied={why}
        isDisabled={isNotDead}
        onPress={() => actions.moveOne("discard", error, title)}
      >
        {t`Discard`}
      </Button>
      {error.mute === null ? (
        <Button small look="quiet" denied={why} onPress={() => actions.mute([error])}>
          {t`Mute`}
        </Button>
      ) : (
        <Button small look="quiet" denied={why} onPress={() => actions.unmute(error)}>
          {t`Unmute`}
        </Button>
      )}
    </>
  );
}
