// What became of an own message: clock, one tick, two ticks, two coloured ticks, or a red mark.

import type { MessageStatus } from "@parlor/client";
import { Check, CheckCheck, CircleAlert, Clock } from "lucide-react";
import { words } from "../i18n";

const icons = {
  queued: Clock,
  sending: Clock,
  failed: CircleAlert,
  sent: Check,
  delivered: CheckCheck,
  read: CheckCheck,
} as const;

export function Ticks({ status }: { status: MessageStatus }) {
  const Icon = icons[status];
  return (
    <span className={`ticks ${status}`} role="img" aria-label={words.statuses[status]}>
      <Icon aria-hidden="true" />
    </span>
  );
}
