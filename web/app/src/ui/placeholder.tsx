// A page or panel with nothing in it yet: says what this place is for and offers the next step.

import type { ReactNode } from "react";

type PlaceholderProps = { icon: ReactNode; title: string; lead: string; children?: ReactNode };

export function Placeholder({ icon, title, lead, children }: PlaceholderProps) {
  return (
    <div className="placeholder">
      <span className="placeholder-icon" aria-hidden="true">
        {icon}
      </span>
      <h2>{title}</h2>
      <p>{lead}</p>
      {children}
    </div>
  );
}
