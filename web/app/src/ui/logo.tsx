// Parlor's mark.

export function Logo({ size }: { size: "small" | "large" }) {
  return (
    <span className={`logo ${size}`} aria-hidden="true">
      P
    </span>
  );
}
