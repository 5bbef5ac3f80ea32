import { plural, t } from "@lingui/core/macro";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { muteError, unmuteError } from "../../api/error-list.ts";
import { MuteDialog } from "../../ui/mute-dialog.tsx";
import { useToasts } from "../../ui/toast.tsx";
import { useDeadLetterActions } from "../dead-letters/use-dead-letter-actions.tsx";
import { MoveDialog, type MoveVerb, type NamedError } from "./move-dialog.tsx";

export interface ErrorActions {
  /** Opens the dialog that replays or discards the dead letters of one error. */
  moveOne(verb: MoveVerb, error: NamedError, title: string): void;
  /** Opens the dialog that replays or discards the dead letters of several errors, which may be in several queues. */
  moveAll(verb: MoveVerb, errors: readonly NamedError[], onDone: () => void): void;
  mute(errors: readonly NamedError[], onDone?: () => void): void;
  unmute(error: NamedError): void;
  dialog: ReactNode;
}

interface Asked {
  verb: MoveVerb | "mute";
  /** The errors at the moment when the dialog was opened, so that the number to type stays the same. */
  errors: readonly NamedError[];
  onDone: () => void;
}

/**
 * The actions on errors and their dialogs. The dialogs belong to the list and not to its rows, so that a dialog stays
 * open when its row leaves the list.
 */
export function useErrorActions(): ErrorActions {
  const client = useQueryClient();
  const { say, fail } = useToasts();
  const [queue, setQueue] = useState("");
  const one = useDeadLetterActions(queue);
  const [asked, setAsked] = useState<Asked | null>(null);
  const refresh = () =>
    client.invalidateQueries({ predicate: ({ queryKey }) => queryKey.includes("errors") });
  const done = async () => {
    asked?.onDone();
    await refresh();
  };
  const close = () => setAsked(null);
  return {
    moveOne: (verb, error, title) => {
      setQueue(error.queue);
      const query = `signature==${error.signature}`;
      const what = verb === "replay" ? t`with the error “${title}”` : t`those with the error “${title}”`;
      one[verb]({ query }, what, () => void refresh());
    },
    moveAll: (verb, errors, onDone) => setAsked({ verb, errors, onDone }),
    mute: (errors, onDone = () => {}) => setAsked({ verb: "mute", errors, onDone }),
    unmute: ({ queue, signature }) =>
      void unmuteError(queue, signature).then(
        () => {
          say(() => t`The error is shown again`);
          return refresh();
        },
        (cause: unknown) => fail(() => t`The mute was not ended`, cause),
      ),
    dialog: (
      <>
        {one.dialog}
        {asked === null ? null : asked.verb === "mute" ? (
          <MuteDialog
            title={plural(asked.errors.length, { one: "Mute # error", other: "Mute # errors" })}
            ends={[{ text: () => t`After 100 more failures`, end: { failures: 100 } }]}
            save={(mute) =>
              Promise.all(asked.errors.map(({ queue, signature }) => muteError(queue, signature, mute)))
            }
            onSaved={done}
            onClose={close}
          >
            {t`Muted errors are left out of the open errors. Their failures are still counted, and their tasks are not changed.`}
          </MuteDialog>
        ) : (
          <MoveDialog verb={asked.verb} errors={asked.errors} onDone={done} onClose={close} />
        )}
      </>
    ),
  };
}
