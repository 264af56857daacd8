// The public surface of @parlor/react.

export {
  useArchived,
  useConnection,
  useConversation,
  useConversations,
  useMe,
  useMessages,
  useReadable,
} from "./hooks";
export { ParlorProvider, useParlor } from "./provider";
