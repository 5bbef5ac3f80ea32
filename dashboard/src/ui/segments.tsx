import type { LucideIcon } from "lucide-react";
import { ToggleButton, ToggleButtonGroup } from "react-aria-components";

interface SegmentsProps<T extends string> {
  label: string;
  value: T;
  options: readonly { value: T; text: string; icon?: LucideIcon; iconOnly?: boolean }[];
  onChange(value: T): void;
}

/** A choice of one of a few options, which are side by side. The arrow keys move between them. */
export function Segments<T extends string>({ label, value, options, onChange }: SegmentsProps<T>) {
  return (
    <ToggleButtonGroup
      className="segments"
      aria-label={label}
      selectionMode="single"
      disallowEmptySelection
      selectedKeys={[value]}
      onSelectionChange={(keys) => {
        const [key] = keys;
        const option = options.find((candidate) => candidate.value === key);
        if (option !== undefined) onChange(option.value);
      }}
    >
      {options.map(({ value: id, text, icon: Icon, iconOnly = false }) => (
        <ToggleButton key={id} id={id} {...(iconOnly ? { "aria-label": text } : {})}>
          {Icon === undefined ? null : <Icon size={14} aria-hidden="true" />}
          {iconOnly ? null : text}
        </ToggleButton>
      ))}
    </ToggleButtonGroup>
  );
}
