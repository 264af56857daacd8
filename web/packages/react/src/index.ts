// The public surface of @parlor/react.

export {
  useConnection,
  useConversation,
  useConversations,
  useMessages,
  usePresence,
  useReadable,
  useTyping,
} from "./hooks";
export { ParlorProvider, useParlor } from "./provider";
