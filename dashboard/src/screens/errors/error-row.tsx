import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { type ErrorView, unmuteError } from "../../api/error-list.ts";
import { plainText } from "../../format/foreign-text.ts";
import { count } from "../../format/number.ts";
import { useSession } from "../../session/session-context.tsx";
import { Button } from "../../ui/button.tsx";
import { ForeignText } from "../../ui/foreign-text.tsx";
import { Sparkline } from "../../ui/sparkline.tsx";
import { Time } from "../../ui/time.tsx";
import { useToasts } from "../../ui/toast.tsx";
import { useDeadLetterActions } from "../dead-letters/use-dead-letter-actions.tsx";
import { MuteDialog } from "./mute-dialog.tsx";

const titleOf = (title: string) => title.replaceAll("_", " ");

export function ErrorRow({ error }: { error: ErrorView }) {
  const { queue, signature, type, dead, failures, trend } = error;
  const title = error.error === null && signature !== null ? titleOf(error.title) : error.title;
  return (
    <div className="grid-row" role="row">
      <div className="cell cell-wide" role="cell">
        {signature === null || dead === 0 ? (
          <span className="signature mono" title={plainText(title)}>
            <ForeignText text={title} />
          </span>
        ) : (
          <Link
            className="signature mono"
            to="/queues/$queue/dead-letters"
            params={{ queue }}
            search={{ signature }}
            title={plainText(title)}
          >
            <ForeignText text={title} />
          </Link>
        )}
        <Marks error={error} />
        {error.error === null ? null : (
          <details className="error-more">
            <summary className="hint">First failure</summary>
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
        <span className="label">Dead</span>
        {count(dead)}
      </div>
      <div className="cell num" role="cell">
        <span className="label">Failures</span>
        {count(failures)}
      </div>
      <div className="cell cell-hide" role="cell">
        <Sparkline
          values={trend}
          tone="dead"
          label={`Failures in each half hour of the last day, oldest first: ${trend.join(", ")}`}
        />
      </div>
      <div className="cell" role="cell">
        <span className="label">First</span>
        <Time at={error.firstAt} />
      </div>
      <div className="cell" role="cell">
        <span className="label">Last</span>
        <Time at={error.lastAt} />
      </div>
      <div className="cell cell-wide actions" role="cell">
        {signature === null ? null : <ErrorActions error={error} signature={signature} title={title} />}
      </div>
    </div>
  );
}

function Marks({ error: { isNew, mute, versions, tags } }: { error: ErrorView }) {
  const words = [
    ...(versions.length > 0 ? [`version ${versions.join(", ")}`] : []),
    ...(tags.length > 0 ? [`tags ${tags.join(", ")}`] : []),
  ];
  return (
    <div className="hint clip">
      {isNew ? <strong className="error-new">New in this version · </strong> : null}
      {mute === null ? null : (
        <span>
          Muted by {mute.by}
          {mute.until === null ? null : (
            <>
              {" until "}
              <Time at={mute.until} />
            </>
          )}
          {mute.untilFailures === null ? null : ` until ${count(mute.untilFailures)} failures`}
          {" · "}
        </span>
      )}
      <ForeignText text={words.join(" · ")} />
    </div>
  );
}

function ErrorActions({ error, signature, title }: { error: ErrorView; signature: string; title: string }) {
  const { queue, dead, mute } = error;
  const { denied } = useSession();
  const client = useQueryClient();
  const { say, fail } = useToasts();
  const actions = useDeadLetterActions(queue);
  const [muting, setMuting] = useState(false);
  const why = denied("control", queue);
  const filter = { signature };
  const refresh = () =>
    client.invalidateQueries({ predicate: ({ queryKey }) => queryKey.includes("errors") });
  return (
    <>
      <Button
        small
        denied={why}
        isDisabled={dead === 0}
        onPress={() => actions.replay({ filter }, `with the error “${title}”`, () => void refresh())}
      >
        Replay
      </Button>
      <Button
        small
        look="danger"
        denied={why}
        isDisabled={dead === 0}
        onPress={() => actions.discard({ filter }, `those with the error “${title}”`, () => void refresh())}
      >
        Discard
      </Button>
      {mute === null ? (
        <Button small look="quiet" denied={why} onPress={() => setMuting(true)}>
          Mute
        </Button>
      ) : (
        <Button
          small
          look="quiet"
          denied={why}
          onPress={() =>
            void unmuteError(queue, signature).then(
              () => {
                say("The error is shown again");
                return refresh();
              },
              (cause: unknown) => fail("The mute was not ended", cause),
            )
          }
        >
          Unmute
        </Button>
      )}
      {muting ? (
        <MuteDialog queue={queue} signature={signature} onMuted={refresh} onClose={() => setMuting(false)} />
      ) : null}
      {actions.dialog}
    </>
  );
}
