import { isQueueName } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError } from "../../api/errors.ts";
import { endSharedLimit, limitsKey, putSharedLimit, type SharedLimitView } from "../../api/limits.ts";
import { useLive } from "../../live/live-context.tsx";
import { ConfirmDialog } from "../../ui/confirm-dialog.tsx";
import { FormDialog } from "../../ui/form-dialog.tsx";
import { TextField } from "../../ui/text-field.tsx";
import { useToasts } from "../../ui/toast.tsx";
import { hasErrors, limitDraft, limitErrors, limitOf } from "./limit-draft.ts";
import { Changes, LimitFields } from "./limit-fields.tsx";
import { limitText } from "./limit-text.ts";
import { isUnchanged, queuesError, queuesOf, sharedChanges, sharedLimitErrors } from "./shared-draft.ts";

interface SharedLimitDialogProps {
  queue: string;
  /** The limit to change; null for a new one. */
  shared: SharedLimitView | null;
  onClose(): void;
}

/** Sets a limit that the queue shares with others. */
export function SharedLimitDialog({ queue, shared, onClose }: SharedLimitDialogProps) {
  const client = useQueryClient();
  const { say } = useToasts();
  // The form keeps the limit that it was opened with, because live data would replace what the user has typed.
  const [before] = useState(shared);
  const [name, setName] = useState(before?.name ?? "");
  const [draft, setDraft] = useState(() => limitDraft(before?.limit));
  const [text, setText] = useState((before?.queues ?? [queue]).join(", "));
  const queues = queuesOf(text);
  const nameError = isQueueName(name)
    ? null
    : t`Begin with a letter or digit; then letters, digits, - _ and . are allowed, at most 64 characters.`;
  const wrong = limitErrors(draft);
  const errors = sharedLimitErrors(draft, wrong);
  const invalid = nameError !== null || hasErrors(errors) || queuesError(queues) !== null;
  const limit = hasErrors(errors) ? {} : (limitOf(draft) ?? {});
  const changes = invalid ? [] : sharedChanges(before, { limit, queues });
  const save = async () => {
    // A save replaces the limit with this name. It must not undo a change that the form did not show.
    if (!(await isUnchanged(name, before)))
      throw new ApiError({
        status: 0,
        code: "conflict",
        detail:
          before === null
            ? t`A limit “${name}” already exists. Choose another name.`
            : t`Someone else has changed the limit in the meantime. Close this form and open it again.`,
      });
    await putSharedLimit(name, limit, queues);
  };
  return (
    <FormDialog
      title={before === null ? t`Share a limit` : t`Shared limit ${before.name}`}
      isWide
      refused={invalid || changes.length === 0}
      save={save}
      onSaved={() => {
        say(
          () => t`Limit ${name} is shared`,
          () => t`Its queues never exceed it together.`,
        );
        void client.invalidateQueries({ queryKey: limitsKey(queue) });
      }}
      onClose={onClose}
    >
      <p className="soft">
        <Trans>A janitor divides this limit among its queues every second, by what waits there.</Trans>
      </p>
      {before === null ? (
        <TextField
          label={t`Name`}
          placeholder="database"
          value={name}
          onChange={setName}
          error={name === "" ? null : nameError}
          mono
          autoFocus
        />
      ) : null}
      <QueuesField value={text} onChange={setText} />
      <LimitFields
        draft={draft}
        // A form for a new limit does not show the error that no limit is set yet.
        errors={before === null ? wrong : errors}
        weightHint={null}
        onChange={setDraft}
      />
      <Changes changes={changes} />
    </FormDialog>
  );
}

/**
 * Shows the field for the queues that share a limit. A mistyped name would create a queue, so the field warns about
 * queues that do not exist.
 */
function QueuesField({ value, onChange }: { value: string; onChange(value: string): void }) {
  const { figures } = useLive();
  const queues = queuesOf(value);
  const error = queuesError(queues);
  const known = figures.queues?.map(({ queue }) => queue);
  const unknown = known === undefined ? [] : queues.filter((queue) => !known.includes(queue));
  return (
    <TextField
      label={t`Queues`}
      hint={t`Names of queues, with blanks or commas between them.`}
      value={value}
      onChange={onChange}
      error={error}
      warning={
        error !== null || unknown.length === 0
          ? null
          : t`Saving creates these queues, which do not exist yet: ${unknown.join(", ")}.`
      }
      mono
    />
  );
}

interface EndSharedLimitDialogProps {
  queue: string;
  shared: SharedLimitView;
  onClose(): void;
}

export function EndSharedLimitDialog({ queue, shared, onClose }: EndSharedLimitDialogProps) {
  const client = useQueryClient();
  const { say } = useToasts();
  return (
    <ConfirmDialog
      title={t`End the shared limit ${shared.name}`}
      action={t`End it`}
      danger
      phrase={null}
      onConfirm={async () => {
        await endSharedLimit(shared.name);
        say(() => t`Limit ${shared.name} has ended`);
        await client.invalidateQueries({ queryKey: limitsKey(queue) });
      }}
      onClose={onClose}
    >
      <p>
        <Trans>
          Together, <strong className="mono">{shared.queues.join(", ")}</strong> are then no longer limited to{" "}
          {limitText(shared.limit)}. Their own limits stay.
        </Trans>
      </p>
    </ConfirmDialog>
  );
}
