// An in-app link: a real address for new tabs and screen readers, the router for a plain click.

import type { AnchorHTMLAttributes, MouseEvent } from "react";
import { navigate, pathOf, type Route } from "../router";

type LinkProps = Omit<AnchorHTMLAttributes<HTMLAnchorElement>, "href"> & {
  to: Route;
  /** Replaces the current page instead of adding one. */
  replace?: boolean;
};

export function Link({ to, replace = false, ...rest }: LinkProps) {
  const follow = (event: MouseEvent) => {
    const modified = event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
    if (modified || event.button !== 0) return;
    event.preventDefault();
    navigate(to, replace ? "replace" : "push");
  };
  return <a {...rest} href={pathOf(to)} onClick={follow} />;
}
