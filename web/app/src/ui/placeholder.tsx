// A page or panel with nothing in it yet: says what this place is for and offers the next step.

import type { ReactNode } from "react";

type PlaceholderProps = {
  icon: ReactNode;
  title: string;
  lead: string;
  /** Whether it is all there is on the page, and not a part of one. */
  isPage?: boolean;
  children?: ReactNode;
};

export function Placeholder({ icon, title, lead, isPage, children }: PlaceholderProps) {
  const Heading = isPage ? "h1" : "h2";
  return (
    <div className="placeholder">
      <span className="placeholder-icon" aria-hidden="true">
        {icon}
      </span>
      <Heading>{title}</Heading>
      <p>{lead}</p>
      {children}
    </div>
  );
}
