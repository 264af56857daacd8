// A person (round) or a group (squarish): initials on a colour that comes from the id.

import { hueOf, initialsOf } from "../text/people";

export type AvatarSize = "sm" | "md" | "lg" | "xl";

type AvatarProps = { id: string; name: string; shape: "round" | "square"; size: AvatarSize };

export function Avatar({ id, name, shape, size }: AvatarProps) {
  const hue = { "--h": hueOf(id) } as React.CSSProperties;
  return (
    <span className={`avatar ${size} ${shape}`} style={hue} aria-hidden="true">
      {initialsOf(name, shape === "square" ? 2 : 1)}
    </span>
  );
}
