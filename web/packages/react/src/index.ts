// The public surface of @parlor/react.

export {
  useArchived,
  useConnection,
  useConversation,
  useConversations,
  useMe,
  useMessages,
  usePresence,
  useReadable,
  useTyping,
} from "./hooks";
export { ParlorProvider, useParlor } from "./provider";
