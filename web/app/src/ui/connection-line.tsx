// One quiet line about the connection; nothing when all is well. It waits a moment before it shows, so a
// quick start or a short break says nothing.

import { useConnection, useParlor } from "@parlor/react";
import { useEffect, useState } from "react";
import { words } from "../i18n";

function useSecondsUntil(atMs: number | null): number {
  const [nowMs, setNowMs] = useState(Date.now);
  useEffect(() => {
    if (atMs === null) return;
    setNowMs(Date.now());
    const timer = setInterval(() => setNowMs(Date.now()), 500);
    return () => clearInterval(timer);
  }, [atMs]);
  return atMs === null ? 0 : Math.max(0, Math.ceil((atMs - nowMs) / 1000));
}

export function ConnectionLine({ place }: { place: "list" | "thread" }) {
  const status = useConnection();
  const parlor = useParlor();
  const seconds = useSecondsUntil(status.state === "waiting" ? status.retryAtMs : null);
  const retry = () => void parlor.connect().catch(() => undefined);
  const text = {
    idle: null,
    live: null,
    stopped: null,
    connecting: words.connecting,
    catching_up: words.catchingUp,
    waiting:
      status.state === "waiting" && status.offline ? words.offline : words.reconnecting(seconds),
  }[status.state];
  return (
    <div className={`connection-line ${place}`} role="status">
      {text !== null && (
        <span className="connection-pill" data-state={status.state}>
          <span className="spinner" aria-hidden="true" />
          {text}
          {status.state === "waiting" && seconds > 2 && (
            <button type="button" className="text-button" onClick={retry}>
              {words.tryNow}
            </button>
          )}
        </span>
      )}
    </div>
  );
}
