import { isQueueName } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import { type ReactNode, useId } from "react";
import { useLive } from "../live/live-context.tsx";
import { useQueueStats } from "../live/use-queue-stats.ts";
import { TextField } from "./text-field.tsx";

interface QueueFieldProps {
  label: string;
  value: string;
  onChange(queue: string): void;
  /** The thing that will create a missing queue, such as `the first task`. The warning names it. */
  maker: string;
  placeholder?: string;
  hint?: ReactNode;
}

export const queueNameError = (name: string): string | null =>
  isQueueName(name)
    ? null
    : t`Begin with a letter or digit; then letters, digits, - _ and . are allowed, at most 64 characters.`;

/** A field for the name of a queue. Warns if it does not exist, because a mistyped name creates a new queue. */
export function QueueField(props: QueueFieldProps) {
  const { label, value, onChange, maker, placeholder, hint } = props;
  const { figures } = useLive();
  const { exists } = useQueueStats(value);
  const list = useId();
  // An empty field shows no error. A form that needs a queue checks that itself.
  const error = value === "" ? null : queueNameError(value);
  return (
    <div>
      <TextField
        label={label}
        value={value}
        onChange={onChange}
        error={error}
        warning={
          exists === false && error === null && value !== ""
            ? t`There is no queue “${value}” yet: ${maker} will create it.`
            : null
        }
        list={list}
        mono
        {...(placeholder === undefined ? {} : { placeholder })}
        {...(hint === undefined ? {} : { hint })}
      />
      <datalist id={list}>
        {(figures.queues ?? []).map(({ queue }) => (
          <option key={queue} value={queue} />
        ))}
      </datalist>
    </div>
  );
}
