// The rows of a list of conversations, with the menu of one of them, and what stands after the last.

import type { ConversationView } from "@parlor/client";
import { type ReactNode, useCallback, useState } from "react";
import { Virtuoso } from "react-virtuoso";
import { useViewer } from "../session/viewer";
import { useToday } from "../ui/hooks";
import type { MenuAnchor } from "../ui/menu";
import { Notice } from "../ui/notice";
import { ConversationRow } from "./row";
import { type AskedMenu, type MenuPage, RowMenu } from "./row-menu";
import { useOwnSide } from "./use-own-side";

/**
 * The row's height is fixed, so the list never measures and never jumps. As in list.css it grows with the
 * reader's text size.
 */
const ROW_PX = (66 / 16) * Number.parseFloat(getComputedStyle(document.documentElement).fontSize);

type RowsProps = {
  items: readonly ConversationView[];
  selectedId: string | null;
  foot: ReactNode;
};

type RowsContext = { foot: ReactNode };
const components = { Footer: ({ context }: { context?: RowsContext }) => context?.foot };

export function Rows({ items, selectedId, foot }: RowsProps) {
  const { user } = useViewer();
  const today = useToday();
  const [menu, setMenu] = useState<AskedMenu | null>(null);
  const [notice, setNotice] = useState<string | null>(null);
  const own = useOwnSide(setNotice);
  const quiet = useCallback(() => setNotice(null), []);
  const onMenu = useCallback((id: string, anchor: MenuAnchor, page: MenuPage) => {
    setMenu({ id, anchor, page });
  }, []);
  return (
    <>
      <Virtuoso
        className="rows"
        // Its rows are links: the box around them need not be a stop of its own.
        tabIndex={-1}
        data={items}
        context={{ foot }}
        components={components}
        fixedItemHeight={ROW_PX}
        increaseViewportBy={ROW_PX * 8}
        computeItemKey={(_, item) => item.id}
        itemContent={(_, item) => (
          <ConversationRow
            conversation={item}
            selected={item.id === selectedId}
            today={today}
            own={own}
            onMenu={onMenu}
          />
        )}
      />
      <Notice sentence={notice} onClose={quiet} />
      {menu && <RowMenu {...menu} viewerId={user.id} own={own} onClose={() => setMenu(null)} />}
    </>
  );
}
