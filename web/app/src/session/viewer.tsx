// Who looks at this tab, for every component below: their account and their drafts.

import type { User } from "@parlor/client";
import { createContext, useContext } from "react";
import type { Account } from "./accounts";
import type { Drafts } from "./drafts";

export type Viewer = { user: User; account: Account; drafts: Drafts };

export const ViewerContext = createContext<Viewer | null>(null);

export function useViewer(): Viewer {
  const viewer = useContext(ViewerContext);
  if (!viewer) throw new Error("useViewer needs a ViewerContext above it");
  return viewer;
}
