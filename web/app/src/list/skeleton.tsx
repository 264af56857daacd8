// The list's shape while the first page is on its way. Widths vary as names do, the same each time.

import { words } from "../i18n";

const widths = [62, 44, 70, 52, 38, 66, 48, 58];

export function ListSkeleton() {
  return (
    <div className="list-skeleton" role="status" aria-label={words.catchingUp}>
      {widths.map((width) => (
        <div key={width} className="skeleton-row" aria-hidden="true">
          <span className="skeleton round" />
          <span className="skeleton-lines">
            <span className="skeleton line" style={{ inlineSize: `${width}%` }} />
            <span className="skeleton line faint" style={{ inlineSize: `${130 - width}%` }} />
          </span>
        </div>
      ))}
    </div>
  );
}
