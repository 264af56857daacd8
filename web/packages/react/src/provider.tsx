// Hands one Parlor client to a tree of components. It neither makes nor connects it: its life is the
// host's.

import type { Parlor } from "@parlor/client";
import { createContext, type ReactNode, useContext } from "react";

const ParlorContext = createContext<Parlor | null>(null);

export function ParlorProvider({ client, children }: { client: Parlor; children: ReactNode }) {
  return <ParlorContext value={client}>{children}</ParlorContext>;
}

export function useParlor(): Parlor {
  const client = useContext(ParlorContext);
  if (!client) throw new Error("useParlor needs a <ParlorProvider client={…}> above it");
  return client;
}
