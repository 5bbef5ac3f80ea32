import type { ReactNode } from "react";
import {
  Button as AriaButton,
  type ButtonProps as AriaButtonProps,
  Focusable,
  Tooltip,
  TooltipTrigger,
} from "react-aria-components";

interface RowButtonProps {
  children: string;
  look?: "plain" | "danger";
  /** Why this reader may not press it. */
  denied: string | null;
  /** Id of the element in the row that the button acts on. */
  describedBy: string;
  onPress(): void;
}

/** The button of a row in a long list: scrolling makes hundreds of them a second, so it is a native one. */
export function RowButton({ children, look = "plain", denied, describedBy, onPress }: RowButtonProps) {
  const off = denied === null ? {} : { "data-disabled": "", "aria-disabled": true, title: denied };
  return (
    <button
      type="button"
      className={`button button-${look} button-small`}
      aria-describedby={describedBy}
      aria-description={denied ?? undefined}
      onClick={denied === null ? onPress : undefined}
      {...off}
    >
      {children}
    </button>
  );
}

interface ButtonProps extends Omit<AriaButtonProps, "className" | "children"> {
  children: ReactNode;
  look?: "plain" | "primary" | "danger" | "quiet";
  small?: boolean;
  /** Why this reader may not press it. The button stays in place, is disabled, and shows this text. */
  denied?: string | null;
}

export function Button({ look = "plain", small = false, denied = null, ...props }: ButtonProps) {
  const className = `button button-${look}${small ? " button-small" : ""}`;
  if (denied === null) return <AriaButton {...props} className={className} />;
  return (
    <TooltipTrigger delay={150}>
      <Focusable>
        <button
          type="button"
          className={className}
          data-disabled=""
          aria-disabled="true"
          aria-label={props["aria-label"]}
          aria-description={denied}
        >
          {props.children}
        </button>
      </Focusable>
      <Tooltip className="tooltip">{denied}</Tooltip>
    </TooltipTrigger>
  );
}
