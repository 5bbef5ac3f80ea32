import { isTaskType } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { limitsKey, type QueueLimits } from "../../api/limits.ts";
import { FormDialog } from "../../ui/form-dialog.tsx";
import { TextField } from "../../ui/text-field.tsx";
import { useToasts } from "../../ui/toast.tsx";
import { hasErrors, limitDraft, limitErrors, limitOf } from "./limit-draft.ts";
import { Changes, LimitFields } from "./limit-fields.tsx";
import { limitChanges } from "./limit-text.ts";
import { saveLimits } from "./save-limits.ts";

interface TypeLimitDialogProps {
  queue: string;
  limits: QueueLimits;
  /** The type whose limit changes; null if the user still has to name the type. */
  type: string | null;
  onClose(): void;
}

/** Sets the limit of a type, or removes it. */
export function TypeLimitDialog({ queue, limits, type, onClose }: TypeLimitDialogProps) {
  const client = useQueryClient();
  const { say } = useToasts();
  // The form keeps the limits that it was opened with, because live data would replace what the user has typed.
  const [before] = useState(limits);
  const [name, setName] = useState(type ?? "");
  const [draft, setDraft] = useState(() => limitDraft(type === null ? undefined : before.types?.[type]));
  const nameError = isTaskType(name)
    ? null
    : t`Begin with a letter or digit; then letters, digits and _ . : / - are allowed, at most 128 characters.`;
  const errors = limitErrors(draft);
  const invalid = nameError !== null || hasErrors(errors);
  const limit = invalid ? undefined : limitOf(draft);
  const changes = invalid ? [] : limitChanges(t`This type`, before.types?.[name], limit);
  const save = () => {
    const { [name]: _, ...others } = before.types ?? {};
    const types = limit === undefined ? others : { ...others, [name]: limit };
    return saveLimits(queue, before, { ...before, types });
  };
  return (
    <FormDialog
      title={type === null ? t`Limit a type` : t`Limit of ${type}`}
      isWide
      refused={invalid || changes.length === 0}
      save={save}
      onSaved={() => {
        say(() => (limit === undefined ? t`${name} has no limit now` : t`The limit of ${name} changed`));
        void client.invalidateQueries({ queryKey: limitsKey(queue) });
      }}
      onClose={onClose}
    >
      <p className="soft">
        <Trans>
          The limit applies to all tasks of the type together. If all fields are empty, the type has no limit.
          Tasks of the type that run already are not counted when it gets its first limit.
        </Trans>
      </p>
      {type === null ? (
        <TextField
          label={t`Type`}
          placeholder="email.send"
          value={name}
          onChange={setName}
          error={name === "" ? null : nameError}
          mono
          autoFocus
        />
      ) : null}
      <LimitFields draft={draft} errors={errors} weightHint={null} onChange={setDraft} />
      <Changes changes={changes} />
    </FormDialog>
  );
}
