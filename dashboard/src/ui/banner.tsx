import type { LucideIcon } from "lucide-react";
import type { ReactNode } from "react";

export function Banner(props: { icon: LucideIcon; tone: string; children: ReactNode; action?: ReactNode }) {
  const { icon: Icon, tone, children, action } = props;
  return (
    <div className={`banner tone-${tone}`} role="status">
      <Icon size={17} aria-hidden="true" />
      <div className="banner-body">{children}</div>
      {action}
    </div>
  );
}
