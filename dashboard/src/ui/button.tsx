import type { ReactNode } from "react";
import {
  Button as AriaButton,
  type ButtonProps as AriaButtonProps,
  Focusable,
  Tooltip,
  TooltipTrigger,
} from "react-aria-components";

interface ButtonProps extends Omit<AriaButtonProps, "className" | "children"> {
  children: ReactNode;
  look?: "plain" | "primary" | "danger" | "quiet";
  small?: boolean;
  /** Why this reader may not press it: it stays in place, cannot be pressed, and says so. */
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
